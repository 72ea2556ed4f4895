//! May it come back, how much of it, and why: every rule is asked in order, and each verdict keeps its inputs. Pure and
//! without a clock: the day of the wish is compared with the day the goods left, both in the channel's calendar.
//!
//! A line whose order is still on its way (not all shipped, not all invoiced) is no refusal: it is judged
//! [`Verdict::in_flight`] and asked again later, until the service's patience ends.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use serde::{Deserialize, Serialize};

use crate::allowance::Allowance;
use crate::config::Policy;
use crate::day::{day, days_between};
use crate::line::{Condition, Rule};
use crate::sale::{Sale, SoldLine};

/// What is judged.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) return_id: String,
    /// Number of the line in the return: its own claim does not count against it.
    pub(crate) number: i32,
    pub(crate) order_line: i32,
    /// Millionths.
    pub(crate) quantity: i64,
    pub(crate) condition: i32,
    /// Milliseconds since 1970.
    pub(crate) requested_at: i64,
    /// Decided already by people or another system: the policy is not asked.
    pub(crate) is_fact: bool,
    /// A person has overridden the policy.
    pub(crate) overridden: bool,
}

/// The judgement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    #[serde(with = "retail_flow::kept::own_list")]
    pub(crate) rules: Vec<Rule>,
    /// May come back now, millionths.
    pub(crate) quantity: i64,
    /// First rule that refused; empty when all may come back.
    pub(crate) cause: String,
    /// The cause in words.
    pub(crate) detail: String,
    /// Refused only because the order is still on its way.
    pub(crate) in_flight: bool,
}

/// Rules whose refusal a person may override.
pub(crate) fn is_policy(rule: &str) -> bool {
    matches!(rule, "WITHIN_WINDOW" | "NOT_FINAL_SALE" | "CONDITION_ACCEPTED")
}

/// Judges a line against the order it was bought with and what is left of it.
pub(crate) fn judge(
    asked: &Question,
    sale: &Sale,
    books: &Allowance,
    (policy_name, policy): (&str, &Policy),
    zone: &str,
) -> Verdict {
    let Some(sold) = sale.line(asked.order_line) else { return not_bought(asked, sale) };
    let claimed = books.claimed(sold.number, Some((&asked.return_id, asked.number)));
    let mut bench = Bench { asked, limit: asked.quantity, verdict: Verdict::default() };
    bench.purchased(sale);
    bench.covered("SHIPPED", "shipped", sold.shipped, sold, claimed);
    bench.covered("INVOICED", "invoiced", sold.invoiced, sold, claimed);
    if !asked.is_fact {
        bench.within_window(sold, policy_name, policy, zone);
        bench.not_final_sale(sold, policy);
        bench.condition(policy);
    }
    bench.quantity_left(sold, claimed);
    bench.no_dispute(sale);
    bench.close(sale)
}

/// The order has no such line.
fn not_bought(asked: &Question, sale: &Sale) -> Verdict {
    let detail = format!("order {} has no line {}; name the line it was bought with", sale.number, asked.order_line);
    let rule = Rule { rule: "PURCHASED".into(), passed: false, inputs: BTreeMap::new(), detail: detail.clone() };
    Verdict { rules: vec![rule], cause: "PURCHASED".into(), detail, ..Verdict::default() }
}

struct Bench<'a> {
    asked: &'a Question,
    /// What the rules so far leave, millionths.
    limit: i64,
    verdict: Verdict,
}

