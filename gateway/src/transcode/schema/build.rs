//! Descriptors to tables, once at start.

use std::collections::HashMap;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind as Described, MessageDescriptor,
};

use super::{EnumId, Enumeration, Field, Kind, Many, Message, MessageId, Schema, Shape};
use crate::transcode::json;

/// Contracts that the gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The bytes are not a descriptor set.
    #[error("the descriptor set cannot be read")]
    Unreadable(#[source] prost_reflect::DescriptorError),
    /// A contract uses something that has no JSON form here.
    #[error("{0}: groups have no JSON form; use a message field")]
    Group(String),
}

impl Schema {
    /// Builds the tables of every message in the pool.
    pub fn new(pool: &DescriptorPool) -> Result<Schema, SchemaError> {
        let messages: Vec<_> = pool.all_messages().collect();
        let enums: Vec<_> = pool.all_enums().collect();
        let names: HashMap<_, _> = number(messages.iter().map(MessageDescriptor::full_name), MessageId);
        let enum_names: HashMap<_, _> = number(enums.iter().map(EnumDescriptor::full_name), EnumId);
        let mut docs = Docs::default();
        let tables = Tables { names: &names, enums: &enum_names };
        Ok(Schema {
            messages: messages.iter().map(|it| tables.message(it, &mut docs)).collect::<Result<_, _>>()?,
            enums: enums.iter().map(enumeration).collect(),
            names,
            no_message: Message::default(),
            no_enum: Enumeration::default(),
        })
    }
}

fn number<'a, Id>(names: impl Iterator<Item = &'a str>, id: impl Fn(usize) -> Id) -> HashMap<String, Id> {
    names.enumerate().map(|(at, name)| (name.to_owned(), id(at))).collect()
}

struct Tables<'a> {
    names: &'a HashMap<String, MessageId>,
    enums: &'a HashMap<String, EnumId>,
}

impl Tables<'_> {
    fn message(&self, it: &MessageDescriptor, docs: &mut Docs) -> Result<Message, SchemaError> {
        // Real oneofs only: the one behind a proto3 `optional` has a single member and no meaning of its own.
        let oneofs: Vec<_> = it.oneofs().filter(|oneof| !oneof.is_synthetic()).map(|it| it.name().to_owned()).collect();
        let mut fields = Vec::new();
        for field in it.fields() {
            let oneof = field.containing_oneof().and_then(|of| oneofs.iter().position(|name| name == of.name()));
            let doc = docs.of(&field.parent_message().parent_file(), field.path());
            fields.push(self.field(&field, oneof, doc)?);
        }
        // Declaration order is the order in which callers and encoders write.
        fields.sort_by_key(|field| field.number);
        let doc = docs.of(&it.parent_file(), it.path());
        Ok(Message::new(it.full_name().to_owned(), doc, shape(it.full_name()), fields))
    }

    fn field(&self, it: &FieldDescriptor, oneof: Option<usize>, doc: String) -> Result<Field, SchemaError> {
        if it.is_group() {
            return Err(SchemaError::Group(it.full_name().to_owned()));
        }
        let (many, described) = if let (true, Described::Message(entry)) = (it.is_map(), it.kind()) {
            let key = self.kind(&entry.map_entry_key_field().kind());
            (Many::Map { key }, entry.map_entry_value_field().kind())
        } else if it.cardinality() == Cardinality::Repeated {
            (Many::List { packed: it.is_packed() }, it.kind())
        } else {
            (Many::One, it.kind())
        };
        let mut quoted = Vec::new();
        json::put_string(&mut quoted, it.json_name());
        quoted.push(b':');
        Ok(Field {
            number: it.number(),
            name: it.name().to_owned(),
            json_name: it.json_name().to_owned(),
            doc,
            quoted: quoted.into_boxed_slice(),
            kind: self.kind(&described),
            many,
            presence: it.supports_presence(),
            oneof,
            takes_null: takes_null(&described),
        })
    }

    fn kind(&self, kind: &Described) -> Kind {
        match kind {
            Described::Double => Kind::Double,
            Described::Float => Kind::Float,
            Described::Int32 => Kind::Int32,
            Described::Int64 => Kind::Int64,
            Described::Uint32 => Kind::Uint32,
            Described::Uint64 => Kind::Uint64,
            Described::Sint32 => Kind::Sint32,
            Described::Sint64 => Kind::Sint64,
            Described::Fixed32 => Kind::Fixed32,
            Described::Fixed64 => Kind::Fixed64,
            Described::Sfixed32 => Kind::Sfixed32,
            Described::Sfixed64 => Kind::Sfixed64,
            Described::Bool => Kind::Bool,
            Described::String => Kind::String,
            Described::Bytes => Kind::Bytes,
            // A pool that was built has every type it names.
            Described::Message(it) => {
                Kind::Message(self.names.get(it.full_name()).copied().unwrap_or(MessageId(usize::MAX)))
            }
            Described::Enum(it) => Kind::Enum(self.enums.get(it.full_name()).copied().unwrap_or(EnumId(usize::MAX))),
        }
    }
}

fn takes_null(kind: &Described) -> bool {
    if let Some(message) = kind.as_message() {
        return message.full_name() == "google.protobuf.Value";
    }
    kind.as_enum().is_some_and(|it| it.full_name() == "google.protobuf.NullValue")
}

fn shape(name: &str) -> Shape {
    match name.strip_prefix("google.protobuf.") {
        Some("Timestamp") => Shape::Timestamp,
        Some("Duration") => Shape::Duration,
        Some("FieldMask") => Shape::FieldMask,
        Some("Struct") => Shape::Struct,
        Some("Value") => Shape::Value,
        Some("ListValue") => Shape::ListValue,
        Some("Any") => Shape::Any,
        Some("DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value") => Shape::Wrapper,
        Some("UInt32Value" | "BoolValue" | "StringValue" | "BytesValue") => Shape::Wrapper,
        Some(_) | None => Shape::Plain,
    }
}

fn enumeration(it: &EnumDescriptor) -> Enumeration {
    let mut numbers = HashMap::new();
    let mut quoted = HashMap::new();
    // The descriptor's own list sorts by number; people know the order of declaration.
    let declared = &it.enum_descriptor_proto().value;
    for value in declared {
        numbers.insert(value.name().to_owned(), value.number());
        quoted.entry(value.number()).or_insert_with(|| {
            let mut text = Vec::new();
            json::put_string(&mut text, value.name());
            text.into_boxed_slice()
        });
    }
    Enumeration {
        names: declared.iter().map(|value| value.name().to_owned()).collect(),
        closed: it.parent_file().syntax() == prost_reflect::Syntax::Proto2,
        null: it.full_name() == "google.protobuf.NullValue",
        numbers,
        quoted,
    }
}

/// The comments of the contracts, which become the texts of the OpenAPI document.
#[derive(Default)]
pub(crate) struct Docs {
    files: HashMap<String, HashMap<Vec<i32>, String>>,
}

impl Docs {
    /// The comment above a declaration; empty when there is none.
    pub(crate) fn of(&mut self, file: &FileDescriptor, path: &[i32]) -> String {
        let comments = self.files.entry(file.name().to_owned()).or_insert_with(|| {
            let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
            let commented = info.location.into_iter().filter(|at| at.leading_comments.is_some());
            commented.map(|at| (at.path.clone(), prose(at.leading_comments()))).collect()
        });
        comments.get(path).cloned().unwrap_or_default()
    }
}

fn prose(comment: &str) -> String {
    comment.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}
