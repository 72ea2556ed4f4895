//! The resources under `/services/data/vNN.N`: which method of which path does what. REST API Developer Guide.

use http::Method;
use serde_json::{Map, Value, json};

use super::fault::Problem;
use super::org::Object;
use super::rows::{self, Record};
use super::saving::{self, Upserted};
use super::{Call, bulk_rows, composite, conditions, describe, limits, query};

/// One request for a resource: from the wire, or one of a composite's subrequests.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Decoded path segments after the version.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: &'a http::HeaderMap,
    pub(super) body: Option<Value>,
}

/// One answer, before it becomes bytes.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Reply { status: 200, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: None }
    }
}

impl Ask<'_> {
    /// A query parameter; names are case-sensitive.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a record.
    pub(super) fn record(&self) -> Result<&Map<String, Value>, Problem> {
        let body = self.body.as_ref().ok_or_else(|| {
            Problem::bad("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
        })?;
        body.as_object().ok_or_else(|| Problem::unreadable("sobject", body))
    }
}

/// Answers one request; a refusal leaves nothing written.
pub(super) fn run(call: &Call<'_>, ask: &Ask<'_>) -> Result<Reply, Problem> {
    let segments: Vec<&str> = ask.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [] => only_get(ask).map(|()| Reply::ok(resources(call))),
        ["limits"] => only_get(ask).and_then(|()| limits::list(call)),
        ["query"] => only_get(ask).and_then(|()| query::first_page(call, ask, false)),
        ["queryAll"] => only_get(ask).and_then(|()| query::first_page(call, ask, true)),
        ["query" | "queryAll", locator] => only_get(ask).and_then(|()| query::next_page(call, locator)),
        ["sobjects"] => only_get(ask).map(|()| Reply::ok(describe::every(call))),
        ["sobjects", name] => collection(call, ask, object(call, name)?),
        ["sobjects", name, "describe"] => only_get(ask).and_then(|()| describe::answer(call, ask, object(call, name)?)),
        ["sobjects", name, which @ ("updated" | "deleted")] => {
            only_get(ask).and_then(|()| changes(call, ask, object(call, name)?, *which == "deleted"))
        }
        ["sobjects", name, id] => row(call, ask, object(call, name)?, id),
        ["sobjects", name, key, value] => keyed(call, ask, object(call, name)?, key, value),
        ["composite"] => composite::chain(call, ask),
        ["composite", "graph"] => composite::graphs(call, ask),
        ["composite", "sobjects", rest @ ..] => bulk_rows::run(call, ask, rest),
        _ => Err(Problem::missing()),
    }
}

