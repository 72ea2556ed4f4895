//! From a GraphQL document to what is to be done: every field known, every argument of its type. Errors have the words
//! and codes of the vendor's GraphQL library.

use std::collections::BTreeSet;

use graphql_parser::Pos;
use graphql_parser::query::{
    Definition, Document, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet, TypeCondition,
    VariableDefinition, parse_query,
};
use serde_json::{Map, Value, json};

use super::input::{fill, names};
use super::schema::{Schema, Shape};

/// Deepest nesting of selections; deeper documents are refused before anything recurses into them.
const DEEPEST: usize = 20;

/// One field to answer.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Alias or name.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) shape: Shape,
    /// Only for things of this type.
    pub(super) on: Option<String>,
    /// The key of `@idempotent`.
    pub(super) idempotent: Option<String>,
    pub(super) at: Pos,
    pub(super) children: Vec<Node>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) mutation: bool,
    pub(super) nodes: Vec<Node>,
}

struct Maker<'a> {
    schema: &'a Schema,
    fragments: Vec<FragmentDefinition<'a, String>>,
    variables: Map<String, Value>,
    used: BTreeSet<String>,
    errors: Vec<Value>,
}

fn error(message: String, at: Pos, path: &[String], extensions: Value) -> Value {
    json!({"message": message, "locations": [{"line": at.line, "column": at.column}], "path": path, "extensions": extensions})
}

/// Reads a request; the errors make up the whole answer.
pub(super) fn plan(
    schema: &Schema,
    query: &str,
    operation: Option<&str>,
    variables: &Map<String, Value>,
) -> Result<Plan, Vec<Value>> {
    if nesting(query) > DEEPEST.saturating_mul(4) {
        return Err(vec![json!({"message": "Query is nested too deeply"})]);
    }
    let Document { definitions } = parse_query::<String>(query).map_err(|err| {
        vec![json!({"message": format!("syntax error: {err}"), "locations": [], "extensions": {"code": "parseError"}})]
    })?;
    let (mut operations, mut fragments) = (Vec::new(), Vec::new());
    for definition in definitions {
        match definition {
            Definition::Operation(found) => operations.push(found),
            Definition::Fragment(found) => fragments.push(found),
        }
    }
    let found =
        operations.into_iter().map(parts).find(|(_, name, ..)| operation.is_none() || name.as_deref() == operation);
    let Some((root, name, defined, selection)) = found else {
        return Err(vec![json!({"message": "An operation name is required"})]);
    };
    let mut maker = Maker { schema, fragments, variables: Map::new(), used: BTreeSet::new(), errors: Vec::new() };
    maker.declare(&defined, variables);
    if !maker.errors.is_empty() {
        return Err(maker.errors);
    }
    let mut path = vec![match &name {
        Some(name) => format!("{} {name}", root.to_lowercase()),
        None => root.to_lowercase(),
    }];
    let nodes = maker.selection(root, &selection, None, &mut path);
    for variable in defined.iter().filter(|variable| !maker.used.contains(&variable.name)) {
        let message = format!(
            "Variable ${} is declared by {} but not used",
            variable.name,
            name.as_deref().unwrap_or("anonymous query")
        );
        let extensions = json!({"code": "variableNotUsed", "variableName": variable.name});
        maker.errors.push(error(message, variable.position, &path, extensions));
    }
    if maker.errors.is_empty() { Ok(Plan { mutation: root == "Mutation", nodes }) } else { Err(maker.errors) }
}

type Parts<'a> = (&'static str, Option<String>, Vec<VariableDefinition<'a, String>>, SelectionSet<'a, String>);

fn parts<'a>(operation: OperationDefinition<'a, String>) -> Parts<'a> {
    match operation {
        OperationDefinition::SelectionSet(set) => ("Query", None, Vec::new(), set),
        OperationDefinition::Query(query) => ("Query", query.name, query.variable_definitions, query.selection_set),
        OperationDefinition::Mutation(given) => {
            ("Mutation", given.name, given.variable_definitions, given.selection_set)
        }
        OperationDefinition::Subscription(given) => {
            ("Subscription", given.name, given.variable_definitions, given.selection_set)
        }
    }
}

