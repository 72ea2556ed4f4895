//! Editing an order at the shop, for an edit that was made here. Three calls stage it and the fourth commits it, all or
//! nothing; none of them keeps a key. So the order is read first and its quantities compared: what an attempt whose answer
//! was lost has committed is found by them, and nothing is staged that is there already.

use std::collections::{BTreeMap, BTreeSet};

use retail_connect::{Kind, outcome};
use retail_proto::Decimal;
use retail_proto::commerce::v1 as pb;
use retail_proto::orders::v1::ChannelLine;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::editing::{ADD_VARIANT, BEGIN, COMMIT, FIND_VARIANT, LINES, SET_QUANTITY};
use crate::fault::{Error, unreadable};
use crate::gid::{gid, number};
use crate::request::Wanted;
use crate::request::changes::{Addition, Edit, LineEdit};
use crate::wire::admin::UserError;
use crate::wire::editing::{AddData, BeginData, CalculatedLine, CommitData, SetData, VariantsFound};

/// Longest note for the shop's staff.
const NOTE: usize = 255;

/// What an edit still lacks at the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lacking<'a> {
    lines: Vec<&'a LineEdit>,
    additions: Vec<&'a Addition>,
    /// Lines of the shop that are additions already.
    found: Vec<pb::AddedLine>,
}

type Refused = (&'static str, String);

/// Units of a line that the shop shows.
fn shown(line: &ChannelLine) -> Option<i64> {
    let ordered: i64 = line.ordered.parse().ok()?;
    let removed: i64 = line.removed.parse().ok()?;
    Some(ordered.saturating_sub(removed))
}

/// What is not there yet, or why it never will be. Pure.
fn lacking<'a>(told: &pb::GetOrderResponse, wanted: &'a Edit) -> Result<Lacking<'a>, Refused> {
    if told.cancelled {
        return Err(("SHOP_ORDER_CANCELLED", "the shop has cancelled the order".to_owned()));
    }
    let units: BTreeMap<&str, i64> =
        told.lines.iter().filter_map(|line| Some((line.channel_line_id.as_str(), shown(line)?))).collect();
    let mut lines = Vec::new();
    for line in &wanted.lines {
        match units.get(line.id.to_string().as_str()) {
            None => return Err(("NO_SUCH_SHOP_LINE", format!("the shop's order has no line {}", line.id))),
            Some(units) if *units == line.quantity => {}
            Some(units) if *units == line.expected => lines.push(line),
            Some(units) => {
                let words = format!("line {} has {units} units there, not {}", line.id, line.expected);
                return Err(("SHOP_LINE_CHANGED", format!("{words}: people have changed it in the shop")));
            }
        }
    }
    let (mut additions, mut found) = (Vec::new(), Vec::<pb::AddedLine>::new());
    for addition in &wanted.additions {
        let is = |line: &&ChannelLine| {
            let item = line.line.as_ref().and_then(|line| line.item.as_ref());
            let same = match addition.variant {
                Some(variant) => item.is_some_and(|item| item.id == variant.to_string()),
                None => line.sku.eq_ignore_ascii_case(&addition.sku),
            };
            let free = !wanted.known.contains(&line.channel_line_id)
                && !found.iter().any(|one| one.line_item_id == line.channel_line_id);
            same && free && shown(line) == Some(addition.quantity)
        };
        match told.lines.iter().find(is) {
            Some(line) => found.push(pb::AddedLine {
                external_ref: addition.reference.clone(),
                line_item_id: line.channel_line_id.clone(),
            }),
            None => additions.push(addition),
        }
    }
    Ok(Lacking { lines, additions, found })
}

/// The line of an edit that stands for a line of the order, or why it cannot be changed.
fn editable<'a>(lines: &'a [CalculatedLine], wanted: &LineEdit) -> Result<&'a CalculatedLine, Refused> {
    let found = lines.iter().find(|line| number(&line.id, "CalculatedLineItem") == Some(wanted.id));
    let line = found.ok_or_else(|| ("NO_SUCH_SHOP_LINE", format!("line {} cannot be edited there", wanted.id)))?;
    if line.editable_quantity != line.quantity {
        return Err(("LINE_FULFILLED", format!("some of line {} is fulfilled in the shop already", wanted.id)));
    }
    if line.quantity != wanted.expected {
        let words = format!("line {} has {} units there that can be edited", wanted.id, line.quantity);
        return Err(("SHOP_LINE_CHANGED", words));
    }
    Ok(line)
}

