//! The gateway's transcoder, both ways, over every message of the contracts: what it makes another reader takes, and what
//! went in comes out again.

use prost_reflect::DynamicMessage;
use retail_gateway::{MessageId, decode, encode};
use serde_json::Value;

use crate::calls::{POOL, SCHEMA};

/// The name of a message, a line's end, and the rest.
fn taken_apart(data: &[u8]) -> Option<(&str, MessageId, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let name = std::str::from_utf8(&data[..end]).ok()?;
    Some((name, SCHEMA.message_named(name)?, &data[end + 1..]))
}

fn to_json(id: MessageId, wire: &[u8]) -> Option<String> {
    let mut json = b"kept".to_vec();
    match decode(&SCHEMA, id, wire, &mut json) {
        Ok(()) => Some(String::from_utf8(json.split_off(4)).expect("JSON is UTF-8")),
        Err(_) => {
            assert_eq!(json, b"kept", "what was refused left something behind");
            None
        }
    }
}

/// A JSON text as a message.
pub(crate) fn json_to_wire(data: &[u8]) {
    let Some((name, id, json)) = taken_apart(data) else { return };
    let Ok(json) = std::str::from_utf8(json) else { return };
    let mut wire = Vec::new();
    if let Err(misfit) = encode(&SCHEMA, id, json, &mut wire) {
        assert!(!misfit.what().is_empty());
        return;
    }
    serde_json::from_str::<Value>(json).unwrap_or_else(|error| panic!("took {json:?}: {error}"));
    DynamicMessage::decode(POOL.get_message_by_name(name).unwrap(), wire.as_slice()).expect("wire that others read");
    again(id, &wire);
}

/// Bytes of the wire as JSON.
pub(crate) fn wire_to_json(data: &[u8]) {
    let Some((_, id, wire)) = taken_apart(data) else { return };
    again(id, wire);
}

/// What was read is written and read again: the same.
fn again(id: MessageId, wire: &[u8]) {
    let Some(first) = to_json(id, wire) else { return };
    let value: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("wrote {first:?}: {error}"));
    let mut wire = Vec::new();
    match encode(&SCHEMA, id, &first, &mut wire) {
        Ok(()) => {
            let second = to_json(id, &wire).expect("what we wrote reads");
            assert_eq!(serde_json::from_str::<Value>(&second).unwrap(), value, "{first}");
        }
        Err(misfit) => panic!("what we wrote is refused: {misfit} in {first}"),
    }
}
