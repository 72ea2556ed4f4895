//! Random messages, both ways, against prost-reflect.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::kinds::{Dice, everything, message, to_json, to_wire};

/// Numbers compared by value: two writers may spell one number differently.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(format!("{:?}", number.to_string().parse::<f64>().unwrap())),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| member(name, value)).collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

fn member(name: String, value: Value) -> (String, Value) {
    // Some floats have two shortest spellings: 2097205.25 is 2097205.2 and 2097205.3.
    let value = match value {
        Value::Number(number) if name.ends_with("Float") => {
            Value::String(format!("{:?}", number.to_string().parse::<f32>().unwrap()))
        }
        value => plain(value),
    };
    (name, value)
}

fn theirs(it: &DynamicMessage) -> String {
    let mut out = Vec::new();
    it.serialize_with_options(&mut serde_json::Serializer::new(&mut out), &SerializeOptions::new()).unwrap();
    String::from_utf8(out).unwrap()
}

fn same(left: &str, right: &str) -> Result<(), TestCaseError> {
    let (left, right) =
        (serde_json::from_str(left).map_err(|err| TestCaseError::fail(format!("{err}: {left}")))?, right);
    prop_assert_eq!(plain(left), plain(serde_json::from_str(right).unwrap()));
    Ok(())
}

fn read(wire: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(everything(), wire).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn wire_becomes_the_json_that_the_oracle_writes(entropy in proptest::collection::vec(any::<u8>(), 0..600)) {
        let it = message(&mut Dice(&entropy), &everything(), 3);
        same(&to_json(&it.encode_to_vec()).unwrap(), &theirs(&it))?;
    }

    #[test]
    fn json_becomes_the_message_that_the_oracle_reads(entropy in proptest::collection::vec(any::<u8>(), 0..600)) {
        let it = message(&mut Dice(&entropy), &everything(), 3);
        let json = theirs(&it);
        let ours = read(&to_wire(&json).map_err(|misfit| TestCaseError::fail(format!("{misfit} in {json}")))?);
        same(&theirs(&ours), &json)?;
    }

    #[test]
    fn our_json_is_read_back_as_the_same_message(entropy in proptest::collection::vec(any::<u8>(), 0..600)) {
        let it = message(&mut Dice(&entropy), &everything(), 3);
        let json = to_json(&it.encode_to_vec()).unwrap();
        same(&theirs(&read(&to_wire(&json).unwrap())), &theirs(&it))?;
    }

    #[test]
    fn two_messages_after_each_other_are_merged(
        first in proptest::collection::vec(any::<u8>(), 0..400),
        second in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        // Legal on the wire, written by nobody we know: last scalar counts, lists join, messages merge.
        let mut wire = message(&mut Dice(&first), &everything(), 3).encode_to_vec();
        wire.extend(message(&mut Dice(&second), &everything(), 3).encode_to_vec());
        same(&to_json(&wire).unwrap(), &theirs(&read(&wire)))?;
    }

    #[test]
    fn hostile_bytes_never_crash_and_never_become_bad_json(
        entropy in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut wire = message(&mut Dice(&entropy), &everything(), 3).encode_to_vec();
        if !wire.is_empty() {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        for wire in [wire, entropy] {
            if let Some(json) = to_json(&wire) {
                serde_json::from_str::<Value>(&json).map_err(|err| TestCaseError::fail(format!("{err}: {json}")))?;
            }
        }
    }

    #[test]
    fn hostile_json_never_crashes_and_never_becomes_bad_wire(
        entropy in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        byte in 0x20..0x7f_u8,
    ) {
        let mut json = to_json(&message(&mut Dice(&entropy), &everything(), 3).encode_to_vec()).unwrap();
        let at = at.index(json.len());
        if json.is_char_boundary(at) && json.is_char_boundary(at + 1) {
            json.replace_range(at..=at, &char::from(byte).to_string());
        }
        if let Ok(wire) = to_wire(&json) {
            prop_assert!(DynamicMessage::decode(everything(), wire.as_slice()).is_ok());
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "accepted {}", json);
        }
    }
}
