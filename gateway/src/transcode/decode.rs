//! Protobuf's wire to JSON.

mod careful;
mod known;
mod scalar;

use std::collections::HashMap;

use super::schema::{Field, Kind, Many, Message, MessageId, Schema, Shape};
use super::seen::Seen;
use super::wire::{Broken, FIXED32, FIXED64, LEN, Reader, Value};

/// Messages inside each other, at most; as deep as protobuf libraries read.
const DEPTH: u32 = 100;

/// Appends the JSON of a message. Fields that hold their default are left out, as ProtoJSON prescribes. On an error
/// `out` is as it was.
pub fn decode(schema: &Schema, message: MessageId, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    run(schema, out, |decoder| decoder.message(message, bytes))
}

/// Appends the JSON of one field's value; of its default when the message does not have it.
pub fn decode_field(
    schema: &Schema,
    message: MessageId,
    field: usize,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Broken> {
    run(schema, out, |decoder| decoder.field_alone(message, field, bytes))
}

/// First in the order of the wire, which is how every encoder in use writes. When a field turns up a second time, all
/// begins again with every message sorted first: at most twice the work, however the bytes are nested.
fn run(
    schema: &Schema,
    out: &mut Vec<u8>,
    work: impl Fn(&mut Decoder<'_, '_>) -> Result<(), Halt>,
) -> Result<(), Broken> {
    let before = out.len();
    for careful in [false, true] {
        match work(&mut Decoder { schema, out, careful, depth: 0 }) {
            Ok(()) => return Ok(()),
            Err(Halt::Broken) => break,
            Err(Halt::Unsorted) => out.truncate(before),
        }
    }
    out.truncate(before);
    Err(Broken)
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    Broken,
    /// A field came in two places; only a careful run can render it.
    Unsorted,
}

impl From<Broken> for Halt {
    fn from(_: Broken) -> Halt {
        Halt::Broken
    }
}

struct Decoder<'s, 'o> {
    schema: &'s Schema,
    out: &'o mut Vec<u8>,
    careful: bool,
    depth: u32,
}

impl<'s> Decoder<'s, '_> {
    fn message(&mut self, id: MessageId, bytes: &[u8]) -> Result<(), Halt> {
        if self.depth >= DEPTH {
            return Err(Halt::Broken);
        }
        self.depth += 1;
        let schema: &'s Schema = self.schema;
        let message = schema.message(id);
        match message.shape {
            Shape::Plain => self.object(message, bytes)?,
            Shape::Timestamp | Shape::Duration => self.moment(message.shape, bytes)?,
            Shape::FieldMask => self.field_mask(bytes)?,
            Shape::Wrapper => self.wrapper(message, bytes)?,
            Shape::Struct | Shape::ListValue => self.only_field(message, bytes)?,
            Shape::Value => self.value(message, bytes)?,
            Shape::Any => return Err(Halt::Broken),
        }
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Halt> {
        self.out.push(b'{');
        let mut first = true;
        if self.careful {
            self.sorted(message, bytes, &mut first)?;
        } else {
            self.streamed(message, bytes, &mut first)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn streamed(&mut self, message: &Message, bytes: &[u8], first: &mut bool) -> Result<(), Halt> {
        let (mut seen, mut oneofs) = (Seen::default(), Seen::default());
        let mut reader = Reader::new(bytes);
        let mut pending = reader.next()?;
        while let Some((number, value)) = pending {
            let Some((index, field)) = message.numbered(number) else {
                pending = reader.next()?;
                continue;
            };
            if !seen.insert(index) || field.oneof.is_some_and(|oneof| !oneofs.insert(oneof)) {
                return Err(Halt::Unsorted);
            }
            if field.many == Many::One {
                self.single(field, value, first)?;
                pending = reader.next()?;
                continue;
            }
            let mut values = vec![value];
            pending = reader.next()?;
            while let Some((next, value)) = pending
                && next == number
            {
                values.push(value);
                pending = reader.next()?;
            }
            self.several(field, &values, first)?;
        }
        Ok(())
    }

    /// A field that stands at most once, with its name, unless it holds its default.
    fn single(&mut self, field: &Field, value: Value<'_>, first: &mut bool) -> Result<(), Halt> {
        if !field.presence && scalar::is_default(field.kind, value) {
            return Ok(());
        }
        self.name(field, first);
        self.one(field.kind, value)
    }

    /// A list or map, with its name, unless it is empty.
    fn several(&mut self, field: &Field, values: &[Value<'_>], first: &mut bool) -> Result<(), Halt> {
        let (before, was_first) = (self.out.len(), *first);
        self.name(field, first);
        let empty = match field.many {
            Many::Map { key } => self.map(field, key, values)?,
            Many::List { .. } | Many::One => self.list(field.kind, values)?,
        };
        if empty {
            self.out.truncate(before);
            *first = was_first;
        }
        Ok(())
    }

    fn name(&mut self, field: &Field, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(&field.quoted);
    }

    fn one(&mut self, kind: Kind, value: Value<'_>) -> Result<(), Halt> {
        if let Kind::Message(id) = kind {
            return self.message(id, value.bytes()?);
        }
        Ok(self.scalar(kind, value)?)
    }

    /// A list, packed or not or both; true when it is empty.
    fn list(&mut self, kind: Kind, values: &[Value<'_>]) -> Result<bool, Halt> {
        let packable = kind.wire_type() != LEN;
        let mut empty = true;
        self.out.push(b'[');
        for value in values {
            let Value::Bytes(bytes) = value else {
                self.element(kind, *value, &mut empty)?;
                continue;
            };
            if !packable {
                self.element(kind, *value, &mut empty)?;
                continue;
            }
            let mut packed = Reader::new(bytes);
            while !packed.is_empty() {
                let value = match kind.wire_type() {
                    FIXED64 => Value::Fixed64(packed.fixed64()?),
                    FIXED32 => Value::Fixed32(packed.fixed32()?),
                    _ => Value::Varint(packed.varint()?),
                };
                self.element(kind, value, &mut empty)?;
            }
        }
        self.out.push(b']');
        Ok(empty)
    }

    fn element(&mut self, kind: Kind, value: Value<'_>, empty: &mut bool) -> Result<(), Halt> {
        if !std::mem::replace(empty, false) {
            self.out.push(b',');
        }
        self.one(kind, value)
    }

    /// A map; the last entry of a key counts. True when it is empty.
    fn map(&mut self, field: &Field, key_kind: Kind, values: &[Value<'_>]) -> Result<bool, Halt> {
        let mut entries = Vec::with_capacity(values.len());
        for value in values {
            entries.push(Entry::read(key_kind, value.bytes()?)?);
        }
        let last: HashMap<_, _> = if entries.len() > 1 {
            entries.iter().enumerate().map(|(at, entry)| (entry.key, at)).collect()
        } else {
            HashMap::new()
        };
        self.out.push(b'{');
        let mut first = true;
        for (at, entry) in entries.iter().enumerate() {
            if last.get(&entry.key).is_some_and(|last| *last != at) {
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                self.out.push(b',');
            }
            self.map_key(key_kind, entry.key)?;
            self.out.push(b':');
            match (entry.value.as_slice(), field.kind) {
                ([], kind) => self.default_of(kind)?,
                ([value], kind) => self.one(kind, *value)?,
                ([.., last], kind) => self.merged(kind, &entry.value, *last)?,
            }
        }
        self.out.push(b'}');
        Ok(entries.is_empty())
    }
}

/// One entry of a map as it lies on the wire.
struct Entry<'a> {
    key: Value<'a>,
    /// Empty: the default. Several: one after the other, as for any field.
    value: Vec<Value<'a>>,
}

impl<'a> Entry<'a> {
    fn read(key_kind: Kind, bytes: &'a [u8]) -> Result<Entry<'a>, Broken> {
        let mut entry = Entry { key: scalar::zero(key_kind), value: Vec::new() };
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.next()? {
            match number {
                1 => entry.key = scalar::normal_key(key_kind, value)?,
                2 => entry.value.push(value),
                _ => {}
            }
        }
        Ok(entry)
    }
}
