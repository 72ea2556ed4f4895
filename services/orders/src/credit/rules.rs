//! What a channel says of sales on account.

use std::collections::BTreeMap;

use retail_proto::Currency;
use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

/// How a channel's sales on account are held against the customer's credit in the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CreditRules {
    /// By how many minor units a limit may be passed without a hold, by currency.
    #[serde(default)]
    pub tolerance: BTreeMap<String, i64>,
    /// What becomes of an order when the ERP cannot say.
    #[serde(default)]
    pub unknown: OnSilence,
    /// What becomes of an order of a customer without a limit.
    #[serde(default)]
    pub without_limit: OnUnlimited,
    /// How soon the ERP is asked again for an order that is held; twice as long after each time.
    #[serde(default = "five_minutes")]
    pub ask_again: Span,
    /// The longest time between two questions.
    #[serde(default = "an_hour")]
    pub ask_at_most: Span,
}

/// What becomes of an order when the ERP cannot say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSilence {
    /// It waits until the ERP can.
    #[default]
    Wait,
    /// It goes on, and counts.
    GoOn,
}

/// What becomes of an order of a customer for whom the ERP has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnlimited {
    /// It goes on: as the ERP has it, no limit means any amount.
    #[default]
    GoOn,
    /// It is held until somebody sets one, or releases it.
    Hold,
}

impl Default for CreditRules {
    fn default() -> Self {
        Self {
            tolerance: BTreeMap::new(),
            unknown: OnSilence::default(),
            without_limit: OnUnlimited::default(),
            ask_again: five_minutes(),
            ask_at_most: an_hour(),
        }
    }
}

impl CreditRules {
    /// By how much a limit may be passed, minor units.
    pub(crate) fn tolerance(&self, currency: &str) -> i64 {
        self.tolerance.get(currency).copied().unwrap_or(0)
    }

    /// How long after a look that held an order the next one follows, milliseconds. `looks` that held it so far, from 1.
    pub(crate) fn wait(&self, looks: u32) -> i64 {
        let doubled = 2_u32.saturating_pow(looks.saturating_sub(1).min(16));
        let wait = self.ask_again.get().saturating_mul(doubled).min(self.ask_at_most.get());
        i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
    }

    /// What of it cannot be used, each with its mend. `place` is where it stands.
    pub(crate) fn problems(&self, place: &str, erp: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if erp.is_empty() {
            problems.push(format!("{place} needs an ERP that keeps the customers; name one in erp beside it"));
        }
        if self.ask_again.get().is_zero() || self.ask_at_most < self.ask_again {
            problems.push(format!("{place}.ask_again must be above 0 and at most ask_at_most"));
        }
        for (currency, minor) in &self.tolerance {
            if currency.parse::<Currency>().is_err() || *minor < 0 {
                problems.push(format!("{place}.tolerance.{currency} must be a currency with 0 or more minor units"));
            }
        }
        problems
    }
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

fn an_hour() -> Span {
    Span::from_secs(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_held_is_asked_for_ever_more_seldom_and_never_too_seldom() {
        let rules = CreditRules::default();
        let minutes: Vec<i64> = [1, 2, 3, 4, 5, 6, 60].map(|looks| rules.wait(looks) / 60_000).to_vec();
        assert_eq!(minutes, [5, 10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn rules_that_cannot_be_used_are_named() {
        assert!(CreditRules::default().problems("credit", "erp").is_empty());
        let rules = CreditRules {
            tolerance: BTreeMap::from([("GBP".to_owned(), -1), ("POUNDS".to_owned(), 1)]),
            ask_again: Span::from_secs(7200),
            ..CreditRules::default()
        };
        assert_eq!(rules.problems("credit", "").len(), 4);
        let at_once = CreditRules { ask_again: Span::from_secs(0), ..CreditRules::default() };
        assert_eq!(at_once.problems("credit", "erp").len(), 1, "the ERP would be asked without end");
    }
}