/// An object by the name in a path.
pub(super) fn object(call: &Call<'_>, name: &str) -> Result<&'static Object, Problem> {
    call.object(name).ok_or_else(Problem::missing)
}

fn only_get(ask: &Ask<'_>) -> Result<(), Problem> {
    if ask.method == Method::GET || ask.method == Method::HEAD { Ok(()) } else { Err(Problem::method(&ask.method)) }
}

fn resources(call: &Call<'_>) -> Value {
    let base = format!("/services/data/v{}.0", call.version);
    json!({
        "sobjects": format!("{base}/sobjects"), "query": format!("{base}/query"), "queryAll": format!("{base}/queryAll"),
        "composite": format!("{base}/composite"), "limits": format!("{base}/limits"),
    })
}

fn collection(call: &Call<'_>, ask: &Ask<'_>, object: &'static Object) -> Result<Reply, Problem> {
    match ask.method {
        Method::POST => saving::create(call, object, ask.record()?).map(|record| created(call, &record, false)),
        Method::GET => Ok(Reply::ok(json!({"objectDescribe": describe::summary(call, object), "recentItems": []}))),
        _ => Err(Problem::method(&ask.method)),
    }
}

fn row(call: &Call<'_>, ask: &Ask<'_>, object: &'static Object, id: &str) -> Result<Reply, Problem> {
    match ask.method {
        // `POST /sobjects/Account/Id` without an id is a plain create.
        Method::POST if id.eq_ignore_ascii_case("Id") => {
            saving::create(call, object, ask.record()?).map(|record| created(call, &record, true))
        }
        Method::GET => conditions::read(ask, &rows::live(call.db, object, id)?, |record| fields(call, ask, record)),
        Method::PATCH => {
            conditions::write(ask, &rows::live(call.db, object, id)?)?;
            saving::update(call, object, id, ask.record()?).map(|_| Reply::empty(204))
        }
        Method::DELETE => saving::delete(call, object, id).map(|()| Reply::empty(204)),
        _ => Err(Problem::method(&ask.method)),
    }
}

fn keyed(call: &Call<'_>, ask: &Ask<'_>, object: &'static Object, key: &str, value: &str) -> Result<Reply, Problem> {
    if key.eq_ignore_ascii_case("Id") {
        return row(call, ask, object, value);
    }
    let key = saving::key_column(call, object, key)?;
    // A value with a slash in it does not survive the path of the real service.
    if value.contains('/') {
        return Err(Problem::missing());
    }
    if ask.method == Method::PATCH {
        let found = rows::having(call.db, object, key, value)?;
        if let [id] = found.as_slice() {
            conditions::write(ask, &rows::live(call.db, object, id)?)?;
        }
        let update_only = call.version >= 46 && ask.parameter("updateOnly") == Some("true");
        return Ok(match saving::upsert(call, object, key, value, ask.record()?, update_only)? {
            Upserted::Created(record) => created(call, &record, true),
            Upserted::Updated(record) if call.version >= 46 => {
                Reply::ok(json!({"id": record.id, "success": true, "errors": [], "created": false}))
            }
            Upserted::Updated(_) => Reply::empty(204),
            Upserted::Several(ids) => several(call, object, &ids),
        });
    }
    let found = rows::having(call.db, object, key, value)?;
    match found.as_slice() {
        [] => Err(Problem::missing()),
        [id] => row(call, ask, object, id),
        _ => Ok(several(call, object, &found)),
    }
}

/// The 300 that names every candidate.
fn several(call: &Call<'_>, object: &Object, ids: &[String]) -> Reply {
    let urls: Vec<Value> = ids.iter().map(|id| Value::from(call.url(object, id))).collect();
    Reply { status: 300, headers: Vec::new(), body: Some(Value::Array(urls)) }
}

fn created(call: &Call<'_>, record: &Record, upserted: bool) -> Reply {
    let mut body = json!({"id": record.id, "success": true, "errors": []});
    if upserted && call.version >= 46 {
        super::put(&mut body, "created", Value::Bool(true));
    }
    Reply { status: 201, headers: vec![("Location".to_owned(), call.url(record.object, &record.id))], body: Some(body) }
}

/// A record with the asked columns, or with all of them.
fn fields(call: &Call<'_>, ask: &Ask<'_>, record: &Record) -> Result<Value, Problem> {
    let mut body = Map::new();
    body.insert("attributes".to_owned(), call.attributes(record));
    match ask.parameter("fields") {
        Some(names) => {
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let field =
                    call.column(record.object, name).ok_or_else(|| Problem::no_column(name, record.object.name))?;
                body.insert(field.name.to_owned(), record.value(field, call.user));
            }
            body.entry("Id").or_insert_with(|| Value::from(record.id.as_str()));
        }
        None => {
            for field in record.object.columns().filter(|field| call.visible(record.object, field)) {
                body.insert(field.name.to_owned(), record.value(field, call.user));
            }
        }
    }
    Ok(Value::Object(body))
}

/// Ids changed or deleted between two moments.
fn changes(call: &Call<'_>, ask: &Ask<'_>, object: &'static Object, deleted: bool) -> Result<Reply, Problem> {
    let moment = |name: &str| {
        ask.parameter(name)
            .and_then(|text| super::values::moment(&text.replace(' ', "+")))
            .ok_or_else(|| Problem::bad("INVALID_REPLICATION_DATE", format!("invalid {name} date")))
    };
    let (start, end) = (moment("start")?, moment("end")?);
    if start >= end {
        return Err(Problem::bad("INVALID_REPLICATION_DATE", "startDate before endDate"));
    }
    let found = rows::changed(call.db, object, start.as_millisecond(), end.as_millisecond(), deleted)?;
    let covered = rows::stamp(end.min(call.now).as_millisecond());
    Ok(Reply::ok(if deleted {
        let gone: Vec<Value> =
            found.iter().map(|record| json!({"id": record.id, "deletedDate": rows::stamp(record.modified)})).collect();
        json!({"deletedRecords": gone, "earliestDateAvailable": rows::stamp(0), "latestDateCovered": covered})
    } else {
        let ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
        json!({"ids": ids, "latestDateCovered": covered})
    }))
}
