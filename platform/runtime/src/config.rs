//! Configuration: built-in text, then a file, then the environment. Errors name the key, the source and the mend.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
pub use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("cannot read the configuration file {}; check --config", .0.display())]
    NoFile(PathBuf),
    /// A value is wrong.
    #[error("{}", .0.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<String>),
}

/// Loads a configuration. `prefix` is that of environment variables: `WEFT_` reads `WEFT_ORDERS__LISTEN` as
/// `orders.listen`.
///
/// # Errors
/// [`ConfigError`], one line a wrong value.
pub fn load<T: DeserializeOwned>(builtin: &str, file: Option<&Path>, prefix: &str) -> Result<T, ConfigError> {
    let mut figment = Figment::new().merge(Toml::string(builtin));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    extract(&figment.merge(Env::prefixed(prefix).split("__")))
}

/// Reads a configuration from its text alone.
///
/// # Errors
/// [`ConfigError`], one line a wrong value.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ConfigError> {
    extract(&Figment::new().merge(Toml::string(text)))
}

fn extract<T: DeserializeOwned>(figment: &Figment) -> Result<T, ConfigError> {
    figment.extract().map_err(|errors| {
        let lines = errors.into_iter().map(|error| {
            let source = error.metadata.as_ref().map_or_else(
                || "configuration".to_owned(),
                |m| m.source.as_ref().map_or_else(|| m.name.to_string(), ToString::to_string),
            );
            let path = error.path.join(".");
            format!("{source}: {}: {}", if path.is_empty() { "(top level)" } else { &path }, error.kind)
        });
        ConfigError::Wrong(lines.collect())
    })
}

/// A duration written like `250ms`, `5s`, `15m`, `4h` or `2d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(Duration);

impl Span {
    /// Seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// As a duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whole seconds.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a duration; write it like 250ms, 5s, 15m, 4h or 2d");
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (digits, unit) = text.split_at(split);
        let amount: u64 = digits.parse().map_err(|_| wrong())?;
        let seconds = |each: u64| amount.checked_mul(each).map(Duration::from_secs);
        let duration = match unit {
            "ms" => Some(Duration::from_millis(amount)),
            "s" => seconds(1),
            "m" => seconds(60),
            "h" => seconds(3600),
            "d" => seconds(86_400),
            _ => None,
        };
        duration.map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{}ms", self.0.as_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        every: Span,
    }

    #[test]
    fn a_duration_without_a_unit_is_refused_with_the_way_to_write_it() {
        let error = load::<Sample>("every = \"5\"", None, "WEFT_TEST_NONE_").unwrap_err().to_string();
        assert!(error.contains("every") && error.contains("5s"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load::<Sample>("every = \"5s\"\nevry = 1", None, "WEFT_TEST_NONE_").unwrap_err().to_string();
        assert!(error.contains("evry"), "{error}");
    }

    #[test]
    fn a_file_wins_over_what_is_built_in_and_is_named_when_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weft.toml");
        std::fs::write(&file, "every = \"7s\"").unwrap();
        let read = load::<Sample>("every = \"5s\"", Some(&file), "WEFT_TEST_NONE_").unwrap();
        assert_eq!(read.every.as_secs(), 7);
        std::fs::write(&file, "every = \"soon\"").unwrap();
        let error = load::<Sample>("every = \"5s\"", Some(&file), "WEFT_TEST_NONE_").unwrap_err().to_string();
        assert!(error.contains("weft.toml") && error.contains("every") && error.contains("soon"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_not_passed_over() {
        let error = load::<Sample>("", Some(Path::new("/nowhere/weft.toml")), "WEFT_TEST_NONE_").unwrap_err();
        assert!(error.to_string().contains("/nowhere/weft.toml"));
    }

    #[test]
    fn a_duration_is_read_as_it_was_written() {
        let written = serde_json::to_string(&Span::from_millis(1_500)).unwrap();
        assert_eq!(serde_json::from_str::<Span>(&written).unwrap(), Span::from_millis(1_500));
    }

    #[test]
    fn units_are_what_they_say() {
        for (text, seconds) in [("5s", 5), ("15m", 900), ("4h", 14_400), ("2d", 172_800)] {
            assert_eq!(text.parse::<Span>().unwrap().as_secs(), seconds);
        }
    }
}
