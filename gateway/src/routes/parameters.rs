//! Path and query parameters: plain texts that fill fields of the request, however deep.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::template::Variable;
use super::{Body, Route};
use crate::transcode::{Field, Kind, LEN, Many, MessageId, Misfit, Schema, Shape, close, encode_text, open, put_tag};

/// A field that a text can fill: the indexes from the request message inwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    steps: Vec<(MessageId, usize)>,
    /// True when it may be given several times.
    pub(crate) many: bool,
}

impl Target {
    /// Finds a field by its names, in either spelling.
    pub(crate) fn find<'n>(
        schema: &Schema,
        message: MessageId,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Target, Misfit> {
        let mut target = Target { steps: Vec::new(), many: false };
        let mut inside = Some(message);
        for name in names {
            let message = inside.ok_or_else(|| Misfit::new("has no fields of its own"))?;
            let found = schema.message(message).named(name, usize::MAX);
            let (index, field) = found.ok_or_else(|| Misfit::new(unknown(schema, message)))?;
            target.steps.push((message, index));
            target.many = matches!(field.many, Many::List { .. });
            inside = None;
            if let (Kind::Message(id), Many::One) = (field.kind, field.many)
                && schema.message(id).shape == Shape::Plain
            {
                inside = Some(id);
            }
            if !fits_text(schema, field) && inside.is_none() {
                return Err(Misfit::new("cannot be given as a parameter; use a route that takes it in the body"));
            }
        }
        if inside.is_some() {
            return Err(Misfit::new("is a message; name one of its fields, as in `field.part`"));
        }
        Ok(target)
    }

    /// The index of the request's own field that it lies in.
    pub(crate) fn top(&self) -> Option<usize> {
        self.steps.first().map(|(_, index)| *index)
    }

    pub(crate) fn field<'s>(&self, schema: &'s Schema) -> Option<&'s Field> {
        let (message, index) = self.steps.last()?;
        schema.message(*message).fields.get(*index)
    }

    /// Appends the text as this field. Fields inside messages are written as the message with that field alone, which
    /// protobuf merges with the rest.
    pub(crate) fn put(&self, schema: &Schema, text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let fields: Vec<&Field> =
            self.steps.iter().filter_map(|(message, index)| schema.message(*message).fields.get(*index)).collect();
        let Some((last, outer)) = fields.split_last() else { return Ok(()) };
        let mut opened = Vec::new();
        for field in outer {
            put_tag(out, field.number, LEN);
            opened.push(open(out));
        }
        encode_text(schema, last, text, out)?;
        for start in opened.into_iter().rev() {
            close(out, start);
        }
        Ok(())
    }

    fn oneof(&self, schema: &Schema) -> Option<(Vec<(MessageId, usize)>, usize)> {
        let oneof = self.field(schema)?.oneof?;
        let (_, outer) = self.steps.split_last()?;
        Some((outer.to_vec(), oneof))
    }
}

fn fits_text(schema: &Schema, field: &Field) -> bool {
    if matches!(field.many, Many::Map { .. }) {
        return false;
    }
    let Kind::Message(id) = field.kind else { return true };
    matches!(schema.message(id).shape, Shape::Timestamp | Shape::Duration | Shape::FieldMask | Shape::Wrapper)
}

fn unknown(schema: &Schema, message: MessageId) -> String {
    let names: Vec<_> = schema.message(message).fields.iter().map(|field| field.json_name.as_str()).collect();
    match names.as_slice() {
        [] => "is not a parameter of this route; it takes none".to_owned(),
        names => format!("is not a parameter of this route; it has {}", names.join(", ")),
    }
}

/// Appends what the path says.
pub(crate) fn put_path(schema: &Schema, route: &Route, segments: &[&str], out: &mut Vec<u8>) -> Result<(), Misfit> {
    for (variable, target) in route.template.variables.iter().zip(&route.targets) {
        let name = variable.field.join(".");
        let text = value(variable, segments).ok_or_else(|| Misfit::new("is not UTF-8 text").in_field(&name))?;
        target.put(schema, &text, out).map_err(|misfit| misfit.in_field(&name))?;
    }
    Ok(())
}

/// The text of a variable. One segment is decoded whole; of several an encoded slash stays encoded, so that it can be
/// told from a real one.
fn value(variable: &Variable, segments: &[&str]) -> Option<String> {
    let end = variable.end.unwrap_or(segments.len());
    let parts = segments.get(variable.start..end)?;
    if let ([one], Some(_)) = (parts, variable.end) {
        return decoded(one);
    }
    let kept = |part: &&str| decoded(&part.replace("%2F", "%252F").replace("%2f", "%252f"));
    Some(parts.iter().map(kept).collect::<Option<Vec<_>>>()?.join("/"))
}

/// Appends what the query says.
pub(crate) fn put_query(schema: &Schema, route: &Route, query: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let (mut seen, mut oneofs) = (BTreeSet::new(), BTreeSet::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| decoded(&text.replace('+', " "));
        let name = plain(name).ok_or_else(|| Misfit::new("a parameter's name is not UTF-8 text"))?;
        let mut put = || -> Result<(), Misfit> {
            let text = plain(text).ok_or_else(|| Misfit::new("is not UTF-8 text"))?;
            let target = Target::find(schema, route.rpc.input, name.split('.'))?;
            if route.targets.iter().any(|bound| bound.steps == target.steps) {
                return Err(Misfit::new("is already in the path"));
            }
            if let Body::Field(body) = route.body
                && target.top() == Some(body)
            {
                return Err(Misfit::new("belongs into the body"));
            }
            if !target.many && !seen.insert(target.steps.clone()) {
                return Err(Misfit::new("is given twice"));
            }
            if let Some(oneof) = target.oneof(schema)
                && !oneofs.insert(oneof)
            {
                return Err(Misfit::new("excludes another parameter that is given as well; give one of them"));
            }
            target.put(schema, &text, out)
        };
        put().map_err(|misfit| misfit.in_field(&name))?;
    }
    Ok(())
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
