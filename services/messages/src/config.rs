//! What the messages service is told at start, and what of it cannot be.

use std::collections::{BTreeMap, BTreeSet};

use retail_runtime::Timestamp;
pub(crate) use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::occasion::Occasion;
use crate::quiet::Quiet;
use crate::words;

/// Configuration of the messages service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the orders service, `http://host:port`.
    pub orders: String,
    /// Address of the returns service.
    pub returns: String,
    /// Carriers of messages, by the instance that each of them knows itself by.
    #[serde(default)]
    pub carriers: BTreeMap<String, Carrier>,
    /// Channels whose customers are told, by instance name. Nothing is told to those of other channels.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    /// Nothing that happened before this is told, whatever the store remembers: for the time after a restore, when it is
    /// not known any more what was told. `2026-11-27T06:00:00Z`.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Groups that may follow the feed of messages.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Name of this service's group at orders and returns: their `groups` must declare it.
    #[serde(default = "default_group")]
    pub group: String,
}

/// A carrier.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Address of its connector.
    pub address: String,
}

/// A channel whose customers are told.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Carrier of its messages.
    pub carrier: String,
    /// What its customers are told of; absent: everything that the shop does not tell.
    #[serde(default)]
    pub occasions: Option<BTreeSet<Occasion>>,
    /// Another carrier for some occasions.
    #[serde(default)]
    pub carriers: BTreeMap<Occasion, String>,
    /// What the shop tells its customers itself: never told from here.
    #[serde(default)]
    pub shop_tells: BTreeSet<Occasion>,
    /// When nobody is disturbed. Absent: never.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// How long after it happened something is worth telling, where the usual does not suit.
    #[serde(default)]
    pub expires: BTreeMap<Occasion, Span>,
}

impl Config {
    /// Everything in it that cannot be used: key, what is wrong, and the mend.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, channel) in &self.channels {
            let at = format!("messages.channels.{name}");
            let named = channel.carriers.iter().map(|(occasion, one)| (format!("carriers.{}", occasion.word()), one));
            for (key, carrier) in named.chain([("carrier".to_owned(), &channel.carrier)]) {
                if !self.carriers.contains_key(carrier) {
                    problems.push(format!("{at}.{key} names {carrier:?}; add messages.carriers.{carrier:?}"));
                }
            }
            problems.extend(channel.problems().into_iter().map(|problem| format!("{at}.{problem}")));
        }
        problems
    }

    /// Are customers of a channel told of this from here?
    #[must_use]
    pub fn tells(&self, channel: &str, occasion: Occasion) -> bool {
        self.channels.get(channel).is_some_and(|channel| channel.tells(occasion))
    }
}

impl Channel {
    pub(crate) fn tells(&self, occasion: Occasion) -> bool {
        !self.shop_tells.contains(&occasion)
            && self.occasions.as_ref().is_none_or(|occasions| occasions.contains(&occasion))
    }

    /// How long after it happened something is worth telling.
    pub(crate) fn expires(&self, occasion: Occasion) -> Span {
        self.expires.get(&occasion).copied().unwrap_or_else(|| occasion.expires())
    }

    /// From when on it is too late to tell what happened then, milliseconds since 1970.
    pub(crate) fn expires_at(&self, occasion: Occasion, happened_at: i64) -> Timestamp {
        let lasts = self.expires(occasion).get();
        words::at(happened_at).checked_add(lasts).unwrap_or(Timestamp::MAX)
    }

    /// Who carries messages of this.
    pub(crate) fn carrier(&self, occasion: Occasion) -> &str {
        self.carriers.get(&occasion).unwrap_or(&self.carrier)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for occasion in &self.shop_tells {
            let word = occasion.word();
            let told = self.occasions.as_ref().is_some_and(|occasions| occasions.contains(occasion));
            if told || self.carriers.contains_key(occasion) {
                problems.push(format!(
                    "shop_tells: {word} would be told twice, by the shop and from here; leave it out of one of them"
                ));
            }
        }
        for occasion in self.carriers.keys().filter(|one| !self.tells(**one) && !self.shop_tells.contains(one)) {
            let word = occasion.word();
            problems.push(format!("carriers.{word}: {word} is not told; add it to occasions or leave it out here"));
        }
        let Some(quiet) = &self.quiet else { return problems };
        problems.extend(quiet.problems());
        for occasion in Occasion::ALL.into_iter().filter(|occasion| self.tells(*occasion)) {
            if self.expires(occasion).as_secs() <= quiet.seconds() {
                problems.push(format!(
                    "expires.{}: what happens as the quiet hours begin would never be told; give more than they last",
                    occasion.word()
                ));
            }
        }
        problems
    }
}

fn default_group() -> String {
    "messages".to_owned()
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
