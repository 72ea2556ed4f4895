//! What the fuzzer may reach: the codecs of what lies on disk and in Redis. No part of the product.

use crate::embedded::fuzz as disk;
use crate::fault::Error;
use crate::redis::fuzz as redis;

/// One stored value, whose codec the first byte chooses: it reads or is refused, and what reads is written so that it
/// reads the same. A panic is a codec that is silently wrong.
pub fn stored(data: &[u8]) {
    let Some((codec, bytes)) = data.split_first() else { return };
    match codec {
        b'a'..=b'k' => disk::stored(*codec, bytes),
        _ => redis::stored(*codec, bytes),
    }
}

/// Bytes that read are written so that they read the same.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<T, Error>,
    write: impl FnOnce(&T) -> Vec<u8>,
) {
    if let Ok(value) = read(bytes) {
        let again = read(&write(&value));
        assert!(again.as_ref() == Ok(&value), "{value:?} became {again:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_reads_is_written_so_that_it_reads_the_same(
            codec in b'a'..b'v',
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9'], 0..120),
        ) {
            let mut data = vec![codec];
            data.extend(bytes);
            stored(&data);
        }
    }
}