/// How deep brackets nest, strings included: a bound, not a measure.
fn nesting(query: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in query.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth = depth.saturating_add(1),
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl Maker<'_> {
    fn declare(&mut self, defined: &[VariableDefinition<'_, String>], given: &Map<String, Value>) {
        for variable in defined {
            let shape = Shape::of(&variable.var_type);
            let default = variable.default_value.as_ref().and_then(|value| fill(value, &Map::new()));
            let value = match (given.get(&variable.name), default) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) => default,
                (None, None) if !shape.required() => continue,
                (None, None) => Value::Null,
            };
            match self.schema.coerce(&value, &shape) {
                Ok(value) => {
                    self.variables.insert(variable.name.clone(), value);
                }
                Err(what) => {
                    let message = format!("Variable ${} of type {shape} was provided invalid value", variable.name);
                    let at = variable.position;
                    self.errors.push(json!({"message": message, "locations": [{"line": at.line, "column": at.column}],
                        "extensions": {"value": value, "problems": [{"path": [], "explanation": what}], "code": "INVALID_VARIABLE"}}));
                }
            }
        }
    }

    fn selection(
        &mut self,
        object: &str,
        set: &SelectionSet<'_, String>,
        on: Option<&str>,
        path: &mut Vec<String>,
    ) -> Vec<Node> {
        let mut nodes = Vec::new();
        if path.len() > DEEPEST {
            self.errors.push(json!({"message": "Query is nested too deeply"}));
            return nodes;
        }
        for item in &set.items {
            match item {
                Selection::Field(field) => nodes.extend(self.field(object, field, on, path)),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref().map(|TypeCondition::On(name)| name.clone());
                    nodes.extend(self.fragment(object, condition, &fragment.selection_set, on, path));
                }
                Selection::FragmentSpread(spread) => {
                    let found = self.fragments.iter().find(|fragment| fragment.name == spread.fragment_name).cloned();
                    let Some(fragment) = found else {
                        let message = format!("Fragment {} was used, but not defined", spread.fragment_name);
                        let extensions = json!({"code": "useAndDefineFragment", "fragmentName": spread.fragment_name});
                        self.errors.push(error(message, spread.position, path, extensions));
                        continue;
                    };
                    let TypeCondition::On(condition) = fragment.type_condition.clone();
                    path.push(format!("...{}", spread.fragment_name));
                    nodes.extend(self.fragment(object, Some(condition), &fragment.selection_set, on, path));
                    path.pop();
                }
            }
        }
        nodes
    }

    fn fragment(
        &mut self,
        object: &str,
        condition: Option<String>,
        set: &SelectionSet<'_, String>,
        on: Option<&str>,
        path: &mut Vec<String>,
    ) -> Vec<Node> {
        match condition {
            None => self.selection(object, set, on, path),
            Some(condition) if self.schema.selectable(&condition) => {
                self.selection(&condition, set, Some(&condition), path)
            }
            Some(condition) => {
                let message = format!("No such type {condition}, so it can't be a fragment condition");
                self.errors.push(error(
                    message,
                    set.span.0,
                    path,
                    json!({"code": "undefinedType", "typeName": condition}),
                ));
                Vec::new()
            }
        }
    }

    fn field(
        &mut self,
        object: &str,
        field: &Field<'_, String>,
        on: Option<&str>,
        path: &mut Vec<String>,
    ) -> Option<Node> {
        let key = field.alias.clone().unwrap_or_else(|| field.name.clone());
        let node = |shape, arguments, idempotent, children| Node {
            key: key.clone(),
            name: field.name.clone(),
            arguments,
            shape,
            on: on.map(str::to_owned),
            idempotent,
            at: field.position,
            children,
        };
        if field.name == "__typename" {
            return Some(node(Shape::Named("String".to_owned()), Map::new(), None, Vec::new()));
        }
        path.push(key.clone());
        let schema = self.schema;
        let Some(known) = schema.field(object, &field.name) else {
            let message = format!("Field '{}' doesn't exist on type '{object}'", field.name);
            let extensions = json!({"code": "undefinedField", "typeName": object, "fieldName": field.name});
            self.errors.push(error(message, field.position, path, extensions));
            path.pop();
            return None;
        };
        let arguments = self.taken(object, field, path);
        let idempotent = self.directives(field, path);
        let composite = schema.selectable(known.shape.name());
        if composite == field.selection_set.items.is_empty() {
            let message = if composite {
                format!(
                    "Field must have selections (field '{}' returns {} but has no selections. Did you mean '{} {{ ... }}'?)",
                    field.name,
                    known.shape.name(),
                    field.name
                )
            } else {
                format!(
                    "Selections can't be made on scalars (field '{}' returns {} but has selections)",
                    field.name,
                    known.shape.name()
                )
            };
            self.errors.push(error(message, field.position, path, json!({"code": "selectionMismatch", "nodeName": format!("field '{}'", field.name), "typeName": known.shape.name()})));
        }
        let children = self.selection(known.shape.name(), &field.selection_set, None, path);
        path.pop();
        Some(node(known.shape.clone(), arguments, idempotent, children))
    }

    fn note_used(&mut self, given: &graphql_parser::query::Value<'_, String>) {
        let mut found = Vec::new();
        names(given, &mut found);
        for name in found {
            self.used.insert(name.to_owned());
        }
    }

    fn taken(&mut self, object: &str, field: &Field<'_, String>, path: &[String]) -> Map<String, Value> {
        let Some(known) = self.schema.field(object, &field.name) else { return Map::new() };
        let mut given = Map::new();
        for (name, value) in &field.arguments {
            self.note_used(value);
            if !known.arguments.contains_key(name) {
                let message = format!("Field '{}' doesn't accept argument '{name}'", field.name);
                let extensions = json!({"code": "argumentNotAccepted", "name": field.name, "typeName": "Field", "argumentName": name});
                self.errors.push(error(message, field.position, path, extensions));
                continue;
            }
            if let Some(value) = fill(value, &self.variables) {
                given.insert(name.clone(), value);
            }
        }
        match self.schema.arguments(&known.arguments, &given) {
            Ok(taken) => taken,
            Err((name, _)) if !given.contains_key(&name) => {
                let message = format!("Field '{}' is missing required arguments: {name}", field.name);
                let extensions = json!({"code": "missingRequiredArguments", "className": "Field", "name": field.name, "arguments": name});
                self.errors.push(error(message, field.position, path, extensions));
                Map::new()
            }
            Err((name, what)) => {
                let message = format!("Argument '{name}' on Field '{}' has an invalid value. {what}", field.name);
                let extensions =
                    json!({"code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": name});
                self.errors.push(error(message, field.position, path, extensions));
                Map::new()
            }
        }
    }

    fn directives(&mut self, field: &Field<'_, String>, path: &[String]) -> Option<String> {
        let mut key = None;
        for directive in &field.directives {
            for (_, value) in &directive.arguments {
                self.note_used(value);
            }
            if directive.name != "idempotent" {
                let message = format!("Directive @{} is not defined", directive.name);
                let extensions = json!({"code": "undefinedDirective", "directiveName": directive.name});
                self.errors.push(error(message, directive.position, path, extensions));
                continue;
            }
            let given = directive.arguments.iter().find(|(name, _)| name == "key");
            key = given.and_then(|(_, value)| fill(value, &self.variables)?.as_str().map(str::to_owned));
            if key.as_deref().is_none_or(str::is_empty) {
                let message = "Directive 'idempotent' is missing required arguments: key".to_owned();
                let extensions = json!({"code": "missingRequiredArguments", "className": "Directive", "name": "idempotent", "arguments": "key"});
                self.errors.push(error(message, directive.position, path, extensions));
            }
        }
        key
    }
}
