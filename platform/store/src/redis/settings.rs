//! How a Redis is reached, and what it must keep, as an operator writes it down.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use retail_runtime::config::{ExposeSecret as _, SecretString, Span};
use serde::Deserialize;

use crate::fault::Error;

/// A Redis or Valkey: one server, a primary with replicas, or a Cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// Where to begin, `host:port` each: of a Cluster some nodes, of a replicated server all that may become primary.
    pub addresses: Vec<String>,
    /// What must survive; checked at start.
    pub class: Durability,
    /// The ACL user; without one the server's default user.
    #[serde(default)]
    pub user: Option<String>,
    /// A file that holds the password. Read at every connect, so that it can be changed.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The name of an environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// A PEM file with the certificates to trust; without one the connection is not encrypted.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Connections to each node for commits that wait for replicas (classes R4 and R5). More than 8 gains nothing.
    #[serde(default = "eight")]
    pub connections: u16,
    /// Replicas that must have a commit before it is acknowledged (classes R4 and R5).
    #[serde(default = "one")]
    pub replicas: u16,
    /// How long one wait for the replicas lasts; then it is tried again until `patience` ends.
    #[serde(default = "half_a_second")]
    pub wait: Span,
    /// How long an answer may take before the connection is given up.
    #[serde(default = "two_seconds")]
    pub timeout: Span,
    /// How long an operation is repeated through failovers, moved slots and lost connections.
    #[serde(default = "ten_seconds")]
    pub patience: Span,
}

/// What survives what: the durability table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// One node, written to disk every second.
    R1,
    /// One node, written to disk before it answers.
    R2,
    /// Primary and replicas; an acknowledged commit may not have reached them.
    R3,
    /// As R3, and the replicas have a commit before it is acknowledged.
    R4,
    /// As R4, and every node writes to disk before it answers.
    R5,
}

impl Durability {
    /// Does a commit wait for replicas?
    #[must_use]
    pub fn waits(self) -> bool {
        match self {
            Self::R1 | Self::R2 | Self::R3 => false,
            Self::R4 | Self::R5 => true,
        }
    }

    /// Must there be replicas?
    #[must_use]
    pub fn replicated(self) -> bool {
        match self {
            Self::R1 | Self::R2 => false,
            Self::R3 | Self::R4 | Self::R5 => true,
        }
    }

    /// Must every write be on disk before it is answered?
    #[must_use]
    pub fn on_disk(self) -> bool {
        match self {
            Self::R2 | Self::R5 => true,
            Self::R1 | Self::R3 | Self::R4 => false,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R4 => "R4",
            Self::R5 => "R5",
        })
    }
}

impl RedisConfig {
    /// A server on this machine, with everything else as usual.
    #[must_use]
    pub fn at(addresses: Vec<String>, class: Durability) -> Self {
        Self {
            addresses,
            class,
            user: None,
            password_file: None,
            password_env: None,
            ca_file: None,
            connections: eight(),
            replicas: one(),
            wait: half_a_second(),
            timeout: two_seconds(),
            patience: ten_seconds(),
        }
    }

    /// Replicas a commit waits for.
    pub(super) fn needs(&self) -> u16 {
        if self.class.waits() { self.replicas.max(1) } else { 0 }
    }

    /// How long an answer may take, a wait for replicas included.
    pub(super) fn answer_within(&self) -> Duration {
        self.timeout.get().saturating_add(if self.class.waits() { self.wait.get() } else { Duration::ZERO })
    }

    /// The password as it is now.
    pub(super) fn password(&self) -> Result<Option<SecretString>, Error> {
        let unfit = |why: String| Err(Error::Unfit(why));
        let secret = match (&self.password_file, &self.password_env) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return unfit("both password_file and password_env are configured; keep one of them".to_owned());
            }
            (Some(file), None) => match std::fs::read_to_string(file) {
                Ok(text) => SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => return unfit(format!("password file {} cannot be read: {error}", file.display())),
            },
            (None, Some(name)) => match std::env::var(name) {
                Ok(text) => SecretString::from(text),
                Err(_) => {
                    return unfit(format!("environment variable {name}, which should hold the password, is not set"));
                }
            },
        };
        if secret.expose_secret().is_empty() {
            return unfit("the configured password is empty".to_owned());
        }
        Ok(Some(secret))
    }
}

fn eight() -> u16 {
    8
}

fn one() -> u16 {
    1
}

fn half_a_second() -> Span {
    Span::from_millis(500)
}

fn two_seconds() -> Span {
    Span::from_secs(2)
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_comes_from_a_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "s3cret\n").unwrap();
        let config = RedisConfig { password_file: Some(file), ..RedisConfig::at(vec![], Durability::R1) };
        assert_eq!(config.password().unwrap().unwrap().expose_secret(), "s3cret");
        assert!(!format!("{config:?} {:?}", config.password()).contains("s3cret"));
    }

    #[test]
    fn a_password_that_is_not_there_is_refused_with_its_place() {
        let config = RedisConfig::at(vec![], Durability::R1);
        let file = RedisConfig { password_file: Some("nowhere".into()), ..config.clone() };
        assert!(file.password().unwrap_err().to_string().contains("nowhere"));
        let env = RedisConfig { password_env: Some("WEFT_TEST_NO_SUCH_VARIABLE".into()), ..config };
        assert!(env.password().unwrap_err().to_string().contains("WEFT_TEST_NO_SUCH_VARIABLE"));
    }
}
