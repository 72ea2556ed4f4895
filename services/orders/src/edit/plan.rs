//! What an edit would change of an order as it stands, or why it may not.

use retail_proto::{Currency, Money};
use retail_runtime::fault::Violations;

use super::worth::repriced;
use super::{Asked, Edit, EditedLine, Step};
use crate::check;
use crate::config::Channel;
use crate::credit::Credit;
use crate::fault::Error;
use crate::floor::Floors;
use crate::payments;
use crate::pickup::{By, Stage};
use crate::place::{amount, parse_line};
use crate::record::{Capture, Line, LineKind, Order, State};

/// What is known beside the order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Circumstances<'a> {
    /// The order's channel.
    pub channel: Option<&'a Channel>,
    /// The ERP may have been asked for the sales order already.
    pub booking_sent: bool,
    /// The shop that sold it is told of edits.
    pub tells: bool,
    /// What the order's policy keeps back, by place; absent when no policy fits.
    pub floors: Option<&'a Floors>,
    /// The channel asks what its customers may owe.
    pub asks_credit: bool,
}

impl Order {
    /// Begins an edit. One that changes nothing is a no-op. What is wrong changes nothing.
    pub(crate) fn edit(&mut self, asked: &Asked, known: Circumstances<'_>, by: By<'_>) -> Result<(), Error> {
        self.may_be_edited(asked, known)?;
        let mut next = self.clone();
        let lacked = self.total.saturating_sub(self.covered(true)).max(0);
        let mut edit = self.planned(asked, known)?;
        if edit.lines.is_empty() && edit.address.is_none() && edit.pickup.is_none() && !edit.ship {
            let alone = "nothing else changes; AddPayment takes a payment alone";
            return if asked.payment.is_some() { Err(self.not_edited("payment", alone)) } else { Ok(()) };
        }
        (edit.who, edit.why, edit.at) = (by.who.to_owned(), by.why.to_owned(), by.at);
        (edit.lacked, edit.version) = (lacked, self.version);
        edit.erp_etag.clone_from(&self.erp_etag);
        // Before the promise it is asked for with the order.
        edit.credit = (known.asks_credit && self.reserved).then(Credit::default);
        self.settle_told(&mut edit, asked.by_shop, known.tells);
        if let Some(payment) = &asked.payment {
            payments::add(&mut next, payment, known.channel, by.at)?;
            // One that was refused before is asked again, and is no further one.
            let further = next.payments.last().filter(|_| next.payments.len() > self.payments.len());
            edit.payment = further.map(|payment| payment.id.clone()).unwrap_or_default();
        }
        let missing = next.unpaid(&edit, true);
        if missing > 0 {
            let words = |minor| self.money(minor).map(|amount| amount.to_string()).unwrap_or_default();
            let (missing, total) = (words(missing), words(edit.total));
            return Err(Error::EditNotPaid { id: self.id.clone(), missing, total });
        }
        if next.reserved {
            edit.before_booking = next.sales_order.is_none() && !known.booking_sent;
            next.edits.push(edit);
        } else {
            next.edits.push(edit);
            next.take_unpromised_edit(by.at);
        }
        *self = next;
        Ok(())
    }

