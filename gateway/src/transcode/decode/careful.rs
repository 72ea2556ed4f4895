//! Messages whose fields come in any order, or in several places: sorted first, merged by protobuf's rules, then written.

use std::collections::BTreeMap;

use super::{Decoder, Halt};
use crate::transcode::schema::{Field, Kind, Many, Message, MessageId};
use crate::transcode::wire::{Broken, Reader, Value};

/// The values of each field that is there, by the field's index.
pub(super) type Sorted<'a> = BTreeMap<usize, Vec<Value<'a>>>;

/// Sorts a message's values by field; of a oneof only the member written last stays.
pub(super) fn sort<'a>(message: &Message, bytes: &'a [u8]) -> Result<Sorted<'a>, Broken> {
    let mut sorted = Sorted::new();
    let mut members = BTreeMap::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.next()? {
        let Some((index, field)) = message.numbered(number) else { continue };
        if let Some(oneof) = field.oneof
            && let Some(other) = members.insert(oneof, index)
            && other != index
        {
            sorted.remove(&other);
        }
        sorted.entry(index).or_default().push(value);
    }
    Ok(sorted)
}

impl Decoder<'_, '_> {
    pub(super) fn sorted(&mut self, message: &Message, bytes: &[u8], first: &mut bool) -> Result<(), Halt> {
        for (index, values) in sort(message, bytes)? {
            let Some(field) = message.fields.get(index) else { continue };
            match (field.many, values.as_slice()) {
                (Many::One, [value]) => self.single(field, *value, first)?,
                (Many::One, [.., last]) => self.repeated_single(field, &values, *last, first)?,
                (Many::List { .. } | Many::Map { .. }, values) => self.several(field, values, first)?,
                (Many::One, []) => {}
            }
        }
        Ok(())
    }

    fn repeated_single(
        &mut self,
        field: &Field,
        values: &[Value<'_>],
        last: Value<'_>,
        first: &mut bool,
    ) -> Result<(), Halt> {
        if let Kind::Message(_) = field.kind {
            self.name(field, first);
            return self.merged(field.kind, values, last);
        }
        self.single(field, last, first)
    }

    /// Several values of one singular field: the last scalar counts, messages are merged, which on the wire is one
    /// after the other.
    pub(super) fn merged(&mut self, kind: Kind, values: &[Value<'_>], last: Value<'_>) -> Result<(), Halt> {
        let Kind::Message(id) = kind else {
            return self.one(kind, last);
        };
        let mut whole = Vec::new();
        for value in values {
            whole.extend_from_slice(value.bytes()?);
        }
        self.message(id, &whole)
    }

    /// The value of one field without its name; its default when it is absent.
    pub(super) fn field_alone(&mut self, id: MessageId, field: usize, bytes: &[u8]) -> Result<(), Halt> {
        let schema = self.schema;
        let message = schema.message(id);
        let values = sort(message, bytes)?.remove(&field).unwrap_or_default();
        let field = message.fields.get(field).ok_or(Halt::Broken)?;
        self.content(field, &values)
    }

    /// A field's values without its name.
    pub(super) fn content(&mut self, field: &Field, values: &[Value<'_>]) -> Result<(), Halt> {
        match (field.many, values) {
            (Many::Map { key }, values) => self.map(field, key, values).map(|_| ()),
            (Many::List { .. }, values) => self.list(field.kind, values).map(|_| ()),
            (Many::One, [.., last]) => self.merged(field.kind, values, *last),
            (Many::One, []) if field.presence => {
                self.out.extend_from_slice(b"null");
                Ok(())
            }
            (Many::One, []) => self.default_of(field.kind),
        }
    }
}
