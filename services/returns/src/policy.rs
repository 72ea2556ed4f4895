//! Which policy a line is judged by, and what it says. Pure.

use std::collections::BTreeMap;

use crate::config::{AcceptedCondition, Channel, Policy};
use crate::line::Condition;
use crate::sale::{Sale, SoldLine};

/// Name of the policy that fits everything.
const DEFAULT: &str = "default";
/// Attribute of an order line that names its category.
const CATEGORY: &str = "category";

/// Every policy of the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    named: BTreeMap<String, Policy>,
    fallback: Policy,
}

impl Policies {
    /// These policies.
    #[must_use]
    pub(crate) fn new(named: BTreeMap<String, Policy>) -> Self {
        Self { named, fallback: Policy::default() }
    }

    /// The policy of a line, with its name.
    #[must_use]
    pub(crate) fn of(&self, sale: &Sale, line: &SoldLine, channel: Option<&Channel>) -> (&str, &Policy) {
        let market = match channel {
            Some(channel) if sale.market.is_empty() => channel.market.as_str(),
            Some(_) | None => sale.market.as_str(),
        };
        let category = line.attributes.get(CATEGORY);
        let in_market = |policy: &Policy| policy.markets.iter().any(|named| named == market);
        let by_category = |policy: &Policy| {
            let fits = category.is_some_and(|category| policy.categories.contains(category));
            fits && (policy.markets.is_empty() || in_market(policy))
        };
        let by_market = |policy: &Policy| policy.categories.is_empty() && in_market(policy);
        let of_channel = channel.map(|channel| channel.policy.as_str()).filter(|name| !name.is_empty());
        let first = |fits: &dyn Fn(&Policy) -> bool| self.named.iter().find(|(_, policy)| fits(policy));
        let chosen = first(&by_category)
            .or_else(|| of_channel.and_then(|name| self.named.get_key_value(name)))
            .or_else(|| first(&by_market))
            .or_else(|| self.named.get_key_value(DEFAULT));
        chosen.map_or((DEFAULT, &self.fallback), |(name, policy)| (name.as_str(), policy))
    }
}

impl Policy {
    /// True when the line was sold for good.
    #[must_use]
    pub(crate) fn is_final_sale(&self, line: &SoldLine) -> bool {
        let marked = line.attributes.get(&self.final_sale_attribute).is_some_and(|value| value == "true");
        marked || self.final_sale_skus.contains(&line.sku)
    }

    /// True when goods in this condition are taken.
    #[must_use]
    pub(crate) fn accepts(&self, condition: Condition) -> bool {
        self.conditions.contains(&match condition {
            Condition::New => AcceptedCondition::New,
            Condition::Used => AcceptedCondition::Used,
            Condition::Damaged => AcceptedCondition::Damaged,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies() -> Policies {
        let policy = |days: u32, markets: &[&str], categories: &[&str]| Policy {
            window_days: days,
            markets: markets.iter().map(ToString::to_string).collect(),
            categories: categories.iter().map(ToString::to_string).collect(),
            ..Policy::default()
        };
        let named = [
            ("default", policy(1, &[], &[])),
            ("outlet", policy(2, &[], &[])),
            ("germany", policy(3, &["DE"], &[])),
            ("swimwear", policy(4, &[], &["swimwear"])),
        ];
        Policies::new(named.into_iter().map(|(name, policy)| (name.to_owned(), policy)).collect())
    }

    fn days(market: &str, category: &str, channel: &str) -> u32 {
        let sale = Sale { market: market.into(), ..Sale::default() };
        let attributes = [("category".to_owned(), category.to_owned())].into();
        let channel = Channel { policy: channel.into(), ..Channel::default() };
        policies().of(&sale, &SoldLine { attributes, ..SoldLine::default() }, Some(&channel)).1.window_days
    }

    #[test]
    fn the_most_specific_policy_is_asked() {
        assert_eq!(days("DE", "swimwear", "outlet"), 4);
        assert_eq!(days("DE", "toys", "outlet"), 2);
        assert_eq!(days("DE", "toys", ""), 3);
        assert_eq!(days("FR", "toys", ""), 1);
    }

    #[test]
    fn without_any_policy_the_built_in_one_is_asked() {
        let (sale, line) = (Sale::default(), SoldLine::default());
        assert_eq!(Policies::default().of(&sale, &line, None).1.window_days, 30);
    }
}
