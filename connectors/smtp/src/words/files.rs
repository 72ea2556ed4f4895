//! Templates in files: `shipped.de-AT.txt` begins with `Subject: ...` and an empty line, then comes the text;
//! `shipped.de-AT.html` beside it is its HTML. A flat folder, so that one ConfigMap can be mounted as it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::{BadWords, Source};
use crate::locale::Locale;
use crate::occasion::{self, OCCASIONS};

/// Plain English for every occasion.
const BUILT_IN: [(&str, &str); 11] = [
    ("ordered", include_str!("../../words/ordered.en.txt")),
    ("ready_for_pickup", include_str!("../../words/ready_for_pickup.en.txt")),
    ("delayed", include_str!("../../words/delayed.en.txt")),
    ("rerouted", include_str!("../../words/rerouted.en.txt")),
    ("shipped", include_str!("../../words/shipped.en.txt")),
    ("cancelled", include_str!("../../words/cancelled.en.txt")),
    ("refunded", include_str!("../../words/refunded.en.txt")),
    ("not_collected", include_str!("../../words/not_collected.en.txt")),
    ("return_authorized", include_str!("../../words/return_authorized.en.txt")),
    ("return_received", include_str!("../../words/return_received.en.txt")),
    ("edited", include_str!("../../words/edited.en.txt")),
];

/// The words that come with the connector.
pub(super) fn built_in() -> Result<Vec<(&'static str, Source)>, BadWords> {
    let sources = BUILT_IN.iter().map(|(occasion, text)| Ok((*occasion, split(format!("built-in {occasion}"), text)?)));
    sources.collect()
}

/// Every template of a folder. Hidden files are passed over; anything else that is no template is a mistake, since what is
/// misnamed would never be sent.
pub(super) fn folder(folder: &Path) -> Result<Vec<(&'static str, Locale, Source)>, BadWords> {
    let unread = |path: &Path, error: &std::io::Error| bad(&path.display().to_string(), error.to_string());
    let mut texts = BTreeMap::new();
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unread(folder, &error))? {
        let path = entry.map_err(|error| unread(folder, &error))?.path();
        let (file, shown) =
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path.display().to_string());
        if file.starts_with('.') {
            continue;
        }
        let named = |why: &str| bad(&shown, format!("{why}; a template is named like shipped.de-AT.txt or .html"));
        let parts: Vec<&str> = file.split('.').collect();
        let &[occasion, locale, kind] = parts.as_slice() else {
            return Err(named("not two dots in its name"));
        };
        let occasion = occasion::named(occasion).ok_or_else(|| named(&format!("no such occasion; {}", known())))?;
        let locale = Locale::read(locale).ok_or_else(|| named("no locale in its name"))?;
        let source = std::fs::read_to_string(&path).map_err(|error| unread(&path, &error))?;
        let twice = match kind {
            "txt" => texts.insert((occasion, locale), split(shown.clone(), &source)?).is_some(),
            "html" => pages.insert((occasion, locale), (shown.clone(), source)).is_some(),
            _ => return Err(named("neither .txt nor .html")),
        };
        if twice {
            return Err(named("another file has the same occasion and locale"));
        }
    }
    let mut sources = Vec::new();
    for ((occasion, locale), mut source) in texts {
        source.html = pages.remove(&(occasion, locale.clone()));
        sources.push((occasion, locale, source));
    }
    match pages.into_values().next() {
        Some((shown, _)) => {
            Err(bad(&shown, "there is no .txt beside it; plain text is what everybody can read".to_owned()))
        }
        None => Ok(sources),
    }
}

/// The words of all occasions, for who misspelt one.
pub(super) fn known() -> String {
    let words: Vec<&str> = OCCASIONS.iter().map(|(_, word)| *word).collect();
    format!("there are {}", words.join(", "))
}

/// Subject and text. The text keeps its lines' numbers.
fn split(origin: String, text: &str) -> Result<Source, BadWords> {
    let text = text.replace("\r\n", "\n");
    let rest = text.strip_prefix("Subject: ").and_then(|rest| rest.split_once("\n\n"));
    match rest.filter(|(subject, _)| !subject.contains('\n')) {
        Some((subject, body)) => {
            Ok(Source { origin, subject: subject.to_owned(), text: format!("\n\n{body}"), html: None })
        }
        None => Err(bad(&origin, "it does not begin with `Subject: ...` and an empty line".to_owned())),
    }
}

fn bad(template: &str, why: String) -> BadWords {
    BadWords { template: template.to_owned(), line: 1, why }
}
