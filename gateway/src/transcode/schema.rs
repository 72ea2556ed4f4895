//! The contracts as flat tables: what the transcoder looks up while it runs through the bytes.

use std::collections::HashMap;

use super::wire::{FIXED32, FIXED64, LEN, VARINT};

mod build;

pub(crate) use build::Docs;
pub use build::SchemaError;

/// Every message and enum of a descriptor set.
#[derive(Debug)]
pub struct Schema {
    messages: Vec<Message>,
    enums: Vec<Enumeration>,
    names: HashMap<String, MessageId>,
    no_message: Message,
    no_enum: Enumeration,
}

/// Which message of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(usize);

/// Which enum of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EnumId(usize);

/// How a message is spelt in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Shape {
    /// An object with its fields.
    #[default]
    Plain,
    Timestamp,
    Duration,
    FieldMask,
    /// The value of its only field.
    Wrapper,
    Struct,
    Value,
    ListValue,
    /// Refused: our contracts say what they carry.
    Any,
}

/// One message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<Field>,
    by_name: HashMap<Box<str>, usize>,
    /// Field numbers below [`DIRECT`], each with its field's index.
    direct: Vec<Option<usize>>,
    by_number: HashMap<u32, usize>,
}

const DIRECT: usize = 256;

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) json_name: String,
    pub(crate) doc: String,
    /// `"jsonName":`, ready to be copied.
    pub(crate) quoted: Box<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) many: Many,
    /// True when a zero was said on purpose: proto3 `optional`, messages, members of a oneof.
    pub(crate) presence: bool,
    /// The oneof it belongs to, when it is a real one.
    pub(crate) oneof: Option<usize>,
    /// True when `null` is a value of it: `google.protobuf.Value` and `NullValue`.
    pub(crate) takes_null: bool,
}

/// How often a field may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Many {
    One,
    List {
        packed: bool,
    },
    /// The field's kind is that of its values.
    Map {
        key: Kind,
    },
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
}

impl Kind {
    /// The wire type of one value.
    pub(crate) fn wire_type(self) -> u32 {
        match self {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => FIXED64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => FIXED32,
            Kind::String | Kind::Bytes | Kind::Message(_) => LEN,
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 => VARINT,
            Kind::Sint64 | Kind::Bool | Kind::Enum(_) => VARINT,
        }
    }
}

/// One enum.
#[derive(Debug, Default)]
pub(crate) struct Enumeration {
    /// Names in the order of declaration.
    pub(crate) names: Vec<String>,
    /// True when numbers without a name are refused.
    pub(crate) closed: bool,
    /// True for `google.protobuf.NullValue`.
    pub(crate) null: bool,
    numbers: HashMap<String, i32>,
    /// Names ready to be copied, quotes included; the first declared of an alias.
    quoted: HashMap<i32, Box<[u8]>>,
}

impl Schema {
    /// The message of this full name.
    pub fn message_named(&self, name: &str) -> Option<MessageId> {
        self.names.get(name).copied()
    }

    pub(crate) fn message(&self, id: MessageId) -> &Message {
        self.messages.get(id.0).unwrap_or(&self.no_message)
    }

    pub(crate) fn enumeration(&self, id: EnumId) -> &Enumeration {
        self.enums.get(id.0).unwrap_or(&self.no_enum)
    }
}

impl Message {
    /// A field by its JSON or proto name; `hint` is the field expected next.
    pub(crate) fn named(&self, name: &str, hint: usize) -> Option<(usize, &Field)> {
        if let Some(field) = self.fields.get(hint)
            && (field.json_name == name || field.name == name)
        {
            return Some((hint, field));
        }
        let index = *self.by_name.get(name)?;
        Some((index, self.fields.get(index)?))
    }

    /// A field by its number.
    pub(crate) fn numbered(&self, number: u32) -> Option<(usize, &Field)> {
        let index = match usize::try_from(number) {
            Ok(number) if number < DIRECT => (*self.direct.get(number)?)?,
            Ok(_) | Err(_) => *self.by_number.get(&number)?,
        };
        Some((index, self.fields.get(index)?))
    }

    fn new(name: String, doc: String, shape: Shape, fields: Vec<Field>) -> Message {
        let mut by_name = HashMap::new();
        let mut by_number = HashMap::new();
        let mut direct = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            by_name.insert(field.name.as_str().into(), index);
            by_name.insert(field.json_name.as_str().into(), index);
            by_number.insert(field.number, index);
            if let Ok(number) = usize::try_from(field.number)
                && number < DIRECT
            {
                direct.resize(direct.len().max(number + 1), None);
                if let Some(slot) = direct.get_mut(number) {
                    *slot = Some(index);
                }
            }
        }
        Message { name, doc, shape, fields, by_name, direct, by_number }
    }
}

impl Enumeration {
    /// The number of a name.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.numbers.get(name).copied()
    }

    /// The name of a number, quotes included.
    pub(crate) fn quoted(&self, number: i32) -> Option<&[u8]> {
        self.quoted.get(&number).map(AsRef::as_ref)
    }
}
