//! Path templates of `google.api.http`: `/v1/{name=shelves/*}/books/{book.id}:publish`.

/// A template that the gateway cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {template:?} {what}")]
pub struct TemplateError {
    template: String,
    what: &'static str,
}

/// One part of a path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    /// `*`: one segment that is not empty.
    One,
    /// `**`: all that is left, at the end only.
    Rest,
}

/// A field that the path fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Names from the request message inwards.
    pub(crate) field: Vec<String>,
    /// Its first segment.
    pub(crate) start: usize,
    /// The segment after its last; `None` when it takes all that is left.
    pub(crate) end: Option<usize>,
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) verb: String,
}

impl Template {
    /// Parses a template; the verb is what follows the first colon behind the last segment or variable.
    pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
        let wrong = |what| TemplateError { template: text.to_owned(), what };
        let path = text.strip_prefix('/').ok_or_else(|| wrong("must begin with a slash"))?;
        let tail = path.rfind(['}', '/']).map_or(0, |at| at + 1);
        let (path, verb) = match path.get(tail..).and_then(|tail| tail.find(':')) {
            Some(colon) => path.split_at(tail + colon),
            None => (path, ""),
        };
        let mut template = Template {
            text: text.to_owned(),
            segments: vec![],
            variables: vec![],
            verb: verb.trim_start_matches(':').to_owned(),
        };
        for part in parts(path) {
            template.add(part).map_err(wrong)?;
        }
        let before_last = template.segments.len().saturating_sub(1);
        if template.segments.iter().take(before_last).any(|segment| *segment == Segment::Rest) {
            return Err(wrong("may have `**` only at its end"));
        }
        Ok(template)
    }

    fn add(&mut self, part: &str) -> Result<(), &'static str> {
        let Some(variable) = part.strip_prefix('{') else {
            return self.add_plain(part);
        };
        let variable = variable.strip_suffix('}').ok_or("has a brace without its partner")?;
        let (name, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        let start = self.segments.len();
        for part in pattern.split('/') {
            self.add_plain(part)?;
        }
        let end = (self.segments.last() != Some(&Segment::Rest)).then_some(self.segments.len());
        self.variables.push(Variable { field: name.split('.').map(str::to_owned).collect(), start, end });
        Ok(())
    }

    fn add_plain(&mut self, part: &str) -> Result<(), &'static str> {
        self.segments.push(match part {
            "" => return Err("has an empty segment"),
            "*" => Segment::One,
            "**" => Segment::Rest,
            literal if literal.contains(['{', '}', '*']) => return Err("has a segment that is half a pattern"),
            literal => Segment::Literal(literal.to_owned()),
        });
        Ok(())
    }
}

/// Parts between slashes, but not between those inside braces.
fn parts(path: &str) -> Vec<&str> {
    let mut inside = false;
    path.split(|letter| {
        inside = (inside || letter == '{') && letter != '}';
        letter == '/' && !inside
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_segments_variables_and_a_verb() {
        let it = Template::parse("/v1/{name=shelves/*}/books/{book.id}:publish").unwrap();
        let literal = |text: &str| Segment::Literal(text.to_owned());
        let segments = [literal("v1"), literal("shelves"), Segment::One, literal("books"), Segment::One];
        assert_eq!(it.segments, segments);
        assert_eq!(it.verb, "publish");
        let name = Variable { field: vec!["name".to_owned()], start: 1, end: Some(3) };
        let book = Variable { field: vec!["book".to_owned(), "id".to_owned()], start: 4, end: Some(5) };
        assert_eq!(it.variables, [name, book]);
    }

    #[test]
    fn a_verb_may_have_a_colon_and_a_literal_may_have_a_verb() {
        assert_eq!(Template::parse("/v1/{name}:d:e").unwrap().verb, "d:e");
        assert_eq!(Template::parse("/v1/customers:resolve").unwrap().verb, "resolve");
        assert_eq!(Template::parse("/v1/{rest=**}").unwrap().variables[0].end, None);
    }

    #[test]
    fn broken_templates_are_refused_at_start() {
        for text in ["v1", "/v1//x", "/v1/{a", "/v1/a}", "/v1/**/x", "/v1/a*"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
