//! Composite requests: chains whose links may speak of earlier answers, and graphs of such chains. REST API Developer
//! Guide, "Composite", "allOrNone Parameters in Composite and Collections Requests", "Composite Graph".

mod reference;

use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::fault::Problem;
use super::rest::{Ask, Reply};
use super::{Call, rest, saving};

const MOST_LINKS: usize = 25;
const MOST_QUERIES: usize = 5;
const MOST_GRAPHS: usize = 75;
const MOST_NODES: usize = 500;
const HALTED: &str = "The transaction was rolled back since another operation in the same transaction failed.";

/// One link of a chain, as sent.
struct Link {
    name: String,
    method: Method,
    url: String,
    body: Option<Value>,
    headers: HeaderMap,
}

/// `POST /composite`: outer 200 whenever the envelope reads.
pub(super) fn chain(call: &Call<'_>, ask: &Ask<'_>) -> Result<Reply, Problem> {
    if ask.method != Method::POST {
        return Err(Problem::method(&ask.method));
    }
    let envelope = ask.record()?;
    let links = links(envelope, MOST_LINKS)?;
    let queries =
        links.iter().filter(|link| link.url.contains("/query") || link.url.contains("/composite/sobjects")).count();
    if queries > MOST_QUERIES {
        return Err(Problem::bad(
            "LIMIT_EXCEEDED",
            format!("Cannot have more than {MOST_QUERIES} query or collections operations in a composite request."),
        ));
    }
    let all_or_none = flag(envelope, "allOrNone")?;
    let (entries, _) = run(call, &links, all_or_none)?;
    Ok(Reply::ok(json!({"compositeResponse": entries})))
}

/// `POST /composite/graph`: every graph stands or falls alone.
pub(super) fn graphs(call: &Call<'_>, ask: &Ask<'_>) -> Result<Reply, Problem> {
    if ask.method != Method::POST {
        return Err(Problem::method(&ask.method));
    }
    let envelope = ask.record()?;
    let given = envelope.get("graphs").and_then(Value::as_array).ok_or_else(|| malformed("graphs"))?;
    let mut graphs = Vec::new();
    let mut nodes = 0;
    for graph in given {
        let graph = graph.as_object().ok_or_else(|| malformed("graphs"))?;
        let id = graph.get("graphId").and_then(Value::as_str).ok_or_else(|| malformed("graphId"))?;
        let links = links(graph, MOST_NODES)?;
        nodes += links.len();
        graphs.push((id, links));
    }
    if graphs.len() > MOST_GRAPHS || nodes > MOST_NODES {
        return Err(Problem::bad("LIMIT_EXCEEDED", "The composite graph request is too large."));
    }
    let mut answers = Vec::new();
    for (id, links) in &graphs {
        let (entries, successful) = run(call, links, true)?;
        answers
            .push(json!({"graphId": id, "graphResponse": {"compositeResponse": entries}, "isSuccessful": successful}));
    }
    Ok(Reply::ok(json!({"graphs": answers})))
}

/// Runs a chain; the entries, and whether every link succeeded.
fn run(call: &Call<'_>, links: &[Link], all_or_none: bool) -> Result<(Vec<Value>, bool), Problem> {
    let mut answers: Vec<(String, Result<Reply, Problem>)> = Vec::new();
    let mut culprit = None;
    call.db.execute_batch("SAVEPOINT chain")?;
    for (at, link) in links.iter().enumerate() {
        let answer = saving::atomically(call.db, || one(call, link, &answers, all_or_none));
        let failed = answer.as_ref().map_or(true, |reply| failed(reply, all_or_none));
        answers.push((link.name.clone(), answer));
        if failed {
            culprit.get_or_insert(at);
            if all_or_none {
                break;
            }
        }
    }
    if all_or_none && culprit.is_some() {
        call.db.execute_batch("ROLLBACK TO chain")?;
    }
    call.db.execute_batch("RELEASE chain")?;
    let halted = || Problem::bad("PROCESSING_HALTED", HALTED);
    let mut answers = answers.into_iter();
    let entries = links.iter().enumerate().map(|(at, link)| {
        let answer = answers.next().map_or_else(|| Err(halted()), |(_, answer)| answer);
        match culprit {
            Some(guilty) if all_or_none && guilty != at => entry(&link.name, Err(halted())),
            _ => entry(&link.name, answer),
        }
    });
    Ok((entries.collect(), culprit.is_none()))
}

