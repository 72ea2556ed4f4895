//! Redis's codecs under any bytes.

use redis::Value;

use super::values;
use crate::fuzz::same;

pub(crate) fn stored(codec: u8, bytes: &[u8]) {
    match codec {
        b'l' => same(
            bytes,
            |bytes| values::read_record(bytes.to_vec()),
            |record| values::record(record.version, record.schema, record.events, &record.body),
        ),
        b'm' => same(bytes, |bytes| values::read_stored(bytes.to_vec()), values::stored),
        b'n' => same(bytes, values::read_fence, values::fence),
        b'o' => same(
            bytes,
            |bytes| values::read_ends(Some(bytes)),
            |ends| [values::position(&ends.begin), values::position(&ends.end)].concat(),
        ),
        b'p' => {
            let _mark = values::read_mark(bytes);
            let _lease = values::read_lease(bytes);
            let _offset = values::read_offset(bytes);
        }
        _ => {
            // An event as a stream gives it, its parts divided by line ends.
            let mut parts = bytes.split(|byte| *byte == b'\n').map(|part| Value::BulkString(part.to_vec()));
            let id = parts.next().unwrap_or(Value::Nil);
            let _entry = values::read_entry(Value::Array(vec![id, Value::Array(parts.collect())]));
        }
    }
}
