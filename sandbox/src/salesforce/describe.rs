//! What the org says of its objects.

use serde_json::{Value, json};

use super::Call;
use super::conditions;
use super::fault::Problem;
use super::org::{self, Field, Kind, Object};
use super::rest::{Ask, Reply};
use super::saving;

/// When the org's metadata changed last: at its birth.
const CHANGED: i64 = 1_767_225_600_000;

/// Every object, in short.
pub(super) fn every(call: &Call<'_>) -> Value {
    let objects: Vec<Value> =
        org::every().filter(|object| call.has(object)).map(|object| summary(call, object)).collect();
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})
}

/// One object, in short.
pub(super) fn summary(call: &Call<'_>, object: &Object) -> Value {
    let base = format!("/services/data/v{}.0/sobjects/{}", call.version, object.name);
    json!({
        "name": object.name, "label": object.label, "labelPlural": format!("{}s", object.label), "keyPrefix": object.prefix,
        "custom": object.custom(), "createable": object.writable(), "updateable": object.writable(),
        "deletable": object.writable(), "queryable": true, "retrieveable": true, "searchable": object.writable(),
        "replicateable": object.writable(), "undeletable": object.writable(),
        "urls": {"sobject": base, "describe": format!("{base}/describe"), "rowTemplate": format!("{base}/{{ID}}")},
    })
}

/// One object with its columns; 304 when the reader already has it.
pub(super) fn answer(call: &Call<'_>, ask: &Ask<'_>, object: &'static Object) -> Result<Reply, Problem> {
    if conditions::not_modified_since(ask, CHANGED) {
        return Ok(Reply::empty(304));
    }
    let mut body = summary(call, object);
    let fields: Vec<Value> =
        object.columns().filter(|field| call.visible(object, field)).map(|field| column(call, object, field)).collect();
    let children: Vec<Value> = object
        .children
        .iter()
        .filter_map(|(name, child, field)| Some((*name, call.object(child)?, *field)))
        .map(|(name, child, field)| {
            json!({"relationshipName": name, "childSObject": child.name, "field": field, "cascadeDelete": child.goes_with(field)})
        })
        .collect();
    super::put(&mut body, "fields", Value::Array(fields));
    super::put(&mut body, "childRelationships", Value::Array(children));
    super::put(&mut body, "recordTypeInfos", json!([]));
    let mut reply = Reply::ok(body);
    reply.headers.push(("Last-Modified".to_owned(), conditions::http_date(CHANGED)));
    Ok(reply)
}

fn column(call: &Call<'_>, object: &Object, field: &Field) -> Value {
    let (length, precision, scale) = match field.kind {
        Kind::Id | Kind::Reference(..) => (18, 0, 0),
        Kind::Text(most) | Kind::LongText(most) => (most, 0, 0),
        Kind::Email => (80, 0, 0),
        Kind::Phone => (40, 0, 0),
        Kind::Url | Kind::Picklist(..) => (255, 0, 0),
        Kind::AutoNumber(..) => (30, 0, 0),
        Kind::PersonName => (121, 0, 0),
        Kind::Number(digits, scale) | Kind::Currency(digits, scale) => (0, digits, scale),
        Kind::Boolean | Kind::Integer | Kind::Date | Kind::DateTime | Kind::Address(_) => (0, 0, 0),
    };
    let values: Vec<Value> = match field.kind {
        Kind::Picklist(listed, _) => listed
            .iter()
            .map(|value| json!({"active": true, "defaultValue": false, "label": value, "value": value}))
            .collect(),
        Kind::Id
        | Kind::Text(_)
        | Kind::LongText(_)
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Boolean
        | Kind::Integer
        | Kind::Number(..)
        | Kind::Currency(..)
        | Kind::Date
        | Kind::DateTime
        | Kind::Reference(..)
        | Kind::AutoNumber(..)
        | Kind::Address(_)
        | Kind::PersonName => Vec::new(),
    };
    let parents: Vec<&str> = if let Kind::Reference(parent, _) = field.kind { vec![parent] } else { Vec::new() };
    json!({
        "name": field.name, "label": field.name.trim_end_matches("__c").replace('_', " "), "type": type_name(field.kind),
        "length": length, "precision": precision, "scale": scale, "custom": field.custom(),
        "nillable": !field.required && field.createable, "createable": field.createable, "updateable": field.updateable,
        "externalId": field.external, "unique": saving::is_unique(call, object, field), "caseSensitive": field.unique,
        "idLookup": field.external || field.kind == Kind::Id, "autoNumber": matches!(field.kind, Kind::AutoNumber(..)),
        "calculated": false, "filterable": !matches!(field.kind, Kind::Address(_)), "sortable": true,
        "restrictedPicklist": matches!(field.kind, Kind::Picklist(_, true)), "picklistValues": values,
        "referenceTo": parents, "relationshipName": field.relationship(),
    })
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "id",
        Kind::Text(_) | Kind::AutoNumber(..) | Kind::PersonName => "string",
        Kind::LongText(_) => "textarea",
        Kind::Email => "email",
        Kind::Phone => "phone",
        Kind::Url => "url",
        Kind::Picklist(..) => "picklist",
        Kind::Boolean => "boolean",
        Kind::Integer => "int",
        Kind::Number(..) => "double",
        Kind::Currency(..) => "currency",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::Reference(..) => "reference",
        Kind::Address(_) => "address",
    }
}
