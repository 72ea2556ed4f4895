//! How the shop says that an order stands, as it is kept with it and as it is read from what a connector tells. Pure.

use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Address, Money};
use retail_proto::{Quantity, commerce::v1 as shop};
use retail_runtime::fault::{BadShape, Violations};

use crate::record::Order;

/// What the reference data knows of a line that the shop has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Known {
    /// Nothing, or nobody was asked.
    Nothing = 0,
    /// It is kept in stock.
    Stocked = 1,
    /// It is a charge.
    Charge = 2,
}

/// A line as the shop shows it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StandingLine {
    /// The shop's id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Code or text, for people.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Ordered less what was taken off, millionths.
    #[prost(int64, tag = "3")]
    pub wanted: i64,
    /// Of one that the order does not have: the line as it would be placed.
    #[prost(message, optional, tag = "4")]
    pub line: Option<pb::LineInput>,
    /// Of the same: what it is.
    #[prost(enumeration = "Known", tag = "5")]
    pub known: i32,
    /// Of the same: our code of it.
    #[prost(string, tag = "6")]
    pub sku: String,
}

/// How the shop says that the order stands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Standing {
    /// Grows with every change at the shop.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// The shop has cancelled it.
    #[prost(bool, tag = "2")]
    pub cancelled: bool,
    /// The shop's word for why.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// Its lines.
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<StandingLine>,
    /// A person has looked at what differs and released it.
    #[prost(bool, tag = "5")]
    pub acknowledged: bool,
    /// Where the shop delivers it.
    #[prost(message, optional, tag = "6")]
    pub address: Option<Address>,
    /// The shop has changed where, and the order does not show it yet.
    #[prost(bool, tag = "7")]
    pub address_wanted: bool,
    /// What the shop has taken, before anything went back, minor units of the order's currency.
    #[prost(int64, optional, tag = "8")]
    pub received: Option<i64>,
    /// What is still owed there; below 0 when more was taken than it comes to.
    #[prost(int64, optional, tag = "9")]
    pub outstanding: Option<i64>,
    /// What went back for goods that the order no longer has.
    #[prost(int64, tag = "10")]
    pub given_back: i64,
    /// Currency of the amounts.
    #[prost(string, tag = "11")]
    pub currency: String,
}

impl Standing {
    /// True when another telling says the same, but for the money and what is known of added lines.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let lines = |told: &Self| -> Vec<(String, i64)> {
            told.lines.iter().map(|line| (line.id.clone(), line.wanted)).collect()
        };
        self.cancelled == other.cancelled && self.address == other.address && lines(self) == lines(other)
    }

    /// True when a later telling brings nothing new.
    pub(super) fn says_all(&self, later: &Self) -> bool {
        let money = |told: &Self| (told.received, told.outstanding, told.given_back);
        let learned = later.lines.iter().any(|line| {
            let known = self.lines.iter().find(|known| known.id == line.id);
            line.known() != Known::Nothing && known.is_some_and(|known| known.known() == Known::Nothing)
        });
        self.agrees(later) && money(self) == money(later) && !learned
    }

    /// Goods that the order does not have and that are still wanted: where they stand, and what to ask for.
    pub(crate) fn unknown_goods(&self) -> Vec<(usize, stock::ItemKey)> {
        let lines = self.lines.iter().zip(0_usize..).filter(|(line, _)| line.wanted > 0);
        let goods = lines.filter_map(|(line, place)| {
            let input = line.line.as_ref().filter(|input| input.kind() == pb::LineKind::Goods)?;
            Some((place, stock::ItemKey { sku: input.sku.trim().to_uppercase(), r#ref: input.item.clone() }))
        });
        goods.collect()
    }

    /// Takes over what the reference data says of a line.
    pub(crate) fn know(&mut self, place: usize, item: Option<&stock::Item>) {
        let (Some(line), Some(item)) = (self.lines.get_mut(place), item) else { return };
        line.set_known(if item.stocked { Known::Stocked } else { Known::Charge });
        line.sku.clone_from(&item.sku);
    }

    /// Leaves how a line would be placed only where the order has none.
    pub(crate) fn forget_known_lines(&mut self, order: &Order) {
        for told in &mut self.lines {
            if order.lines.iter().any(|line| line.channel_line_id == told.id) {
                told.line = None;
            }
        }
    }
}

/// Reads what the channel's connector tells.
pub(crate) fn read(request: &pb::TakeChannelOrderRequest) -> Result<Standing, BadShape> {
    let mut bad = Violations::default();
    bad.require("channel", !request.channel.is_empty(), "name the channel");
    bad.require("channel_order_id", !request.channel_order_id.is_empty(), "give the channel's own id of the order");
    bad.require("version", request.version > 0, "give a number that grows with every change at the channel");
    let standing = Standing {
        version: request.version,
        cancelled: request.cancelled,
        reason: request.cancel_reason.clone(),
        lines: lines(&request.lines, &mut bad),
        address: request.shipping_address.clone(),
        ..money(request.received.as_ref(), request.outstanding.as_ref(), request.given_back.as_ref())
    };
    bad.check()?;
    Ok(standing)
}

/// Reads how the shop shows an order after an edit of ours; none when it does not read.
pub(crate) fn answered(told: &shop::GetOrderResponse) -> Option<Standing> {
    let mut bad = Violations::default();
    let lines = lines(&told.lines, &mut bad);
    bad.check().ok()?;
    Some(Standing {
        version: told.version,
        cancelled: told.cancelled,
        reason: told.cancel_reason.clone(),
        lines,
        address: told.order.as_ref().and_then(|order| order.shipping_address.clone()),
        ..money(told.received.as_ref(), told.outstanding.as_ref(), told.given_back.as_ref())
    })
}

fn lines(told: &[pb::ChannelLine], bad: &mut Violations) -> Vec<StandingLine> {
    let mut lines = Vec::with_capacity(told.len());
    for (line, place) in told.iter().zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        bad.require(&at("channel_line_id"), !line.channel_line_id.is_empty(), "give the channel's own id of the line");
        let mut millionths = |field: &str, text: &str| match text.parse::<Quantity>() {
            Ok(quantity) if !quantity.is_negative() => quantity.millionths(),
            Ok(_) => {
                bad.add(at(field), "a quantity is not negative");
                0
            }
            Err(error) => {
                bad.add(at(field), error.to_string());
                0
            }
        };
        let ordered = millionths("ordered", &line.ordered);
        let removed = if line.removed.is_empty() { 0 } else { millionths("removed", &line.removed) };
        let name = [&line.sku, &line.description].into_iter().find(|text| !text.is_empty());
        // A map has no order of its own, and nothing of it is read of an added line.
        let placed = line.line.as_ref().map(|line| pb::LineInput { attributes: Default::default(), ..line.clone() });
        lines.push(StandingLine {
            id: line.channel_line_id.clone(),
            name: name.cloned().unwrap_or_default(),
            wanted: ordered.saturating_sub(removed).max(0),
            line: placed,
            ..StandingLine::default()
        });
    }
    lines
}

/// Amounts of one currency; others are nothing known.
fn money(received: Option<&Money>, outstanding: Option<&Money>, given_back: Option<&Money>) -> Standing {
    let currency = received.map(|amount| amount.currency.clone()).unwrap_or_default();
    let minor =
        |amount: Option<&Money>| amount.filter(|amount| amount.currency == currency).map(|amount| amount.minor_units);
    Standing {
        received: minor(received),
        outstanding: minor(outstanding),
        given_back: minor(given_back).unwrap_or_default().max(0),
        currency: currency.clone(),
        ..Standing::default()
    }
}
