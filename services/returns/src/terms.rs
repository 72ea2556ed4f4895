//! What the retailer has configured for channels and policies, as the rules read it. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Channel, Config, Policy};
use crate::policy::Policies;
use crate::sale::{Sale, SoldLine};

/// The terms.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    channels: Arc<BTreeMap<String, Channel>>,
    policies: Arc<Policies>,
}

impl Terms {
    /// The terms of this configuration.
    #[must_use]
    pub(crate) fn new(config: &Config) -> Self {
        Self { channels: Arc::new(config.channels.clone()), policies: Arc::new(Policies::new(config.policies.clone())) }
    }

    /// A channel's configuration.
    #[must_use]
    pub(crate) fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(name)
    }

    /// The calendar of a channel.
    #[must_use]
    pub(crate) fn zone(&self, channel: &str) -> &str {
        self.channel(channel).map_or("UTC", |channel| channel.time_zone.as_str())
    }

    /// The policy that a line is judged by.
    #[must_use]
    pub(crate) fn policy(&self, sale: &Sale, line: &SoldLine) -> (&str, &Policy) {
        self.policies.of(sale, line, self.channel(&sale.channel))
    }
}