impl Connector {
    /// Edits an order, or finds it edited.
    pub(crate) async fn edit(&self, wanted: &Edit) -> Result<pb::EditOrderResponse, Error> {
        let before = self.sold(&Wanted::Id(wanted.order)).await?.told;
        let lacks = match lacking(&before, wanted) {
            Ok(lacks) => lacks,
            Err(refused) => return Ok(no(refused)),
        };
        if lacks.lines.is_empty() && lacks.additions.is_empty() {
            return Ok(yes(before, lacks.found));
        }
        let mut variants = BTreeMap::new();
        for addition in &lacks.additions {
            match self.variant(addition).await? {
                Ok(variant) => variants.insert(addition.reference.as_str(), variant),
                Err(refused) => return Ok(no(refused)),
            };
        }
        if let Err(refused) = self.stage_and_commit(wanted, &lacks, &variants).await? {
            return Ok(no(refused));
        }
        let after = self.sold(&Wanted::Id(wanted.order)).await?.told;
        match lacking(&after, wanted) {
            Ok(now) if now.lines.is_empty() && now.additions.is_empty() => Ok(yes(after, now.found)),
            // It was committed; whoever asks again looks again.
            Ok(_) | Err(_) => {
                Err(unreadable(Kind::Write, COMMIT.operation, "the order does not show the edit yet".to_owned()))
            }
        }
    }

    /// What an addition is to the shop.
    async fn variant(&self, addition: &Addition) -> Result<Result<u64, Refused>, Error> {
        if let Some(variant) = addition.variant {
            return Ok(Ok(variant));
        }
        let query = format!("sku:\"{}\"", addition.sku);
        let data: VariantsFound = self.admin.read(&FIND_VARIANT, &json!({"query": query}), "").await?;
        let same = data.product_variants.nodes.iter().filter(|one| one.sku.eq_ignore_ascii_case(&addition.sku));
        let found: BTreeSet<u64> = same.filter_map(|one| number(&one.id, "ProductVariant")).collect();
        let mut all = found.iter();
        Ok(match (all.next(), all.next()) {
            (Some(variant), None) => Ok(*variant),
            (None, _) => Err(("NO_SUCH_VARIANT", format!("the shop sells nothing under {}", addition.sku))),
            (Some(_), Some(_)) => {
                Err(("AMBIGUOUS_VARIANT", format!("the shop sells several things under {}", addition.sku)))
            }
        })
    }

    async fn stage_and_commit(
        &self,
        wanted: &Edit,
        lacks: &Lacking<'_>,
        variants: &BTreeMap<&str, u64>,
    ) -> Result<Result<(), Refused>, Error> {
        let key = &wanted.key;
        let data: BeginData = self.admin.write(&BEGIN, &json!({"id": gid("Order", wanted.order)}), key).await?;
        let begun = data.order_edit_begin;
        if let Some(why) = first(begun.user_errors) {
            return Ok(Err(why));
        }
        let nothing = || unreadable(Kind::Write, BEGIN.operation, "neither an edit nor an error".to_owned());
        let staged = begun.calculated_order.ok_or_else(nothing)?;
        if staged.line_items.page_info.has_next_page {
            return Ok(Err(("TOO_MANY_LINES", format!("the order has more than {LINES} lines; edit it in the shop"))));
        }
        for line in &lacks.lines {
            let found = match editable(&staged.line_items.nodes, line) {
                Ok(found) => found,
                Err(refused) => return Ok(Err(refused)),
            };
            let variables = json!({"id": staged.id, "line": found.id, "quantity": line.quantity});
            let data: SetData = self.admin.write(&SET_QUANTITY, &variables, key).await?;
            if let Some(why) = first(data.order_edit_set_quantity.user_errors) {
                return Ok(Err(why));
            }
        }
        for addition in &lacks.additions {
            let variant = variants.get(addition.reference.as_str()).copied().unwrap_or_default();
            let (variant, quantity) = (gid("ProductVariant", variant), addition.quantity);
            let variables = json!({"id": staged.id, "variant": variant, "quantity": quantity});
            let data: AddData = self.admin.write(&ADD_VARIANT, &variables, key).await?;
            let added = data.order_edit_add_variant;
            if let Some(why) = first(added.user_errors) {
                return Ok(Err(why));
            }
            let asks = added.calculated_line_item.map(|line| line.original_unit_price_set.shop_money.amount.0);
            let asks = asks.as_deref().and_then(|price| Decimal::from_str_exact(price).ok());
            if asks != Some(addition.price) {
                let asks = asks.map(|price| price.normalize().to_string()).unwrap_or_default();
                let words = format!("the shop sells {} at {asks}, here it is {}", addition.sku, addition.price);
                return Ok(Err(("PRICE_DIFFERS", words)));
            }
        }
        let note: String = wanted.note.chars().take(NOTE).collect();
        let variables = json!({"id": staged.id, "note": note, "notify": wanted.notify});
        let data: CommitData = self.admin.write(&COMMIT, &variables, key).await?;
        let committed = data.order_edit_commit;
        if let Some(why) = first(committed.user_errors) {
            return Ok(Err(why));
        }
        let nothing = || unreadable(Kind::Write, COMMIT.operation, "neither an order nor an error".to_owned());
        committed.order.map(|_| Ok(())).ok_or_else(nothing)
    }
}

