//! Protobuf's wire: varints, tags and length-delimited values, read without copying.

/// Bytes that are not protobuf, or not of the kind the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not fit the contract")]
pub struct Broken;

/// Wire type of varints.
pub(crate) const VARINT: u32 = 0;
/// Wire type of eight bytes.
pub(crate) const FIXED64: u32 = 1;
/// Wire type of a length and that many bytes.
pub(crate) const LEN: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
/// Wire type of four bytes.
pub(crate) const FIXED32: u32 = 5;

/// Groups are never written by our contracts; unknown ones are skipped to this depth.
const GROUP_DEPTH: usize = 64;

/// One value as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited value.
    pub(crate) fn bytes(self) -> Result<&'a [u8], Broken> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Fixed64(_) | Value::Fixed32(_) => Err(Broken),
        }
    }

    /// The number of a varint.
    pub(crate) fn varint(self) -> Result<u64, Broken> {
        match self {
            Value::Varint(number) => Ok(number),
            Value::Bytes(_) | Value::Fixed64(_) | Value::Fixed32(_) => Err(Broken),
        }
    }
}

/// Reads fields one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next field's number and value; `None` at the end. Groups are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Broken> {
        let mut groups = 0_usize;
        loop {
            if self.rest.is_empty() {
                return if groups == 0 { Ok(None) } else { Err(Broken) };
            }
            let tag = u32::try_from(self.varint()?).map_err(|_| Broken)?;
            let number = tag >> 3;
            if number == 0 {
                return Err(Broken);
            }
            let value = match tag & 7 {
                VARINT => Value::Varint(self.varint()?),
                FIXED64 => Value::Fixed64(self.fixed64()?),
                LEN => {
                    let length = usize::try_from(self.varint()?).map_err(|_| Broken)?;
                    let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Broken)?;
                    self.rest = rest;
                    Value::Bytes(bytes)
                }
                GROUP_START if groups < GROUP_DEPTH => {
                    groups += 1;
                    continue;
                }
                GROUP_END => {
                    groups = groups.checked_sub(1).ok_or(Broken)?;
                    continue;
                }
                FIXED32 => Value::Fixed32(self.fixed32()?),
                _ => return Err(Broken),
            };
            if groups == 0 {
                return Ok(Some((number, value)));
            }
        }
    }

    /// True when everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A bare varint, as in packed lists.
    pub(crate) fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0_u64;
        let mut shift = 0_u32;
        loop {
            let [byte, rest @ ..] = self.rest else { return Err(Broken) };
            self.rest = rest;
            if shift == 63 && *byte > 1 {
                return Err(Broken);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
            if shift > 63 {
                return Err(Broken);
            }
        }
    }

    /// Eight bare bytes.
    pub(crate) fn fixed64(&mut self) -> Result<u64, Broken> {
        let (chunk, rest) = self.rest.split_first_chunk::<8>().ok_or(Broken)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*chunk))
    }

    /// Four bare bytes.
    pub(crate) fn fixed32(&mut self) -> Result<u32, Broken> {
        let (chunk, rest) = self.rest.split_first_chunk::<4>().ok_or(Broken)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*chunk))
    }
}

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        out.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    out.push(low);
}

/// Appends a field's tag.
pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(out, u64::from((number << 3) | wire_type));
}

/// Appends a length-delimited field.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, LEN);
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a length.
pub(crate) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_varint(out, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Opens a length-delimited value whose length is not known yet: keeps one byte, which is enough for most.
pub(crate) fn open(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Closes what [`open`] opened: writes the length, moving the value when its length needs more than one byte.
pub(crate) fn close(out: &mut Vec<u8>, start: usize) {
    let length = out.len().saturating_sub(start);
    let mut header = Vec::new();
    if length < 0x80 {
        let [low, ..] = length.to_le_bytes();
        if let Some(slot) = out.get_mut(start.saturating_sub(1)) {
            *slot = low;
        }
        return;
    }
    put_length(&mut header, length);
    let more = header.len().saturating_sub(1);
    let end = out.len();
    out.resize(end + more, 0);
    out.copy_within(start..end, start + more);
    if let Some(slots) = out.get_mut(start.saturating_sub(1)..start + more) {
        slots.copy_from_slice(&header);
    }
}

/// The text of a string field of a message, the last one when it was written twice; `None` when absent or not text.
pub(crate) fn text_of(bytes: &[u8], number: u32) -> Option<&str> {
    let mut reader = Reader::new(bytes);
    let mut found = None;
    while let Ok(Some((field, value))) = reader.next() {
        if let (true, Value::Bytes(text)) = (field == number, value) {
            found = std::str::from_utf8(text).ok();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_survives_the_wire() {
        for number in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, number);
            assert_eq!(Reader::new(&out).varint(), Ok(number));
        }
    }

    #[test]
    fn a_value_of_any_length_gets_its_length_in_front() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            let mut out = vec![9];
            put_tag(&mut out, 4, LEN);
            let start = open(&mut out);
            out.resize(out.len() + length, 7);
            close(&mut out, start);
            let (number, value) = Reader::new(&out[1..]).next().unwrap().unwrap();
            assert_eq!((number, value.bytes().unwrap()), (4, vec![7; length].as_slice()));
        }
    }

    #[test]
    fn an_unknown_group_is_skipped_whole() {
        let bytes = [0x0b, 0x10, 0x05, 0x0c, 0x18, 0x2a];
        assert_eq!(Reader::new(&bytes).next(), Ok(Some((3, Value::Varint(42)))));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Reader::new(&[0x0a, 0x05, 1]).next(), Err(Broken));
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(Broken));
    }
}