    fn may_be_edited(&self, asked: &Asked, known: Circumstances<'_>) -> Result<(), Error> {
        let refused = |field: &str, why: String| self.not_edited(field, &why);
        if self.adopted {
            return Err(Error::Adopted { id: self.id.clone() });
        }
        if let Some((number, edit)) = self.editing() {
            let words =
                format!("edit {number} by {} is under way ({}); ask again when it has ended", edit.who, edit.words());
            return Err(Error::EditConflict { id: self.id.clone(), what: words });
        }
        if asked.expected_version != 0 && asked.expected_version != self.version {
            let what = self.changed_since(asked.expected_version);
            return Err(Error::EditConflict { id: self.id.clone(), what });
        }
        match self.state() {
            State::Received | State::Held | State::Reserved | State::Booked | State::PartlyShipped => {}
            State::Shipped | State::Completed => {
                return Err(refused("order_id", "it has shipped; goods come back by a return".to_owned()));
            }
            State::Cancelling | State::Cancelled | State::Refused => {
                return Err(refused("order_id", format!("it is over: {}", self.status().to_lowercase())));
            }
        }
        if let Some((number, reroute)) = self.rerouting() {
            let words = format!("rerouting {number} by {} is under way; ask again when it has ended", reroute.who);
            return Err(refused("order_id", words));
        }
        if let Some((number, cancel)) = self.cancelling_lines() {
            let words =
                format!("line cancellation {number} by {} is under way; ask again when it has ended", cancel.who);
            return Err(refused("order_id", words));
        }
        let till = self.capture() == Capture::Fact && known.channel.is_none_or(|channel| channel.address.is_empty());
        if till && asked.moves_goods() && !asked.by_shop {
            let words = "it was sold over a till: only its address can be corrected; goods come back by a return";
            return Err(refused("quantities", words.to_owned()));
        }
        if self.stage() == Some(Stage::Collected) {
            return Err(refused("order_id", "the customer has the goods; they come back by a return".to_owned()));
        }
        Ok(())
    }

    pub(super) fn not_edited(&self, field: &str, why: &str) -> Error {
        Error::EditRefused { id: self.id.clone(), field: field.to_owned(), why: why.to_owned() }
    }

    /// What has changed since a version: edits by name, else where it stands now.
    fn changed_since(&self, version: u64) -> String {
        let later =
            self.edits.iter().zip(1..).filter(|(edit, _)| edit.version >= version && edit.step() != Step::Failed);
        let later: Vec<String> = later
            .map(|(edit, number): (&Edit, usize)| format!("edit {number} by {} changed {}", edit.who, edit.words()))
            .collect();
        let what = if later.is_empty() { self.status().to_lowercase() } else { later.join("; ") };
        format!("it is at version {}, not at {version}: {what}; read it and ask again", self.version)
    }

    /// The edit with everything before and after.
    fn planned(&self, asked: &Asked, known: Circumstances<'_>) -> Result<Edit, Error> {
        let wrong = |what: &str| self.not_edited("order_id", what);
        let currency: Currency = self.currency.parse().map_err(|_| wrong("its currency cannot be read"))?;
        let to = self.target(asked)?;
        let mut lines = Vec::new();
        for line in &self.lines {
            let quantity = match self.wished(asked, line)? {
                Some((quantity, field)) => self.allowed(line, quantity, field)?,
                None => line.quantity,
            };
            let moved = self.moves(line, quantity, to)?;
            if quantity == line.quantity && !moved {
                continue;
            }
            let after = repriced(line, quantity, currency);
            let dear =
                || self.not_edited("quantities", &format!("line {} would cost too much to be counted", line.number));
            let after = after.ok_or_else(dear)?;
            let location = if moved { to.unwrap_or_default() } else { &line.location };
            lines.push(edited(line, &after, location, moved));
        }
        for ((number, _), place) in asked.quantities.iter().zip(0_usize..) {
            if self.line(*number).is_none() {
                let field = format!("quantities[{place}].line_number");
                return Err(
                    self.not_edited(&field, &format!("it has no line {number}; give a further line in new_lines"))
                );
            }
        }
        lines.extend(self.further(asked, to, currency)?);
        let mut edit = Edit {
            step: i32::from(Step::Asked),
            lines,
            address: asked.address.clone().filter(|address| self.shipping_address.as_ref() != Some(address)),
            pickup: asked.pickup.clone().filter(|pickup| !self.is_collected_as(pickup)),
            ship: asked.ship,
            total_before: self.total,
            ..Edit::default()
        };
        edit.address_before = self.shipping_address.clone().filter(|_| edit.address.is_some());
        let collected = self.pickup.as_ref().filter(|pickup| pickup.stage() != Stage::Shipping);
        edit.store_before = collected.map(|pickup| pickup.location.clone()).unwrap_or_default();
        self.price(&mut edit, asked, currency, known.channel)?;
        self.keep_back(&mut edit, asked, known);
        Ok(edit)
    }

