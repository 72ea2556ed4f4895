//! The vendor's schema, as far as the twin has it, in a shape one can look things up in.

use std::collections::{BTreeMap, BTreeSet};

use graphql_parser::schema::{Definition, Document, Type, TypeDefinition, Value as Literal, parse_schema};
use serde_json::Value;

const TEXT: &str = include_str!("schema.graphql");

/// A type as written: `[ID!]!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Named(String),
    List(Box<Shape>),
    Required(Box<Shape>),
}

impl Shape {
    pub(super) fn of<'a>(written: &Type<'a, String>) -> Shape {
        match written {
            Type::NamedType(name) => Shape::Named(name.clone()),
            Type::ListType(inner) => Shape::List(Box::new(Shape::of(inner))),
            Type::NonNullType(inner) => Shape::Required(Box::new(Shape::of(inner))),
        }
    }

    /// The type's name without list and exclamation mark.
    pub(super) fn name(&self) -> &str {
        match self {
            Shape::Named(name) => name,
            Shape::List(inner) | Shape::Required(inner) => inner.name(),
        }
    }

    pub(super) fn required(&self) -> bool {
        matches!(self, Shape::Required(_))
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Named(name) => f.write_str(name),
            Shape::List(inner) => write!(f, "[{inner}]"),
            Shape::Required(inner) => write!(f, "{inner}!"),
        }
    }
}

/// An argument or an input object's field.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) shape: Shape,
    pub(super) default: Option<Value>,
}

/// A field of an object.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) arguments: BTreeMap<String, Input>,
}

/// A type by its name.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar,
    Enum(BTreeSet<String>),
    Input(BTreeMap<String, Input>),
    Object { fields: BTreeMap<String, Field>, implements: Vec<String> },
}

/// All types.
#[derive(Debug)]
pub(super) struct Schema(BTreeMap<String, Kind>);

impl Schema {
    /// The part of the schema the twin has. An unreadable file leaves a schema without types: every call is refused.
    pub(super) fn load() -> Schema {
        let document = parse_schema::<String>(TEXT).unwrap_or_else(|err| {
            tracing::error!(%err, "the shop's schema cannot be read; this is a defect of Weft");
            Document::default()
        });
        let mut kinds: BTreeMap<String, Kind> = ["Int", "Float", "String", "Boolean", "ID"]
            .map(|name| (name.to_owned(), Kind::Scalar))
            .into_iter()
            .collect();
        for definition in document.definitions {
            let Definition::TypeDefinition(definition) = definition else { continue };
            let (name, kind) = match definition {
                TypeDefinition::Scalar(scalar) => (scalar.name, Kind::Scalar),
                TypeDefinition::Enum(given) => {
                    (given.name, Kind::Enum(given.values.into_iter().map(|value| value.name).collect()))
                }
                TypeDefinition::InputObject(given) => (given.name, Kind::Input(inputs(&given.fields))),
                TypeDefinition::Object(given) => (
                    given.name,
                    Kind::Object { fields: fields(&given.fields), implements: given.implements_interfaces },
                ),
                TypeDefinition::Interface(given) => {
                    (given.name, Kind::Object { fields: fields(&given.fields), implements: Vec::new() })
                }
                TypeDefinition::Union(_) => continue,
            };
            kinds.insert(name, kind);
        }
        Schema(kinds)
    }

    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// A field of an object type.
    pub(super) fn field(&self, object: &str, name: &str) -> Option<&Field> {
        match self.kind(object)? {
            Kind::Object { fields, .. } => fields.get(name),
            Kind::Scalar | Kind::Enum(_) | Kind::Input(_) => None,
        }
    }

    /// Whether the type has fields to select.
    pub(super) fn selectable(&self, name: &str) -> bool {
        matches!(self.kind(name), Some(Kind::Object { .. }))
    }

    /// Whether a thing of that type is meant by a condition `... on other`.
    pub(super) fn is(&self, name: &str, other: &str) -> bool {
        name == other
            || matches!(self.kind(name), Some(Kind::Object { implements, .. }) if implements.iter().any(|one| one == other))
    }
}

fn fields(given: &[graphql_parser::schema::Field<'_, String>]) -> BTreeMap<String, Field> {
    let field = |field: &graphql_parser::schema::Field<'_, String>| {
        (field.name.clone(), Field { shape: Shape::of(&field.field_type), arguments: inputs(&field.arguments) })
    };
    given.iter().map(field).collect()
}

fn inputs(given: &[graphql_parser::schema::InputValue<'_, String>]) -> BTreeMap<String, Input> {
    let input = |input: &graphql_parser::schema::InputValue<'_, String>| {
        let default = input.default_value.as_ref().map(literal);
        (input.name.clone(), Input { shape: Shape::of(&input.value_type), default })
    };
    given.iter().map(input).collect()
}

/// A literal of the schema as JSON; variables do not occur in it.
fn literal(given: &Literal<'_, String>) -> Value {
    match given {
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => number.to_string().parse().map_or(Value::Null, Value::Number),
        Literal::String(text) | Literal::Enum(text) => text.clone().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Null | Literal::Variable(_) => Value::Null,
        Literal::List(list) => list.iter().map(literal).collect(),
        Literal::Object(map) => map.iter().map(|(key, value)| (key.clone(), literal(value))).collect(),
    }
}
