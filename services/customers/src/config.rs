//! What the customers service is told at start.

use std::collections::BTreeMap;

use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

/// Configuration of the customers service.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// ERPs that every customer is told to, by instance name.
    #[serde(default)]
    pub erps: BTreeMap<String, System>,
    /// CRMs that every customer is told to, by instance name.
    #[serde(default)]
    pub crms: BTreeMap<String, System>,
    /// Groups that may follow the feed of customers.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long a caller of EnsureReference is kept waiting when it brings no deadline, and at most.
    #[serde(default = "default_patience")]
    pub patience: Span,
}

/// A system that is told of customers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Address of its connector, `http://host:port`.
    pub address: String,
}

fn default_patience() -> Span {
    Span::from_secs(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_named_by_their_instance() {
        let text = "groups = [\"cases\"]\n[erps.netsuite]\naddress = \"http://127.0.0.1:7202\"\n[crms.salesforce]\naddress = \"http://127.0.0.1:7203\"\n";
        let config: Config = retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap();
        assert_eq!(config.erps["netsuite"].address, "http://127.0.0.1:7202");
        assert_eq!(config.groups, ["cases"]);
        assert_eq!(config.patience, Span::from_secs(8));
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let wrong = retail_runtime::config::load::<Config>("patiense = \"8s\"", None, "NO_SUCH_PREFIX_");
        assert!(wrong.unwrap_err().to_string().contains("patiense"));
    }
}
