//! JSON to protobuf's wire.

mod known;
mod scalar;

use std::collections::HashSet;

use super::json::Cursor;
use super::misfit::Misfit;
use super::schema::{Field, Kind, Many, MessageId, Schema, Shape};
use super::seen::Seen;
use super::wire::{LEN, close, open, put_tag};

/// Objects and lists inside each other, at most.
const DEPTH: u32 = 64;

/// Appends the message that the JSON text says. Strict: unknown and repeated names, two members of a oneof, words that
/// an enum does not have, numbers that do not fit and texts deeper than 64 levels are refused, with their place.
pub fn encode(schema: &Schema, message: MessageId, json: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let mut encoder = Encoder { schema, json: Cursor::new(json), out, depth: 0 };
    encoder.message(message)?;
    encoder.json.end()
}

/// Appends one field of a message from a JSON text that says the field's value alone.
pub fn encode_field(
    schema: &Schema,
    message: MessageId,
    field: usize,
    json: &str,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let mut encoder = Encoder { schema, json: Cursor::new(json), out, depth: 0 };
    if let Some(field) = schema.message(message).fields.get(field) {
        encoder.member(field).map_err(|misfit| misfit.in_field(&field.json_name))?;
    }
    encoder.json.end()
}

/// Appends one value of a field from the plain text of a path or query parameter.
pub(crate) fn encode_text(schema: &Schema, field: &Field, text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let mut encoder = Encoder { schema, json: Cursor::new(""), out, depth: 0 };
    put_tag(encoder.out, field.number, field.kind.wire_type());
    let Kind::Message(id) = field.kind else {
        return encoder.text(field.kind, text);
    };
    let start = open(encoder.out);
    encoder.known_text(id, text)?;
    close(encoder.out, start);
    Ok(())
}

/// One run over one text.
struct Encoder<'s, 'j, 'o> {
    schema: &'s Schema,
    json: Cursor<'j>,
    out: &'o mut Vec<u8>,
    depth: u32,
}

impl<'s> Encoder<'s, '_, '_> {
    /// The content of a message, without tag and length.
    fn message(&mut self, id: MessageId) -> Result<(), Misfit> {
        match self.schema.message(id).shape {
            Shape::Plain => self.object(id),
            Shape::Struct => self.structure(),
            Shape::Value => self.value(),
            Shape::ListValue => self.list_value(),
            Shape::Wrapper => self.wrapper(id),
            Shape::Timestamp | Shape::Duration | Shape::FieldMask => {
                if self.json.peek() != Some(b'"') {
                    return Err(self.wrong("a string"));
                }
                let text = self.json.string()?;
                self.known_text(id, &text)
            }
            Shape::Any => Err(Misfit::new("is of a kind that only travels between services")),
        }
    }

    fn object(&mut self, id: MessageId) -> Result<(), Misfit> {
        self.enter(b'{', "an object")?;
        let schema: &'s Schema = self.schema;
        let message = schema.message(id);
        let (mut seen, mut oneofs) = (Seen::default(), Seen::default());
        let (mut first, mut hint) = (true, 0);
        while self.json.more(&mut first, b'}')? {
            let key = self.json.key()?;
            let Some((index, field)) = message.named(&key, hint) else {
                return Err(Misfit::new("is not a field of this message").in_field(&key));
            };
            hint = index + 1;
            if !seen.insert(index) {
                return Err(Misfit::new("is given twice").in_field(&key));
            }
            if !field.takes_null && self.json.peek() == Some(b'n') {
                self.json.word("null")?;
                continue;
            }
            if field.oneof.is_some_and(|oneof| !oneofs.insert(oneof)) {
                return Err(
                    Misfit::new("excludes another field that is given as well; give one of them").in_field(&key)
                );
            }
            self.member(field).map_err(|misfit| misfit.in_field(&key))?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A field with its tag, however many values it has.
    fn member(&mut self, field: &Field) -> Result<(), Misfit> {
        match field.many {
            Many::One => self.one(field.number, field.kind),
            Many::List { packed } => self.list(field, packed),
            Many::Map { key } => self.map(field, key),
        }
    }

    fn one(&mut self, number: u32, kind: Kind) -> Result<(), Misfit> {
        put_tag(self.out, number, kind.wire_type());
        let Kind::Message(id) = kind else {
            return self.scalar(kind);
        };
        let start = open(self.out);
        self.message(id)?;
        close(self.out, start);
        Ok(())
    }

    fn list(&mut self, field: &Field, packed: bool) -> Result<(), Misfit> {
        self.enter(b'[', "a list")?;
        let before = self.out.len();
        let start = packed.then(|| {
            put_tag(self.out, field.number, LEN);
            open(self.out)
        });
        let mut first = true;
        let mut index = 0_usize;
        while self.json.more(&mut first, b']')? {
            self.element(field, packed).map_err(|misfit| misfit.in_element(index))?;
            index += 1;
        }
        match start {
            Some(_) if index == 0 => self.out.truncate(before),
            Some(start) => close(self.out, start),
            None => {}
        }
        self.depth -= 1;
        Ok(())
    }

    fn element(&mut self, field: &Field, packed: bool) -> Result<(), Misfit> {
        self.no_null(field)?;
        if packed { self.scalar(field.kind) } else { self.one(field.number, field.kind) }
    }

    fn map(&mut self, field: &Field, key_kind: Kind) -> Result<(), Misfit> {
        self.enter(b'{', "an object")?;
        let mut keys = HashSet::new();
        let mut first = true;
        while self.json.more(&mut first, b'}')? {
            let key = self.json.key()?;
            self.entry(field, key_kind, &key).map_err(|misfit| misfit.in_key(&key))?;
            if !keys.insert(key.clone()) {
                return Err(Misfit::new("is given twice").in_key(&key));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn entry(&mut self, field: &Field, key_kind: Kind, key: &str) -> Result<(), Misfit> {
        self.no_null(field)?;
        put_tag(self.out, field.number, LEN);
        let start = open(self.out);
        put_tag(self.out, 1, key_kind.wire_type());
        self.text(key_kind, key)?;
        self.one(2, field.kind)?;
        close(self.out, start);
        Ok(())
    }

    fn no_null(&mut self, field: &Field) -> Result<(), Misfit> {
        if !field.takes_null && self.json.peek() == Some(b'n') {
            return Err(Misfit::new("must not be null here; leave it out"));
        }
        Ok(())
    }

    /// Takes an opening mark and goes one level down.
    fn enter(&mut self, mark: u8, wanted: &str) -> Result<(), Misfit> {
        if self.json.peek() != Some(mark) {
            return Err(self.wrong(wanted));
        }
        if self.depth >= DEPTH {
            return Err(Misfit::new(format!("is deeper than {DEPTH} levels")));
        }
        self.depth += 1;
        self.json.expect(mark)
    }

    /// What stands here is not what the contract asks for.
    fn wrong(&mut self, wanted: &str) -> Misfit {
        match self.json.peek() {
            Some(b'"' | b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                Misfit::new(format!("must be {wanted}, not {}", self.json.kind()))
            }
            Some(_) | None => self.json.unexpected(wanted),
        }
    }
}
