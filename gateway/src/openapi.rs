//! The OpenAPI 3.1 document, from the same tables that serve the requests: always true.

mod schemas;

use serde_json::{Map, Value, json};

use self::schemas::Schemas;
use crate::routes::{Body, Route, Routes};
use crate::transcode::{Field, Kind, Many, MessageId, Schema, Shape};

/// Messages inside each other whose fields are offered as query parameters, at most.
const QUERY_DEPTH: usize = 3;

/// The document as JSON text.
pub(crate) fn document(schema: &Schema, routes: &Routes, public_url: &str) -> Vec<u8> {
    let mut schemas = Schemas::new(schema);
    let mut paths: Map<String, Value> = Map::new();
    let mut named = std::collections::HashMap::<String, usize>::new();
    for route in routes.all() {
        let service = route.rpc.service.rsplit('.').next().unwrap_or_default();
        let mut id = format!("{service}_{}", route.rpc.name);
        let times = named.entry(id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            id = format!("{id}_{times}");
        }
        let path = paths.entry(path_of(route)).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(schema, &mut schemas, route, &id));
        }
    }
    let mut components = schemas.finish();
    components.insert("Problem".to_owned(), problem());
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Weft", "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {"schemas": components},
    });
    serde_json::to_vec(&document).unwrap_or_default()
}

/// `/v1/{name=shelves/*}:move` is `/v1/{name}:move` in OpenAPI.
fn path_of(route: &Route) -> String {
    let mut path = String::new();
    let mut pattern = false;
    for letter in route.template.text.chars() {
        match letter {
            '=' => pattern = true,
            '}' => pattern = false,
            _ => {}
        }
        if !pattern {
            path.push(letter);
        }
    }
    path
}

fn operation(schema: &Schema, schemas: &mut Schemas<'_>, route: &Route, id: &str) -> Value {
    let rpc = &route.rpc;
    let mut parameters = Vec::new();
    for (variable, target) in route.template.variables.iter().zip(&route.targets) {
        let kind = target.field(schema).map_or(json!({}), |field| schemas.field(field));
        parameters.push(json!({"name": variable.field.join("."), "in": "path", "required": true, "schema": kind}));
    }
    if route.body != Body::Whole {
        queries(schema, schemas, route, rpc.input, "", QUERY_DEPTH, &mut parameters);
    }
    if route.needs_key() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": route.body != Body::Whole,
            "description": "Makes a repeat safe: the same key and request are answered with the first answer. \
                            Required here unless the body has it.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    let mut operation = json!({
        "operationId": id,
        "tags": [rpc.service],
        "description": rpc.doc,
        "parameters": parameters,
        "responses": {"200": answer(schema, schemas, route), "default": refusal()},
        "x-permission": rpc.permission,
    });
    let content = match route.body {
        Body::None => None,
        Body::Whole => {
            let in_path: Vec<_> = route.targets.iter().filter_map(|target| target.top()).collect();
            Some((schemas.object(rpc.input, |index| !in_path.contains(&index)), false))
        }
        Body::Field(index) => schema.message(rpc.input).fields.get(index).map(|field| (schemas.field(field), true)),
    };
    if let (Some((body, required)), Some(operation)) = (content, operation.as_object_mut()) {
        let body = json!({"required": required, "content": {"application/json": {"schema": body}}});
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn queries(
    schema: &Schema,
    schemas: &mut Schemas<'_>,
    route: &Route,
    message: MessageId,
    prefix: &str,
    depth: usize,
    into: &mut Vec<Value>,
) {
    for (index, field) in schema.message(message).fields.iter().enumerate() {
        let top = prefix.is_empty();
        let taken = route.targets.iter().any(|target| target.top() == Some(index)) || route.body == Body::Field(index);
        let key = route.needs_key() && route.rpc.key == Some(index);
        if top && (taken || key) {
            continue;
        }
        let name = format!("{prefix}{}", field.json_name);
        match (plain(schema, field), field.many) {
            (_, Many::Map { .. }) => {}
            (Some(inner), Many::One) if depth > 0 => {
                queries(schema, schemas, route, inner, &format!("{name}."), depth - 1, into);
            }
            (Some(_), Many::One | Many::List { .. }) => {}
            (None, Many::One | Many::List { .. }) => {
                let kind = schemas.field(field);
                into.push(json!({"name": name, "in": "query", "description": field.doc, "schema": kind}));
            }
        }
    }
}

/// The message of a field that no single text can fill.
fn plain(schema: &Schema, field: &Field) -> Option<MessageId> {
    let Kind::Message(id) = field.kind else { return None };
    let text = [Shape::Timestamp, Shape::Duration, Shape::FieldMask, Shape::Wrapper];
    (!text.contains(&schema.message(id).shape)).then_some(id)
}

fn answer(schema: &Schema, schemas: &mut Schemas<'_>, route: &Route) -> Value {
    let field = route.answer.and_then(|index| schema.message(route.rpc.output).fields.get(index));
    let body = match field {
        Some(field) => schemas.field(field),
        None => schemas.message(route.rpc.output),
    };
    if !route.rpc.streaming {
        return json!({"description": "Done.", "content": {"application/json": {"schema": body}}});
    }
    let description =
        "One item after the other, each as soon as it comes. A stream that ends badly ends with a problem.";
    json!({"description": description, "content": {
        "application/x-ndjson": {"schema": body.clone()},
        "text/event-stream": {"schema": body},
    }})
}

fn refusal() -> Value {
    let problem = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": "Refused or failed.", "content": {"application/problem+json": {"schema": problem}}})
}

fn problem() -> Value {
    let text = || json!({"type": "string"});
    let field = json!({"type": "object", "properties": {"field": text(), "description": text()}});
    json!({
        "type": "object",
        "description": "An error (RFC 9457). `reason` is stable and has a page in the documentation.",
        "required": ["type", "title", "status", "detail", "code", "reason", "domain"],
        "properties": {
            "type": text(), "title": text(), "status": {"type": "integer"}, "detail": text(), "code": text(),
            "reason": text(), "domain": text(), "metadata": {"type": "object", "additionalProperties": text()},
            "fields": {"type": "array", "items": field}, "trace_id": text(),
            "retry_after": {"type": "integer", "description": "Seconds."},
        },
    })
}
