//! The test contract, and random messages of it.

use std::sync::LazyLock;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use retail_gateway::{MessageId, Misfit, Schema, decode, encode};

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| compile(&["kinds.proto"]));
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(&POOL).unwrap());

/// Compiles test contracts as the product's build does: options and comments kept.
pub(crate) fn compile(files: &[&str]) -> DescriptorPool {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protos");
    let contracts = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut compiler = protox::Compiler::new([here, contracts]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(files).unwrap();
    DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
}

pub(crate) fn everything() -> MessageDescriptor {
    POOL.get_message_by_name("kinds.v1.Everything").unwrap()
}

pub(crate) fn everything_id() -> MessageId {
    SCHEMA.message_named("kinds.v1.Everything").unwrap()
}

/// Our wire for a JSON text.
pub(crate) fn to_wire(json: &str) -> Result<Vec<u8>, Misfit> {
    let mut out = Vec::new();
    encode(&SCHEMA, everything_id(), json, &mut out).map(|()| out)
}

/// Our JSON for wire bytes.
pub(crate) fn to_json(wire: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    decode(&SCHEMA, everything_id(), wire, &mut out).ok()?;
    Some(String::from_utf8(out).unwrap())
}

/// Random bytes, used up one by one; nothing but zeros when they run out.
pub(crate) struct Dice<'a>(pub(crate) &'a [u8]);

impl Dice<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::from(self.byte()),
            2 => u64::MAX,
            3 => 1 << (self.byte() % 64),
            4 => u64::MAX << (self.byte() % 64),
            _ => (0..8).fold(0, |sum, _| (sum << 8) | u64::from(self.byte())),
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 12] = ['a', 'Z', '"', '\\', '\n', '\u{1}', 'é', '漢', '😀', '/', ' ', '\u{7f}'];
        (0..self.below(20)).map(|_| LETTERS[usize::from(self.below(12))]).collect()
    }
}

/// A random message.
pub(crate) fn message(dice: &mut Dice<'_>, of: &MessageDescriptor, depth: u32) -> DynamicMessage {
    let mut it = DynamicMessage::new(of.clone());
    match of.full_name() {
        "google.protobuf.Timestamp" => {
            it.set_field_by_name("seconds", Value::I64((dice.number() % 253_402_300_800) as i64));
            it.set_field_by_name("nanos", Value::I32((dice.number() % 1_000_000_000) as i32));
            return it;
        }
        "google.protobuf.Duration" => {
            // One sign: merged halves of two durations must not disagree. Negative ones have tests of their own.
            let sign = 1;
            it.set_field_by_name("seconds", Value::I64((dice.number() % 315_576_000_000) as i64 * sign));
            it.set_field_by_name("nanos", Value::I32((dice.number() % 1_000_000_000) as i32 * sign as i32));
            return it;
        }
        "google.protobuf.FieldMask" => {
            let paths = (0..dice.below(3)).map(|_| Value::String("some_field.inner_1x".replace("_1x", ""))).collect();
            it.set_field_by_name("paths", Value::List(paths));
            return it;
        }
        "google.protobuf.Value" => {
            let choice = dice.below(if depth == 0 { 4 } else { 6 }) as usize;
            let field = of.fields().nth(choice).unwrap();
            let value = match field.name() {
                "null_value" => Value::EnumNumber(0),
                _ => single(dice, &field.kind(), depth),
            };
            it.set_field(&field, value);
            return it;
        }
        _ => {}
    }
    let chance = if of.fields().len() > 5 { 5 } else { 2 };
    for field in of.fields() {
        if dice.below(chance) == 0
            && let Some(value) = value(dice, &field, depth)
        {
            it.set_field(&field, value);
        }
    }
    it
}

fn value(dice: &mut Dice<'_>, field: &FieldDescriptor, depth: u32) -> Option<Value> {
    let kind = field.kind();
    let leaf = depth == 0;
    if field.is_map() {
        let Kind::Message(entry) = kind else { unreachable!("a map has entries") };
        let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        if leaf && value.as_message().is_some() {
            return None;
        }
        let entries = (0..dice.below(4)).map(|_| {
            let key = match single(dice, &key, 0) {
                Value::String(key) => MapKey::String(key),
                Value::Bool(key) => MapKey::Bool(key),
                Value::I32(key) => MapKey::I32(key),
                Value::U64(key) => MapKey::U64(key),
                other => unreachable!("no map of ours has such a key: {other:?}"),
            };
            (key, single(dice, &value, depth.saturating_sub(1)))
        });
        return Some(Value::Map(entries.collect()));
    }
    if leaf && kind.as_message().is_some() {
        return None;
    }
    let depth = depth.saturating_sub(1);
    if field.cardinality() == Cardinality::Repeated {
        return Some(Value::List((0..dice.below(4)).map(|_| single(dice, &kind, depth)).collect()));
    }
    Some(single(dice, &kind, depth))
}

fn single(dice: &mut Dice<'_>, kind: &Kind, depth: u32) -> Value {
    let finite = |bits: u64| Some(f64::from_bits(bits)).filter(|it| it.is_finite()).unwrap_or(-0.5);
    match kind {
        Kind::Double => Value::F64(finite(dice.number())),
        Kind::Float => {
            Value::F32(Some(f32::from_bits(dice.number() as u32)).filter(|it| it.is_finite()).unwrap_or(2.5))
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(dice.number() as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(dice.number() as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(dice.number() as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(dice.number()),
        Kind::Bool => Value::Bool(dice.below(2) == 1),
        Kind::String => Value::String(dice.text()),
        Kind::Bytes => Value::Bytes(dice.text().into_bytes().into()),
        Kind::Message(of) => Value::Message(message(dice, of, depth)),
        Kind::Enum(of) if of.full_name() == "google.protobuf.NullValue" => Value::EnumNumber(0),
        Kind::Enum(_) => Value::EnumNumber([0, 1, 2, -1, 77][usize::from(dice.below(5))]),
    }
}
