//! The disk's codecs under any bytes.

use super::layout::{self, Birth};
use crate::fuzz::same;
use crate::key::Partition;

pub(crate) fn stored(codec: u8, bytes: &[u8]) {
    let Some(partition) = Partition::new(7) else { return };
    let behind =
        |key: Vec<u8>, place: Vec<u8>| key.strip_prefix(place.as_slice()).map(<[u8]>::to_vec).unwrap_or_default();
    match codec {
        b'a' => same(bytes, layout::read_record, |record| layout::write_record(record.clone())),
        b'b' => same(bytes, layout::read_result, |stored| layout::write_result(stored.clone())),
        b'c' => same(bytes, layout::read_mark, |mark| layout::write_mark(*mark)),
        b'd' => same(bytes, layout::read_ends, |ends| layout::write_ends(*ends)),
        b'e' => same(bytes, layout::read_group, layout::write_group),
        b'f' => same(bytes, layout::read_lease, |(epoch, lease)| layout::write_lease(*epoch, *lease)),
        b'g' => {
            let key = layout::feed(partition, 3);
            let read = |bytes: &[u8]| layout::read_event(&key, bytes);
            same(bytes, read, |entry| layout::write_event(entry.event.clone()));
        }
        b'h' => same(bytes, layout::read_index, |(sort, key)| {
            behind(layout::index(partition, "n", sort, key), layout::index_of_name(partition, "n"))
        }),
        b'i' => same(bytes, layout::read_due, |(at, key)| {
            behind(layout::due(partition, *at, key), layout::due_of_kind(partition, key.kind()))
        }),
        b'j' => same(bytes, layout::read_result_age, |(at, id)| {
            behind(layout::result_age(partition, *at, *id), layout::place(partition, layout::RESULT_AGE))
        }),
        _ => {
            let _birth = layout::decode::<Birth>("birth", bytes);
            same(bytes, layout::read_due_of, |at| layout::time(*at).to_vec());
        }
    }
}