fn first(errors: Vec<UserError>) -> Option<Refused> {
    errors.into_iter().next().map(|error| ("SHOP_REFUSED", error.message))
}

fn no((reason, words): Refused) -> pb::EditOrderResponse {
    pb::EditOrderResponse { outcome: Some(outcome::refused(reason, words)), ..pb::EditOrderResponse::default() }
}

fn yes(order: pb::GetOrderResponse, added: Vec<pb::AddedLine>) -> pb::EditOrderResponse {
    pb::EditOrderResponse { outcome: Some(outcome::done()), order: Some(order), added }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, sku: &str, ordered: i64, removed: i64) -> ChannelLine {
        ChannelLine {
            channel_line_id: id.to_owned(),
            sku: sku.to_owned(),
            ordered: ordered.to_string(),
            removed: removed.to_string(),
            ..ChannelLine::default()
        }
    }

    fn told(lines: Vec<ChannelLine>) -> pb::GetOrderResponse {
        pb::GetOrderResponse { lines, ..pb::GetOrderResponse::default() }
    }

    /// Line 7 from three to two, and two pears more.
    fn wanted() -> Edit {
        Edit {
            order: 1,
            lines: vec![LineEdit { id: 7, expected: 3, quantity: 2 }],
            additions: vec![Addition {
                reference: "o-1/3".to_owned(),
                sku: "PEAR".to_owned(),
                variant: None,
                quantity: 2,
                price: Decimal::ONE,
            }],
            known: BTreeSet::from(["7".to_owned()]),
            note: String::new(),
            notify: false,
            key: "k".to_owned(),
        }
    }

    fn lacks(lines: Vec<ChannelLine>) -> Result<(usize, usize, Vec<String>), &'static str> {
        let (told, wanted) = (told(lines), wanted());
        let found = lacking(&told, &wanted).map_err(|(reason, _)| reason)?;
        let ids = found.found.iter().map(|one| one.line_item_id.clone()).collect();
        Ok((found.lines.len(), found.additions.len(), ids))
    }

    #[test]
    fn what_is_there_already_is_not_asked_for_again() {
        assert_eq!(lacks(vec![line("7", "APPLE", 3, 0)]), Ok((1, 1, vec![])));
        let done = vec![line("7", "APPLE", 3, 1), line("8", "pear", 2, 0)];
        assert_eq!(lacks(done), Ok((0, 0, vec!["8".to_owned()])));
        let other = vec![line("7", "APPLE", 3, 1), line("8", "PEAR", 3, 0)];
        assert_eq!(lacks(other), Ok((0, 1, vec![])), "another number of pears is somebody else's");
    }

    #[test]
    fn a_line_that_people_have_changed_meanwhile_is_left_to_them() {
        assert_eq!(lacks(vec![line("7", "APPLE", 3, 2)]), Err("SHOP_LINE_CHANGED"));
        assert_eq!(lacks(vec![]), Err("NO_SUCH_SHOP_LINE"));
        let cancelled = pb::GetOrderResponse { cancelled: true, ..told(vec![]) };
        assert_eq!(lacking(&cancelled, &wanted()).unwrap_err().0, "SHOP_ORDER_CANCELLED");
    }

    #[test]
    fn of_what_is_fulfilled_nothing_is_edited() {
        let line = |quantity, editable_quantity| CalculatedLine {
            id: "gid://shopify/CalculatedLineItem/7".to_owned(),
            quantity,
            editable_quantity,
        };
        let reason = |line| editable(&[line], &wanted().lines[0]).map(|_| ()).map_err(|(reason, _)| reason);
        assert_eq!(reason(line(3, 3)), Ok(()));
        assert_eq!(reason(line(3, 1)), Err("LINE_FULFILLED"));
        assert_eq!(reason(line(4, 4)), Err("SHOP_LINE_CHANGED"));
    }
}
