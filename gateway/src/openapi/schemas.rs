//! JSON schemas of the messages that routes use.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::transcode::{Field, Kind, Many, MessageId, Schema, Shape};

/// Messages that were referred to, each to be written once.
pub(super) struct Schemas<'s> {
    schema: &'s Schema,
    wanted: BTreeSet<MessageId>,
}

impl<'s> Schemas<'s> {
    pub(super) fn new(schema: &'s Schema) -> Schemas<'s> {
        Schemas { schema, wanted: BTreeSet::new() }
    }

    /// Every schema that was referred to, with those that they refer to.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut written = Map::new();
        let mut done = BTreeSet::new();
        while let Some(id) = self.wanted.pop_first() {
            if done.insert(id) {
                let schema = self.object(id, |_| true);
                written.insert(self.schema.message(id).name.clone(), schema);
            }
        }
        written
    }

    /// A message as an object, with the fields of these indexes.
    pub(super) fn object(&mut self, id: MessageId, keep: impl Fn(usize) -> bool) -> Value {
        let message = self.schema.message(id);
        let mut properties = Map::new();
        for (_, field) in message.fields.iter().enumerate().filter(|(index, _)| keep(*index)) {
            let mut schema = self.field(field);
            if !field.doc.is_empty()
                && let Some(members) = schema.as_object_mut()
            {
                members.insert("description".to_owned(), json!(field.doc));
            }
            properties.insert(field.json_name.clone(), schema);
        }
        json!({
            "type": "object",
            "description": message.doc,
            "properties": properties,
            "additionalProperties": false,
        })
    }

    /// A message where it is used.
    pub(super) fn message(&mut self, id: MessageId) -> Value {
        let message = self.schema.message(id);
        match message.shape {
            Shape::Plain => {
                self.wanted.insert(id);
                json!({"$ref": format!("#/components/schemas/{}", message.name)})
            }
            Shape::Timestamp => json!({"type": "string", "format": "date-time"}),
            Shape::Duration => json!({"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"}),
            Shape::FieldMask => json!({"type": "string", "examples": ["displayName,address.city"]}),
            Shape::Wrapper => message.fields.first().map_or(json!({}), |field| self.one(field.kind)),
            Shape::Struct => json!({"type": "object", "additionalProperties": true}),
            Shape::Value | Shape::Any => json!({}),
            Shape::ListValue => json!({"type": "array"}),
        }
    }

    /// A field's values.
    pub(super) fn field(&mut self, field: &Field) -> Value {
        let one = self.one(field.kind);
        match field.many {
            Many::One => one,
            Many::List { .. } => json!({"type": "array", "items": one}),
            Many::Map { .. } => json!({"type": "object", "additionalProperties": one}),
        }
    }

    fn one(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "format": "uint32", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "format": "int64"}),
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(id) => json!({"type": "string", "enum": self.schema.enumeration(id).names}),
            Kind::Message(id) => self.message(id),
        }
    }
}
