//! Giving money back. The shop is looked at first: a refund that carries our reference is this one, whoever asks again
//! and however late; only then is it sent, under a key that the shop keeps for a day as well.

use std::collections::BTreeMap;

use retail_connect::{CallFault, Kind, outcome};
use retail_proto::commerce::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_proto::{Currency, Money};
use retail_runtime::Ids;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::refund::{CREATE, LEFT, OF_ORDER, REFUNDS, TENDERS, TRANSACTIONS, WHOLE};
use crate::fault::{Error, unreadable};
use crate::gid::{gid, number};
use crate::graphql::next;
use crate::refunding::{self, Line, Refund};
use crate::request;
use crate::tender::{self, Capture};
use crate::wire::admin::NodesData;
use crate::wire::money::{
    CreateData, Head, OrderData, RefundData, RefundInput, RefundLineInput, Refundable, Refunds, ShippingInput, Tenders,
    TransactionInput,
};
use crate::{note, wire};

/// A key whose first attempt failed is dead for a day ("retry with a new key"): that many are tried.
const KEYS: u8 = 3;
/// No refund has that many pages of lines.
const PAGES: usize = 40;
/// Most entries of a list that is sent ("MAX_INPUT_SIZE_EXCEEDED").
const ENTRIES: usize = 250;

type Told = (Outcome, Option<pb::Refund>);

/// What the shop shows of an order's refunds.
struct Found {
    /// The one under our reference; of several the one whose money moved.
    ours: Option<Refund>,
    /// More than are read.
    many: bool,
    /// Units that tries of ours refunded whose money all failed: the shop counts them as refunded all the same.
    spent: BTreeMap<u64, i64>,
}

impl Connector {
    /// Looks for a refund and sends nothing.
    pub(crate) async fn find_refund(&self, wanted: &request::Refund) -> Result<Told, Error> {
        match self.found(wanted).await? {
            Found { ours: Some(refund), .. } => Ok(self.told(&refund)),
            Found { many: true, .. } => Ok((too_many(), None)),
            Found { .. } => Err(Error::NoSuchRefund(wanted.order)),
        }
    }

