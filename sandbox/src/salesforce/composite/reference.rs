//! `@{name.path}`: what a later link says of an earlier answer. Names are case-sensitive.

use serde_json::Value;

use super::super::fault::Problem;
use super::super::rest::Reply;

type Answers = [(String, Result<Reply, Problem>)];

/// Replaces every reference within a body.
pub(super) fn resolve(value: &mut Value, answers: &Answers) -> Result<(), Problem> {
    match value {
        Value::String(text) => {
            if let Some(found) = whole(text) {
                *value = look_up(found, answers)?.clone();
            } else if text.contains("@{") {
                *value = Value::from(resolve_text(text, answers, false)?);
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| resolve(item, answers)),
        Value::Object(members) => members.values_mut().try_for_each(|member| resolve(member, answers)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Replaces every reference within a text.
pub(super) fn resolve_text(text: &str, answers: &Answers, in_url: bool) -> Result<String, Problem> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((name, tail)) = after.split_once('}') else { return Err(unknown(after)) };
        let found = look_up(name, answers)?;
        let shown = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        done.push_str(before);
        if in_url {
            done.extend(percent_encoding::utf8_percent_encode(&shown, percent_encoding::NON_ALPHANUMERIC));
        } else {
            done.push_str(&shown);
        }
        rest = tail;
    }
    done.push_str(rest);
    Ok(done)
}

fn whole(text: &str) -> Option<&str> {
    text.strip_prefix("@{")?.strip_suffix('}').filter(|inner| !inner.contains('}'))
}

fn look_up<'a>(name: &str, answers: &'a Answers) -> Result<&'a Value, Problem> {
    let (first, path) = name
        .split_once(['.', '['])
        .map_or((name, ""), |(first, _)| (first, name.get(first.len()..).unwrap_or_default()));
    let body = answers
        .iter()
        .find(|(known, _)| known == first)
        .and_then(|(_, answer)| answer.as_ref().ok())
        .and_then(|reply| reply.body.as_ref())
        .ok_or_else(|| unknown(name))?;
    let mut at = body;
    for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()) {
        let next = match at {
            Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            Value::Object(members) => members.get(step),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        at = next.ok_or_else(|| unknown(name))?;
    }
    Ok(at)
}

fn unknown(name: &str) -> Problem {
    Problem::bad("PROCESSING_HALTED", format!("Invalid reference specified. No value for {name} found."))
}