/// Whether a link failed; under `allOrNone` one lost record of a collection is a failure of its link. What the link
/// itself then answers is not verified: this org leaves it the list that names the record.
fn failed(reply: &Reply, all_or_none: bool) -> bool {
    let lost = || {
        let records = reply.body.as_ref().and_then(Value::as_array).into_iter().flatten();
        records.into_iter().any(|record| record.get("success").and_then(Value::as_bool) == Some(false))
    };
    (reply.status >= 300 && reply.status != 304) || (all_or_none && lost())
}

fn one(
    call: &Call<'_>,
    link: &Link,
    answers: &[(String, Result<Reply, Problem>)],
    all_or_none: bool,
) -> Result<Reply, Problem> {
    let url = reference::resolve_text(&link.url, answers, true)?;
    let mut body = link.body.clone();
    if let Some(body) = &mut body {
        reference::resolve(body, answers)?;
    }
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let (version, segments) = super::version_and_rest(path)?;
    if segments.first().is_some_and(|first| first == "composite") {
        match segments.get(1).map(String::as_str) {
            Some("sobjects") => {
                // The outer flag rules over the inner one.
                if let (true, Some(Value::Object(inner))) = (all_or_none, &mut body) {
                    inner.insert("allOrNone".to_owned(), Value::Bool(true));
                }
            }
            _ => return Err(Problem::bad("INVALID_INPUT", "Composite requests cannot be nested.")),
        }
    }
    let headers = &link.headers;
    let ask = Ask { method: link.method.clone(), segments, query: super::parameters(query), headers, body };
    rest::run(&Call { version, ..*call }, &ask)
}

fn entry(name: &str, answer: Result<Reply, Problem>) -> Value {
    match answer {
        Ok(reply) => {
            let headers: Map<String, Value> =
                reply.headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
            json!({"body": reply.body, "httpHeaders": headers, "httpStatusCode": reply.status, "referenceId": name})
        }
        Err(problem) => {
            json!({"body": problem.rest(), "httpHeaders": {}, "httpStatusCode": problem.status, "referenceId": name})
        }
    }
}

fn links(envelope: &Map<String, Value>, most: usize) -> Result<Vec<Link>, Problem> {
    let given =
        envelope.get("compositeRequest").and_then(Value::as_array).ok_or_else(|| malformed("compositeRequest"))?;
    if given.is_empty() || given.len() > most {
        return Err(Problem::bad("LIMIT_EXCEEDED", format!("The number of subrequests must be between 1 and {most}.")));
    }
    let mut links: Vec<Link> = Vec::new();
    for link in given {
        let text = |name: &str| link.get(name).and_then(Value::as_str).ok_or_else(|| malformed(name));
        let (name, url, method) = (text("referenceId")?, text("url")?, text("method")?);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Problem::bad("INVALID_INPUT", format!("Invalid referenceId: {name}")));
        }
        if links.iter().any(|other| other.name == name) {
            return Err(Problem::bad("INVALID_INPUT", format!("Duplicate referenceId: {name}")));
        }
        if !url.starts_with("/services/data/") {
            return Err(Problem::bad("INVALID_INPUT", format!("Invalid url: {url}")));
        }
        let method = match method {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PATCH" => Method::PATCH,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            _ => return Err(malformed("method")),
        };
        let headers = link.get("httpHeaders").and_then(Value::as_object).into_iter().flatten();
        let headers = headers
            .filter_map(|(name, value)| {
                let name = http::HeaderName::try_from(name.as_str()).ok()?;
                Some((name, http::HeaderValue::from_str(value.as_str()?).ok()?))
            })
            .collect();
        links.push(Link {
            name: name.to_owned(),
            method,
            url: url.to_owned(),
            body: link.get("body").cloned(),
            headers,
        });
    }
    Ok(links)
}

fn flag(envelope: &Map<String, Value>, name: &str) -> Result<bool, Problem> {
    match envelope.get(name) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| Problem::unreadable("boolean", value)),
    }
}

fn malformed(member: &str) -> Problem {
    Problem::bad("JSON_PARSER_ERROR", format!("Missing or invalid member in composite request: {member}"))
}