    /// Gives money back, or finds that it was given back.
    pub(crate) async fn refund(&self, wanted: &request::Refund) -> Result<Told, Error> {
        let found = self.found(wanted).await?;
        match found.ours {
            // Of one that came to nothing nothing moved, so that another try under a new key gives nothing twice; under
            // the old one the shop refuses.
            Some(refund) if !refund.standing.came_to_nothing() => return Ok(self.told(&refund)),
            None if found.many => return Ok((too_many(), None)),
            Some(_) | None => {}
        }
        let input = match self.input(wanted, &found.spent).await? {
            Ok(input) => input,
            Err(refusal) => return Ok((refusal, None)),
        };
        for attempt in 0..KEYS {
            let parts = [&self.channel.instance, wanted.key.as_str(), &attempt.to_string()];
            let variables = json!({"input": input, "key": Ids::derived("shopify.refund", &parts).to_string()});
            let sent = self.admin.write::<CreateData>(&CREATE, &variables, &wanted.key).await;
            let payload = match sent {
                Ok(data) => data.refund_create,
                Err(Error::Refused { code, .. }) if code == "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" => continue,
                Err(Error::Refused { code, .. }) if code == "IDEMPOTENCY_CONCURRENT_REQUEST" => {
                    let why = "the same request is still being executed".to_owned();
                    return Err(Error::Call(CallFault::Unknown { operation: CREATE.operation, why }));
                }
                Err(Error::Refused { code, detail, .. }) if code == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" => {
                    // This key gave something back, or the order's payments have changed since: the shop knows which.
                    return Ok(match self.found(wanted).await?.ours {
                        Some(refund) => self.told(&refund),
                        None => (outcome::refused(&code, detail), None),
                    });
                }
                Err(error) => return Err(error),
            };
            if let Some(error) = payload.user_errors.first() {
                let line = error.field.iter().any(|part| part == "lineItemId");
                let reason = if line { "NO_SUCH_SHOP_LINE" } else { "SHOP_REFUSED" };
                return Ok((outcome::refused(reason, error.message.clone()), None));
            }
            let unread = |why: String| unreadable(Kind::Write, CREATE.operation, why);
            let head = payload.refund.ok_or_else(|| unread("neither a refund nor an error".to_owned()))?;
            let lines = wanted.lines.iter().map(|(id, quantity, cancel)| Line {
                id: *id,
                quantity: *quantity,
                restock: restock(*cancel).to_owned(),
            });
            let made = of_head(wanted.order, wanted.amount.currency(), &head, lines.collect()).map_err(unread)?;
            let (mut outcome, refund) = self.told(&made);
            outcome.warnings.extend(warning(wanted));
            return Ok((outcome, refund));
        }
        let words = "earlier attempts under this key failed; send with a new key";
        Ok((outcome::refused("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", words), None))
    }

    fn told(&self, refund: &Refund) -> Told {
        (refund.standing.outcome(), Some(refund.canonical(&self.channel.instance)))
    }

    async fn found(&self, wanted: &request::Refund) -> Result<Found, Error> {
        let shown = self.refunds_of(wanted.order).await?;
        let mut found = Found { ours: None, many: shown.refunds.len() >= REFUNDS, spent: BTreeMap::new() };
        for listed in shown.refunds {
            let Some(reference) = note::read(&listed.note).1 else { continue };
            let ours = reference == wanted.reference;
            let over = listed.transactions.nodes.iter().all(|one| tender::is_over(&one.status));
            if !ours && !over {
                continue;
            }
            let refund = self.whole_refund(&listed.id).await?;
            if refund.standing.came_to_nothing() {
                for line in &refund.lines {
                    let units = found.spent.entry(line.id).or_default();
                    *units = units.saturating_add(line.quantity);
                }
                found.ours = found.ours.or(Some(refund).filter(|_| ours));
            } else if ours {
                found.ours = Some(refund);
                break;
            }
        }
        Ok(found)
    }

    pub(crate) async fn refunds_of(&self, order: u64) -> Result<Refunds, Error> {
        let data: OrderData<Refunds> = self.admin.read(&OF_ORDER, &json!({"id": gid("Order", order)}), "").await?;
        data.order.ok_or(Error::NoSuchOrder(order))
    }

    /// A refund with every line of it.
    pub(crate) async fn whole_refund(&self, id: &str) -> Result<Refund, Error> {
        let operation = WHOLE.operation;
        let unread = |why: String| Error::Unreadable { operation, why };
        let (mut lines, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let data: RefundData = self.admin.read(&WHOLE, &json!({"id": id, "after": after}), "").await?;
            let found = data.refund.ok_or_else(|| unread(format!("{id} is not there any more")))?;
            after = next(operation, &found.refund_line_items)?;
            for line in &found.refund_line_items.nodes {
                let item = number(&line.line_item.id, "LineItem");
                let id = item.ok_or_else(|| unread(format!("{} is no line", line.line_item.id)))?;
                lines.push(Line { id, quantity: line.quantity, restock: line.restock_type.clone() });
            }
            if after.is_some() {
                continue;
            }
            let currency: Currency =
                found.order.currency_code.parse().map_err(|error| unread(format!("currencyCode: {error}")))?;
            lines.extend(postage(&found.refund_shipping_lines.nodes, currency));
            let order = number(&found.order.id, "Order").ok_or_else(|| unread(format!("{} is no order", found.id)))?;
            let head =
                Head { id: found.id, note: found.note, created_at: found.created_at, transactions: found.transactions };
            let adjusted = !found.order_adjustments.nodes.is_empty() || !found.refund_shipping_lines.nodes.is_empty();
            return of_head(order, currency, &head, lines).map(|refund| Refund { adjusted, ..refund }).map_err(unread);
        }
        Err(unread(format!("more than {PAGES} pages")))
    }

    /// What is sent, or why nothing is.
    async fn input(
        &self,
        wanted: &request::Refund,
        spent: &BTreeMap<u64, i64>,
    ) -> Result<Result<RefundInput, Outcome>, Error> {
        let order = gid("Order", wanted.order);
        let data: OrderData<Tenders> = self.admin.read(&TENDERS, &json!({"id": order}), "").await?;
        let shown = data.order.ok_or(Error::NoSuchOrder(wanted.order))?;
        let currency = wanted.amount.currency();
        if shown.currency_code != currency.code() || shown.presentment_currency_code != currency.code() {
            let (shop, buyer) = (&shown.currency_code, &shown.presentment_currency_code);
            let words = format!("the order is in {shop}, paid in {buyer}; refund it in the shop's admin");
            return Ok(Err(outcome::refused("CURRENCY_DIFFERS", words)));
        }
        if shown.transactions.len() >= TRANSACTIONS {
            let words = format!("the order has {TRANSACTIONS} transactions or more; refund it in the shop's admin");
            return Ok(Err(outcome::refused("TOO_MANY_TRANSACTIONS", words)));
        }
        let unread =
            |error: &dyn std::fmt::Display| Error::Unreadable { operation: TENDERS.operation, why: error.to_string() };
        let captures = tender::captures(&shown.transactions, currency).map_err(|error| unread(&error))?;
        let parts = match tender::split(wanted.amount, &captures) {
            Ok(parts) => parts,
            Err(left) => {
                let words = format!("of what was paid {left} is left, less than {}", wanted.amount);
                return Ok(Err(outcome::refused("REFUND_EXCEEDS_PAYMENT", words)));
            }
        };
        let transactions = parts.into_iter().map(|part| transaction(&order, part)).collect();
        let shipping = shipping(wanted, &shown, currency).map_err(|error| unread(&error))?;
        let is_postage = |id: u64| shown.shipping_lines.nodes.iter().any(|line| is(&line.id, id));
        let mut lines = wanted.lines.clone();
        lines.retain(|(id, ..)| !is_postage(*id));
        if lines.iter().any(|(id, ..)| spent.contains_key(id)) {
            let left = self.refundable(&lines).await?;
            tender::unspent(&mut lines, &left, spent);
        }
        // The money is what counts: what does not fit the list is refunded without its line.
        let lines = lines.into_iter().take(ENTRIES).map(|(id, quantity, cancel)| RefundLineInput {
            line_item_id: gid("LineItem", id),
            quantity,
            restock_type: restock(cancel),
        });
        Ok(Ok(RefundInput {
            order_id: order.clone(),
            note: note::mark(&wanted.note, &wanted.reference),
            notify: wanted.notify,
            refund_line_items: lines.collect(),
            shipping,
            transactions,
        }))
    }

    async fn refundable(&self, lines: &[(u64, i64, bool)]) -> Result<BTreeMap<u64, i64>, Error> {
        let mut units = BTreeMap::new();
        for lines in lines.chunks(ENTRIES) {
            let ids: Vec<String> = lines.iter().map(|(id, ..)| gid("LineItem", *id)).collect();
            let data: NodesData<Refundable> = self.admin.read(&LEFT, &json!({"ids": ids}), "").await?;
            units.extend(left(&data.nodes));
        }
        Ok(units)
    }
}

