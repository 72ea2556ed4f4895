//! The sourcing policies that count now: those of the configuration, or those of a file of their own, which is read again
//! when it changes. What cannot be used changes nothing: the policies before it go on, and the log says what is wrong.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use retail_runtime::{Runtime, config};

use crate::config::Config;
use crate::policy::Sourcing;

/// How often the file is looked at. Every replica looks for itself; a decision names the version it was made by.
const LOOK: Duration = Duration::from_secs(2);

/// The policies that count now. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Policies(Arc<RwLock<Arc<Sourcing>>>);

impl Policies {
    /// By the configuration; a file is followed until the runtime stops. What is wrong is named, one sentence each.
    pub(crate) async fn start(config: &Config, runtime: &Runtime) -> Result<Self, Vec<String>> {
        let Some(file) = config.sourcing_file.clone() else {
            return fit(config.sourcing.clone()).map(Self::fixed);
        };
        if config.sourcing != Sourcing::default() {
            return Err(vec!["give either orders.sourcing or orders.sourcing_file, not both".to_owned()]);
        }
        let text = text(&file).await.map_err(|why| vec![why])?;
        let policies = Self::fixed(parse(&file, &text)?);
        let (following, own) = (policies.clone(), runtime.clone());
        runtime.spawn("sourcing policies", async move { following.follow(&file, text, &own).await });
        Ok(policies)
    }

    /// These, for ever.
    #[must_use]
    pub(crate) fn fixed(sourcing: Sourcing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(sourcing))))
    }

    /// The ones that count now.
    #[must_use]
    pub(crate) fn now(&self) -> Arc<Sourcing> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn follow(self, file: &Path, mut seen: String, runtime: &Runtime) {
        let stopping = runtime.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = runtime.clock().sleep(LOOK) => {}
            }
            // A file that is being replaced may be missing for a moment.
            let Ok(text) = text(file).await else { continue };
            if text == seen {
                continue;
            }
            match parse(file, &text) {
                Ok(sourcing) => {
                    tracing::info!(file = %file.display(), versions = %versions(&sourcing), "sourcing policies changed");
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sourcing);
                }
                Err(problems) => tracing::error!(
                    file = %file.display(),
                    problems = problems.join("; "),
                    "the sourcing policies cannot be used; the ones before them still count"
                ),
            }
            seen = text;
        }
    }
}

async fn text(file: &Path) -> Result<String, String> {
    let path: PathBuf = file.to_owned();
    let read = tokio::fs::read_to_string(&path).await;
    read.map_err(|error| format!("orders.sourcing_file: {} cannot be read: {error}", path.display()))
}

fn parse(file: &Path, text: &str) -> Result<Sourcing, Vec<String>> {
    let parsed = config::parse::<Sourcing>(text);
    parsed.map_err(|error| vec![format!("{}: {error}", file.display())]).and_then(fit)
}

fn fit(sourcing: Sourcing) -> Result<Sourcing, Vec<String>> {
    let problems = sourcing.problems();
    if problems.is_empty() { Ok(sourcing) } else { Err(problems) }
}

fn versions(sourcing: &Sourcing) -> String {
    let named = sourcing.policies.iter().map(|(name, policy)| format!("{name} {}", policy.version));
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named_with_its_file() {
        let file = Path::new("policies.toml");
        let wrong = parse(file, "[policies.default]\nversion = 1").unwrap_err();
        assert!(wrong.iter().all(|problem| problem.starts_with("policies.toml: ")), "{wrong:?}");
        let empty = parse(file, "[policies.default]\nversion = \"1\"\nplaces = []").unwrap_err();
        insta::assert_snapshot!(empty.join("\n"), @"orders.sourcing.policies.default.places: name 1 to 50 places");
    }
}
