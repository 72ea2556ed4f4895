//! Which words a message has: templates from files and configuration, and what stands in for those that are not there. All
//! of them are tried at start, so that a slip of the pen stops the start and not the thousandth message.

mod files;
mod filling;

use std::collections::BTreeMap;
use std::fmt;

use minijinja::Environment;

use crate::config::{Config, Wording};
use crate::facts::Facts;
use crate::fault::Error;
use crate::letter::one_line;
use crate::locale::Locale;
use crate::occasion;

/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 250;

/// A message in words: a subject of one line, plain text, perhaps HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Worded {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
}

/// A template that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{template}, line {line}: {why}")]
pub struct BadWords {
    /// File, or where it stands in the configuration.
    pub template: String,
    /// Line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// Whose words, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Brand(String),
    Everybody,
    BuiltIn,
}

type Key = (Whose, &'static str, Locale);

/// Where the templates of one message lie in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    subject: String,
    text: String,
    html: Option<String>,
}

/// The source of one message's templates.
struct Source {
    /// File, or where it stands in the configuration.
    origin: String,
    subject: String,
    text: String,
    /// Origin and source.
    html: Option<(String, String)>,
}

/// All words.
pub(crate) struct Words {
    engine: Environment<'static>,
    sets: BTreeMap<Key, Set>,
    default: Locale,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("sets", &self.sets.len()).finish_non_exhaustive()
    }
}

impl Words {
    /// Reads all templates and tries them.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(crate) fn load(config: &Config, default: Locale) -> Result<Self, BadWords> {
        let mut words = Self { engine: filling::engine()?, sets: BTreeMap::new(), default };
        if config.built_in_words {
            for (occasion, source) in files::built_in()? {
                words.add((Whose::BuiltIn, occasion, Locale::english()), source)?;
            }
        }
        let scopes = config.brands.iter().map(|(name, brand)| {
            (Whose::Brand(name.clone()), format!("brands.{name}.words"), &brand.templates, &brand.words)
        });
        let everybody = (Whose::Everybody, "words".to_owned(), &config.templates, &config.words);
        for (whose, place, folder, given) in scopes.chain([everybody]) {
            if let Some(folder) = folder {
                for (occasion, locale, source) in files::folder(folder)? {
                    words.add((whose.clone(), occasion, locale), source)?;
                }
            }
            for (at, wording) in given.iter().enumerate() {
                let (occasion, locale, source) = inline(&format!("{place}[{at}]"), wording)?;
                words.add((whose.clone(), occasion, locale), source)?;
            }
        }
        words.try_all()?;
        Ok(words)
    }

    /// A message in words; none when there are none for the occasion. The customer's language comes before the brand's own
    /// words in another one.
    ///
    /// # Errors
    /// [`Error::Template`].
    pub(crate) fn word(
        &self,
        occasion: &'static str,
        locale: Option<&Locale>,
        brand: &str,
        facts: &Facts,
    ) -> Result<Option<Worded>, Error> {
        let Some(set) = self.find(occasion, locale, brand) else { return Ok(None) };
        let filled = filling::fill(&self.engine, set, facts).map_err(|bad| {
            // What went wrong may quote what was filled in.
            Error::Template { template: bad.template, line: bad.line, why: bad.kind }
        })?;
        Ok(Some(filled))
    }

    fn find(&self, occasion: &'static str, locale: Option<&Locale>, brand: &str) -> Option<&Set> {
        let chain = locale.into_iter().chain([&self.default]).flat_map(Locale::chain).chain([Locale::english()]);
        let whose = [Whose::Brand(brand.to_owned()), Whose::Everybody, Whose::BuiltIn];
        chain
            .into_iter()
            .find_map(|locale| whose.iter().find_map(|whose| self.sets.get(&(whose.clone(), occasion, locale.clone()))))
    }

    fn add(&mut self, key: Key, source: Source) -> Result<(), BadWords> {
        let Source { origin, subject, text, html } = source;
        let set =
            Set { subject: format!("{origin} (subject)"), text: origin, html: html.as_ref().map(|(at, _)| at.clone()) };
        let pieces = [(set.subject.clone(), subject), (set.text.clone(), text)].into_iter().chain(html);
        for (name, source) in pieces {
            self.engine
                .add_template_owned(name.clone(), source)
                .map_err(|error| filling::Bad::of(&name, &error).told())?;
        }
        self.sets.insert(key, set);
        Ok(())
    }

    /// Fills in every template, with everything given and with as little as can be.
    fn try_all(&self) -> Result<(), BadWords> {
        for (set, facts) in self.sets.values().flat_map(|set| [(set, Facts::full()), (set, Facts::bare())]) {
            filling::fill(&self.engine, set, &facts).map_err(filling::Bad::told)?;
        }
        Ok(())
    }
}

fn inline(origin: &str, given: &Wording) -> Result<(&'static str, Locale, Source), BadWords> {
    let bad = |why: String| BadWords { template: origin.to_owned(), line: 1, why };
    let occasion = occasion::named(&given.occasion)
        .ok_or_else(|| bad(format!("{:?} is no occasion; {}", given.occasion, files::known())))?;
    let locale = Locale::read(&given.locale).ok_or_else(|| bad(format!("{:?} is no locale", given.locale)))?;
    let source = Source {
        origin: origin.to_owned(),
        subject: given.subject.clone(),
        text: given.text.clone(),
        html: given.html.clone().map(|html| (format!("{origin}.html"), html)),
    };
    Ok((occasion, locale, source))
}

/// A text as a body: lines are parted by LF, no control characters but tabs, no more than one empty line in a row.
fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let visible = text.chars().filter(|one| !one.is_control() || matches!(one, '\n' | '\t'));
    let visible: String = visible.collect();
    let mut body: Vec<&str> = Vec::new();
    for line in visible.trim().lines().map(str::trim_end) {
        if !(line.is_empty() && body.last().is_some_and(|last| last.is_empty())) {
            body.push(line);
        }
    }
    body.join("\n")
}

#[cfg(test)]
mod tests;
