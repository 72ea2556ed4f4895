//! The template engine: Jinja, strict about names, with two filters of ours.

use jiff::ZonedDateTime;
use jiff::civil::Date;
use jiff::fmt::strtime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::{BadWords, LONGEST_SUBJECT, Set, Worded, one_line, paragraphs};
use crate::facts::Facts;

/// Why a template was not filled in.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) template: String,
    pub(super) line: usize,
    /// The kind of mistake; quotes nothing.
    pub(super) kind: String,
    /// May quote what was filled in.
    detail: Option<String>,
}

impl Bad {
    pub(super) fn of(template: &str, error: &minijinja::Error) -> Self {
        let line = error.line().unwrap_or(1);
        let kind = error.kind().to_string();
        Self { template: template.to_owned(), line, kind, detail: error.detail().map(str::to_owned) }
    }

    /// With all it knows: for the start, when what was filled in was made up.
    pub(super) fn told(self) -> BadWords {
        let why = match self.detail {
            Some(detail) => format!("{}: {detail}", self.kind),
            None => self.kind,
        };
        BadWords { template: self.template, line: self.line, why }
    }
}

/// The engine, without templates.
pub(super) fn engine() -> Result<Environment<'static>, BadWords> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line with a tag alone leaves no line.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    engine.set_syntax(syntax.map_err(|error| Bad::of("syntax", &error).told())?);
    engine.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    engine.add_filter("time", time);
    engine.add_filter("day", day);
    Ok(engine)
}

/// Fills in the templates of a message.
pub(super) fn fill(engine: &Environment<'static>, set: &Set, facts: &Facts) -> Result<Worded, Bad> {
    let one = |name: &str| {
        let filled = engine.get_template(name).and_then(|template| template.render(Serde(facts)));
        filled.map_err(|error| Bad::of(name, &error))
    };
    let subject = one_line(&one(&set.subject)?, LONGEST_SUBJECT);
    let text = paragraphs(&one(&set.text)?);
    let html = set.html.as_deref().map(|name| one(name).map(|html| paragraphs(&html))).transpose()?;
    for (name, words) in [(&set.subject, &subject), (&set.text, &text)] {
        if words.is_empty() {
            let kind = "it comes to nothing".to_owned();
            return Err(Bad { template: name.clone(), line: 1, kind, detail: None });
        }
    }
    Ok(Worded { subject, text, html })
}

/// `{{ keep_until | time("%d.%m.%Y %H:%M") }}`: a moment, in the configured zone; nothing of nothing.
fn time(moment: String, pattern: String) -> Result<String, minijinja::Error> {
    if moment.is_empty() {
        return Ok(moment);
    }
    let moment: ZonedDateTime =
        moment.parse().map_err(|_| wrong("the filter time wants a moment, such as keep_until"))?;
    strtime::format(&pattern, &moment).map_err(|error| wrong(&error.to_string()))
}

/// `{{ expected_date | day("%d.%m.%Y") }}`: a day; nothing of nothing.
fn day(day: String, pattern: String) -> Result<String, minijinja::Error> {
    if day.is_empty() {
        return Ok(day);
    }
    let day: Date = day.parse().map_err(|_| wrong("the filter day wants a day, such as expected_date"))?;
    strtime::format(&pattern, day).map_err(|error| wrong(&error.to_string()))
}

fn wrong(why: &str) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, why.to_owned())
}