impl Bench<'_> {
    fn rule<const N: usize>(&mut self, rule: &str, passed: bool, inputs: [(&str, String); N], detail: String) {
        let mut inputs: BTreeMap<String, String> = inputs.map(|(name, value)| (name.to_owned(), value)).into();
        let waved = !passed && is_policy(rule) && self.asked.overridden;
        if waved {
            inputs.insert("overridden".to_owned(), "true".to_owned());
        }
        if !passed && !waved && self.verdict.cause.is_empty() {
            rule.clone_into(&mut self.verdict.cause);
            self.verdict.detail.clone_from(&detail);
        }
        self.verdict.rules.push(Rule { rule: rule.to_owned(), passed: passed || waved, inputs, detail });
    }

    fn refuse_all_unless(&mut self, passed: bool) {
        if !passed {
            self.limit = 0;
        }
    }

    fn purchased(&mut self, sale: &Sale) {
        let detail = match sale.is_cancelled {
            true => format!("order {} was cancelled", sale.number),
            false => format!("bought with order {}", sale.number),
        };
        self.refuse_all_unless(!sale.is_cancelled);
        self.rule("PURCHASED", !sale.is_cancelled, [("order_number", sale.number.clone())], detail);
    }

    /// Shipped and invoiced must cover what came back before and what this return asks for. What was never ordered is not
    /// their question.
    fn covered(&mut self, rule: &str, word: &str, covered: i64, sold: &SoldLine, claimed: i64) {
        let passed = covered >= claimed.saturating_add(self.asked.quantity).min(sold.ordered);
        if !passed {
            self.limit = self.limit.min(covered.saturating_sub(claimed)).max(0);
        }
        let detail = format!("{} of {} {word}", quantity(covered), quantity(sold.ordered));
        let inputs = [(word, quantity(covered)), ("ordered", quantity(sold.ordered)), ("returned", quantity(claimed))];
        self.rule(rule, passed, inputs, detail);
    }

    fn within_window(&mut self, sold: &SoldLine, name: &str, policy: &Policy, zone: &str) {
        let requested_on = day(self.asked.requested_at, zone);
        // Goods that left after the wish, as replays of old books have them, are within every window; so are goods
        // whose day nobody knows: the rules above have said whether they left at all.
        let days = days_between(&sold.left_on, &requested_on).unwrap_or(0);
        let passed = days <= i64::from(policy.window_days);
        let detail = format!("left {days} days before, returns are taken for {} days", policy.window_days);
        let inputs = [
            ("left_on", sold.left_on.clone()),
            ("requested_on", requested_on),
            ("window_days", policy.window_days.to_string()),
            ("policy", name.to_owned()),
        ];
        self.refuse_all_unless(passed || self.asked.overridden);
        self.rule("WITHIN_WINDOW", passed, inputs, detail);
    }

    fn not_final_sale(&mut self, sold: &SoldLine, policy: &Policy) {
        let passed = !policy.is_final_sale(sold);
        let detail = if passed { "not a final sale" } else { "sold for good" };
        self.refuse_all_unless(passed || self.asked.overridden);
        self.rule("NOT_FINAL_SALE", passed, [("sku", sold.sku.clone())], detail.to_owned());
    }

    fn condition(&mut self, policy: &Policy) {
        let condition = Condition::try_from(self.asked.condition).unwrap_or(Condition::New);
        let (passed, word) = (policy.accepts(condition), condition_word(condition));
        let detail = format!("goods that are {word} are {}taken back", if passed { "" } else { "not " });
        self.refuse_all_unless(passed || self.asked.overridden);
        self.rule("CONDITION_ACCEPTED", passed, [("condition", word.to_owned())], detail);
    }

    fn quantity_left(&mut self, sold: &SoldLine, claimed: i64) {
        let left = sold.ordered.saturating_sub(claimed).max(0);
        self.limit = self.limit.min(left);
        let detail = format!("{} of {} left to return", quantity(left), quantity(sold.ordered));
        let inputs = [("ordered", quantity(sold.ordered)), ("returned", quantity(claimed))];
        self.rule("QUANTITY_LEFT", left >= self.asked.quantity, inputs, detail);
    }

    fn no_dispute(&mut self, sale: &Sale) {
        let passed = !sale.has_open_dispute;
        let detail = if passed { "no open dispute" } else { "the payment is disputed; the dispute decides" };
        self.refuse_all_unless(passed);
        self.rule("NO_DISPUTE", passed, [("order_number", sale.number.clone())], detail.to_owned());
    }

    fn close(mut self, sale: &Sale) -> Verdict {
        self.verdict.quantity = self.limit;
        let on_its_way = matches!(self.verdict.cause.as_str(), "SHIPPED" | "INVOICED");
        self.verdict.in_flight = on_its_way && !sale.is_over;
        self.verdict
    }
}

fn condition_word(condition: Condition) -> &'static str {
    match condition {
        Condition::New => "NEW",
        Condition::Used => "USED",
        Condition::Damaged => "DAMAGED",
    }
}

fn quantity(millionths: i64) -> String {
    Quantity::from_millionths(millionths).to_string()
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