/// Units of lines that can still be refunded.
fn left(found: &[Option<Refundable>]) -> BTreeMap<u64, i64> {
    let known = |one: &Refundable| Some((number(&one.id, "LineItem")?, one.refundable_quantity));
    found.iter().flatten().filter_map(known).collect()
}

fn warning(wanted: &request::Refund) -> Option<String> {
    let beyond = wanted.lines.len().saturating_sub(ENTRIES);
    (beyond > 0)
        .then(|| format!("{beyond} of the lines do not fit one refund: their money is given back without a line"))
}

fn too_many() -> Outcome {
    let words = format!("the order has {REFUNDS} refunds or more; refund it in the shop's admin");
    outcome::refused("TOO_MANY_REFUNDS", words)
}

fn restock(cancel: bool) -> &'static str {
    if cancel { "CANCEL" } else { "NO_RESTOCK" }
}

fn is(shipping: &str, id: u64) -> bool {
    number(shipping, "ShippingLine") == Some(id)
}

fn transaction(order: &str, (capture, amount): (&Capture, Money)) -> TransactionInput {
    TransactionInput {
        order_id: order.to_owned(),
        parent_id: capture.gid.clone(),
        kind: "REFUND",
        gateway: capture.gateway.clone(),
        amount: amount.to_decimal().to_string(),
    }
}

/// Postage is no line of the shop: what is asked back of it is an amount, no more than is left of it.
fn shipping(
    wanted: &request::Refund,
    shown: &Tenders,
    currency: Currency,
) -> Result<Option<ShippingInput>, retail_proto::MoneyError> {
    let (mut asked, mut all) = (Money::zero(currency), Money::zero(currency));
    for line in &shown.shipping_lines.nodes {
        let price = Money::parse(&line.discounted_price_set.shop_money.amount.0, currency)?;
        all = all.plus(price)?;
        if wanted.lines.iter().any(|(id, ..)| is(&line.id, *id)) {
            asked = asked.plus(price)?;
        }
    }
    let left = all.minus(Money::parse(&shown.total_refunded_shipping_set.shop_money.amount.0, currency)?)?;
    let part = asked.minor().min(left.minor()).min(wanted.amount.minor());
    let amount = || Money::from_minor(part, currency).to_decimal().to_string();
    Ok((part > 0).then(|| ShippingInput { amount: amount() }))
}

/// Postage that was given back whole is a line; a part of it is only money.
fn postage(shown: &[wire::money::RefundedShipping], currency: Currency) -> Vec<Line> {
    let whole = shown.iter().filter(|one| {
        let parse =
            |bag: &wire::money::Bag| Money::parse(&bag.shop_money.amount.0, currency).map(|money| money.minor());
        let (given, price) = (parse(&one.subtotal_amount_set), parse(&one.shipping_line.discounted_price_set));
        matches!((given, price), (Ok(given), Ok(price)) if given >= price)
    });
    let ids = whole.filter_map(|one| number(&one.shipping_line.id, "ShippingLine"));
    ids.map(|id| Line { id, quantity: 1, restock: "NO_RESTOCK".to_owned() }).collect()
}

fn of_head(order: u64, currency: Currency, head: &Head, lines: Vec<Line>) -> Result<Refund, String> {
    let id = number(&head.id, "Refund").ok_or_else(|| format!("{} is no refund", head.id))?;
    if head.transactions.page_info.has_next_page {
        return Err(format!("{} has more transactions than are read", head.id));
    }
    let standing = refunding::standing(currency, &head.transactions.nodes).map_err(|error| error.to_string())?;
    Ok(Refund {
        id,
        order,
        note: head.note.clone(),
        at: head.created_at.parse().ok(),
        standing,
        lines,
        adjusted: false,
    })
}
