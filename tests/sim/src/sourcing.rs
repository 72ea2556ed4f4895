//! Worlds with a sourcing policy: the mesh chooses which place ships which line, splits orders and lines over places, and
//! looks for another place when one lacks goods. What the policy says is drawn from the seed.

use std::collections::BTreeMap;

use retail_runtime::Rng;
use retail_weft::config::Config;
use serde_json::Value;

use crate::hosts;
use crate::notes::Book;
use crate::watch::Watch;

/// The third place; the store is the second.
pub(crate) const YARD: &str = "YARD";
/// Pieces of each item in it.
pub(crate) const IN_THE_YARD: i64 = 4;
/// The shop's own ids of the places, in their order.
const AT_THE_SHOP: [(&str, &str); 3] = [("MAIN", "90000000001"), ("SOHO", "90000000002"), (YARD, "90000000003")];

/// Gives orders a policy, and the shop its places.
pub(crate) fn configure(config: &mut Config, rng: &Rng) -> anyhow::Result<()> {
    config.orders.sourcing = toml::from_str(&policy(rng))?;
    config.shopify.locations = AT_THE_SHOP.map(|(code, id)| (code.to_owned(), id.to_owned())).into();
    Ok(())
}

fn policy(rng: &Rng) -> String {
    let one_of = |words: &[&'static str]| hosts::one_of(rng, words).unwrap_or_default();
    let (kept_back, day) = (rng.below(5), if rng.chance(300) { "orders_per_day = 3" } else { "" });
    let limit = 2 + rng.below(2);
    let shortage = one_of(&["refuse", "backorder"]);
    let on_backorder = one_of(&["wait", "reroute"]);
    let rejected = one_of(&["wait", "ship"]);
    let parts = if rng.chance(800) {
        format!("split_lines = true\nleast_pieces = {}", 1 + rng.below(2))
    } else {
        String::new()
    };
    let [main, store, yard] = [rng.below(500), rng.below(500), rng.below(500)];
    format!(
        "[places.MAIN]\ncost = {main}\nsafety_stock = '{kept_back}'\n\
         [places.SOHO]\ncost = {store}\nsafety_stock = '1'\n{day}\n\
         [places.{YARD}]\ncost = {yard}\n\
         [policies.default]\nversion = 'drawn'\nplaces = ['MAIN', 'SOHO', '{YARD}']\nprefer = ['cost']\n\
         split_limit = {limit}\n{parts}\nshortage = '{shortage}'\n\
         on_backorder = '{on_backorder}'\nrejected_pickup = '{rejected}'\n"
    )
}

/// `whole_lines`: the lines of an order that nobody edited and their parts are together what was asked for.
pub(crate) fn adds_up(orders: &[Value], book: &Book, watch: &Watch) {
    for order in orders {
        let number = order["orderNumber"].as_str().unwrap_or_default();
        let lines = order["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        if lines.iter().any(|line| line["splitFrom"].as_i64().unwrap_or(0) > 0) {
            watch.count("orders_with_parts");
        }
        let Some(asked) = book.asked.get(number) else { continue };
        if book.edited.contains(number) {
            continue;
        }
        let mut ordered: BTreeMap<String, i64> = BTreeMap::new();
        for line in lines {
            let pieces = line["quantity"].as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
            let sum = ordered.entry(line["sku"].as_str().unwrap_or_default().to_owned()).or_default();
            *sum = sum.saturating_add(pieces);
        }
        if *asked != ordered {
            watch.violated("whole_lines", format!("order {number}: asked for {asked:?}, is {ordered:?}"));
        }
    }
}