    /// The place that everything goes to; none when everything stays.
    fn target<'a>(&self, asked: &'a Asked) -> Result<Option<&'a str>, Error> {
        if let Some(pickup) = &asked.pickup {
            return Ok(Some(&pickup.location));
        }
        if !asked.ship {
            return Ok(None);
        }
        if self.pickup.as_ref().is_none_or(|pickup| pickup.stage() == Stage::Shipping) {
            return Err(self.not_edited("ship", "it is shipped anyway; RerouteOrder gives it to another place"));
        }
        if asked.address.is_none() && self.shipping_address.is_none() {
            return Err(self.not_edited("shipping_address", "it has none; say where it shall be delivered"));
        }
        Ok(Some(asked.ship_from.as_str()).filter(|place| !place.is_empty()))
    }

    fn is_collected_as(&self, wish: &crate::pickup::Pickup) -> bool {
        self.pickup.as_ref().is_some_and(|known| {
            known.stage() != Stage::Shipping
                && known.location == wish.location
                && known.contact_name == wish.contact_name
                && known.contact_phone == wish.contact_phone
                && known.contact_email == wish.contact_email
        })
    }

    /// A quantity that a line may have.
    fn allowed(&self, line: &Line, quantity: i64, place: usize) -> Result<i64, Error> {
        let refused = |why: String| self.not_edited(&format!("quantities[{place}].quantity"), &why);
        let shown = |quantity| retail_proto::Quantity::from_millionths(quantity).to_string();
        let number = line.number;
        if line.closed && quantity == 0 && line.shipped == 0 {
            return Ok(line.quantity);
        }
        if line.closed && quantity != line.quantity {
            return Err(refused(format!(
                "line {number} is closed: nothing more of it ships; give a further line in new_lines"
            )));
        }
        let gone = line.shipped.max(line.invoiced);
        if quantity < gone {
            let gone = shown(gone);
            return Err(refused(format!(
                "{gone} of line {number} have shipped or are billed; those come back by a return"
            )));
        }
        Ok(quantity)
    }

    /// Does a line go to another place?
    fn moves(&self, line: &Line, quantity: i64, to: Option<&str>) -> Result<bool, Error> {
        let Some(to) = to.filter(|to| *to != line.location && line.is_goods() && line.open() > 0 && quantity > 0)
        else {
            return Ok(false);
        };
        if line.shipped > 0 {
            let words =
                format!("something of line {} has shipped from {}; it cannot go to {to}", line.number, line.location);
            return Err(self.not_edited("pickup", &words));
        }
        Ok(true)
    }

    /// Lines that come.
    fn further(&self, asked: &Asked, to: Option<&str>, currency: Currency) -> Result<Vec<EditedLine>, Error> {
        let (mut bad, mut items) = (Violations::default(), asked.items.iter());
        let last = self.lines.iter().map(|line| line.number).max().unwrap_or_default();
        let mut lines = Vec::with_capacity(asked.new_lines.len());
        for ((input, place), number) in asked.new_lines.iter().zip(0_usize..).zip(last.saturating_add(1)..) {
            let mut line = parse_line(input, number, &self.id, ("new_lines", place), currency, &mut bad);
            if let Some(item) = if line.is_goods() { items.next() } else { None } {
                line.sku.clone_from(&item.sku);
                line.set_kind(if item.stocked { LineKind::Goods } else { LineKind::Charge });
            }
            let field = format!("new_lines[{place}].location");
            if line.is_goods() {
                let store = self.store_after(asked);
                let elsewhere = store.is_some_and(|store| !line.location.is_empty() && line.location != store);
                bad.require(&field, !elsewhere, "the order is collected elsewhere");
                if line.location.is_empty() {
                    to.or(store).or_else(|| self.usual_place()).unwrap_or_default().clone_into(&mut line.location);
                }
                bad.require(&field, !self.reserved || !line.location.is_empty(), "say which place ships it");
            }
            let none = Line { number, ..Line::default() };
            let mut come = edited(&none, &line, &line.location, line.is_goods());
            (come.added, come.sku) = (Some(line.clone()), line.sku.clone());
            lines.push(come);
        }
        bad.check()?;
        Ok(lines)
    }

    /// What the promise of further pieces leaves where the policy chose their place. What a shop has sold is sold, and who
    /// names a place has chosen it.
    fn keep_back(&self, edit: &mut Edit, asked: &Asked, known: Circumstances<'_>) {
        let Some(floors) = known.floors.filter(|_| !asked.by_shop) else { return };
        let mut inputs = asked.new_lines.iter();
        for one in &mut edit.lines {
            let named = one.added.is_some() && inputs.next().is_some_and(|input| !input.location.is_empty());
            let stays = one.added.is_some() || one.location == one.location_before;
            if one.promise > 0 && stays && !named {
                let line = Line { number: one.number, location: one.location.clone(), ..Line::default() };
                one.kept_back = self.keeps_back_further(&line, floors);
            }
        }
    }

    /// The store where it is collected once it is edited.
    fn store_after<'a>(&'a self, asked: &'a Asked) -> Option<&'a str> {
        let known = self.pickup.as_ref().filter(|pickup| pickup.stage() != Stage::Shipping && !asked.ship);
        asked.pickup.as_ref().or(known).map(|pickup| pickup.location.as_str())
    }

    /// Where its first open line ships from, once that is settled.
    fn usual_place(&self) -> Option<&str> {
        let mut open = self.lines.iter().filter(|line| line.is_goods() && line.open() > 0);
        open.next().map(|line| line.location.as_str())
    }

    /// The total: it follows from the lines as it did before. What the customer was shown may differ by the channel's
    /// tolerance.
    fn price(
        &self,
        edit: &mut Edit,
        asked: &Asked,
        currency: Currency,
        channel: Option<&Channel>,
    ) -> Result<(), Error> {
        let mut after = self.clone();
        after.put_lines(&edit.lines);
        let stays = |line: &Line| line.is_goods() && (line.shipped > 0 || (!line.closed && line.quantity > 0));
        if !self.has_no_goods() && !after.lines.iter().any(stays) {
            return Err(self.not_edited("quantities", "nothing would be left of it; cancel the order"));
        }
        let worth = |lines: &[Line]| {
            let computed = check::computed_total(lines, currency).map(|total| total.minor());
            computed.map_err(|error| self.not_edited("quantities", &error.to_string()))
        };
        (edit.worth_before, edit.worth) = (worth(&self.lines)?, worth(&after.lines)?);
        let computed = self.total.saturating_add(edit.worth).saturating_sub(edit.worth_before).max(0);
        edit.total = computed;
        if let Some(shown) = &asked.total {
            let mut bad = Violations::default();
            edit.total = amount(Some(shown), "total", currency, &mut bad);
            let tolerance = channel.map_or(0, |channel| channel.tolerance_minor);
            let agrees = edit.total.abs_diff(computed) <= u64::from(tolerance) && edit.total >= 0;
            let computed = Money::from_minor(computed, currency);
            bad.require(
                "total",
                agrees,
                &format!("the changed lines add up to {computed}; show the customer that, or leave it out"),
            );
            bad.check()?;
        }
        Ok(())
    }
}

/// A line before and after; `whole` says that all of it is promised anew.
fn edited(before: &Line, after: &Line, location: &str, whole: bool) -> EditedLine {
    let more = after.quantity.saturating_sub(before.quantity).max(0);
    let promise = if whole { after.quantity } else { more };
    EditedLine {
        number: before.number,
        quantity_before: before.quantity,
        quantity: after.quantity,
        location_before: before.location.clone(),
        location: location.to_owned(),
        amount_before: before.amount,
        amount: after.amount,
        discount: after.discount,
        taxes: after.taxes.clone(),
        promise: if after.is_goods() { promise } else { 0 },
        added: None,
        sku: before.sku.clone(),
        shortfall: 0,
        kept_back: 0,
    }
}
