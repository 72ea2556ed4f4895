//! A payment service with customers who pay at it: authorizations that run out or are declined, people who capture in its
//! own screens, tellings that come late and twice.

use std::collections::{BTreeMap, BTreeSet};

use retail_flow::Failure;
use retail_proto::orders::v1 as orders;
use retail_proto::payments::v1 as pay;
use retail_proto::types::v1::{Money, Ref};

use crate::config::Channel;
use crate::documents::Payment;
use crate::journey::Brought;
use crate::leg::Leg;
use crate::payments;
use crate::record::Order;

/// One payment at the service.
#[derive(Debug, Clone, Default)]
struct Intent {
    external_ref: String,
    state: pay::PaymentState,
    several: bool,
    authorized: i64,
    until: i64,
    captures: BTreeMap<String, i64>,
    by_others: i64,
    refunds: BTreeMap<String, i64>,
    changes: u64,
    /// The customer let his card be kept.
    saved: bool,
    /// It was authorized anew.
    again: bool,
}

impl Intent {
    fn captured(&self) -> i64 {
        self.captures.values().sum::<i64>() + self.by_others
    }

    fn is_open(&self) -> bool {
        matches!(self.state, pay::PaymentState::Authorized | pay::PaymentState::PartlyCaptured)
    }

    /// What was given back shows, although more may still be captured.
    fn shown(&self) -> pay::PaymentState {
        let back = self.refunds.values().sum::<i64>();
        let taken = matches!(self.state, pay::PaymentState::PartlyCaptured | pay::PaymentState::Captured);
        if !taken || back == 0 {
            self.state
        } else if back >= self.captured() {
            pay::PaymentState::Refunded
        } else {
            pay::PaymentState::PartlyRefunded
        }
    }

    fn told(&self, id: &str) -> pay::Payment {
        let gbp = |minor_units| Some(Money { minor_units, currency: "GBP".to_owned() });
        let capture = |(id, minor): (&String, &i64)| pay::Capture { external_ref: id.clone(), amount: gbp(*minor) };
        pay::Payment {
            payment: Some(record(id)),
            external_ref: self.external_ref.clone(),
            state: i32::from(self.shown()),
            authorized: gbp(self.authorized),
            capturable: gbp(if self.is_open() { self.authorized - self.captured() } else { 0 }),
            captured: gbp(self.captured()),
            refunded: gbp(self.refunds.values().sum()),
            captures: self.captures.iter().map(capture).collect(),
            several_captures: self.several,
            authorized_until: Some(prost_types::Timestamp { seconds: self.until, nanos: 0 }),
            revision: format!("{id}/{}", self.changes),
            reusable: self.saved,
            ..pay::Payment::default()
        }
    }
}

fn record(id: &str) -> Ref {
    Ref { kind: "payments".into(), instance: "pay".into(), r#type: "payment".into(), id: id.into(), ..Ref::default() }
}

/// The service, and all it ever said.
#[derive(Debug, Default)]
pub(super) struct Purse {
    intents: BTreeMap<String, Intent>,
    said: Vec<pay::Payment>,
    /// What the bank says when the customer is not there; none when his card is not kept.
    absent: Option<bool>,
    /// Authorizations whose first answer was lost.
    silent: BTreeSet<String>,
}

/// What happens at the service.
#[derive(Debug, Clone)]
pub(super) enum AtTheService {
    /// An authorization runs out.
    Ends,
    /// Somebody captures all of it in the service's own screens.
    TakenByOthers,
    /// What it said at some time reaches us.
    IsHeard(u8),
}

impl Purse {
    /// The customer authorizes, or tries to.
    pub(super) fn pays(&mut self, reference: &str, minor: i64, several: bool, declined: bool) {
        let state = if declined { pay::PaymentState::Failed } else { pay::PaymentState::Authorized };
        let intent = Intent { state, several, authorized: minor, until: 1_000_000, ..Intent::default() };
        self.intents.insert(reference.to_owned(), intent);
    }

    /// The customer lets his card be kept; his bank says so to payments without him.
    pub(super) fn keeps(&mut self, bank: bool) {
        self.absent = Some(bank);
        self.intents.values_mut().for_each(|intent| intent.saved = true);
    }

    /// The channel whose payments of gateway `pay` are held here.
    pub(super) fn channel() -> Channel {
        Channel { gateways: [("pay".to_owned(), "pay".to_owned())].into(), reauthorize: true, ..Channel::default() }
    }

    /// An authorization as the channel tells of it.
    pub(super) fn payment(reference: &str, minor: i64) -> orders::Payment {
        orders::Payment {
            tender: i32::from(orders::Tender::Card),
            amount: Some(Money { minor_units: minor, currency: "GBP".into() }),
            state: i32::from(orders::PaymentState::Authorized),
            gateway: "pay".into(),
            reference: reference.into(),
            ..orders::Payment::default()
        }
    }

    /// How many customers' payments there are.
    pub(super) fn count(&self) -> usize {
        self.intents.len()
    }

    pub(super) fn captured(&self) -> i64 {
        self.intents.values().map(Intent::captured).sum()
    }

    pub(super) fn refunded(&self) -> i64 {
        self.intents.values().flat_map(|intent| intent.refunds.values()).sum()
    }

    /// True when no customer's money is held for nothing.
    pub(super) fn holds_nothing(&self) -> bool {
        self.intents.values().all(|intent| !intent.is_open())
    }

    pub(super) fn happens(&mut self, order: &mut Order, event: &AtTheService) {
        match event {
            AtTheService::Ends => {
                for intent in self.intents.values_mut().filter(|intent| intent.is_open()) {
                    let over = intent.captured() > 0;
                    intent.state = if over { pay::PaymentState::Captured } else { pay::PaymentState::Expired };
                    intent.changes += 1;
                }
            }
            AtTheService::TakenByOthers => {
                for intent in self.intents.values_mut().filter(|intent| intent.is_open() && !intent.several) {
                    intent.by_others = intent.authorized;
                    intent.state = pay::PaymentState::Captured;
                    intent.changes += 1;
                }
            }
            AtTheService::IsHeard(which) => {
                let said = self.said.get(usize::from(*which) % self.said.len().max(1)).cloned();
                if let Some(said) = said {
                    hear(order, &said);
                }
            }
        }
        self.speaks();
    }

    /// Everything is told as it stands now; whoever was declined tries again.
    pub(super) fn comes_to_rest(&mut self, order: &mut Order) {
        for intent in self.intents.values_mut().filter(|intent| intent.state == pay::PaymentState::Failed) {
            intent.state = pay::PaymentState::Authorized;
            intent.changes += 1;
        }
        for (id, intent) in &self.intents {
            hear(order, &intent.told(id));
        }
        let held = order.holds.iter().any(|hold| hold.reason == payments::NOT_AUTHORIZED);
        // Of a held order the customer pays what its authorizations do not cover.
        let asked = order.unasked_payments().next().is_none();
        let lacking = if held && asked { order.total - order.covered(false) } else { order.lacks_money() };
        if lacking > 0 {
            let reference = format!("pi-{}", self.intents.len() + 1);
            self.pays(&reference, lacking, false, false);
            let asked = Self::payment(&reference, lacking);
            payments::add(order, &asked, Some(&Self::channel()), 1).unwrap();
            order.advance();
        }
    }

    fn speaks(&mut self) {
        for (id, intent) in self.intents.iter().filter(|(_, intent)| !intent.external_ref.is_empty()) {
            let told = intent.told(id);
            if !self.said.contains(&told) {
                self.said.push(told);
            }
        }
    }

    pub(super) fn perform(&mut self, order: &Order, leg: &Leg, luck: u8) -> Result<Brought, Failure> {
        let named = |id: &str| order.payments.iter().find(|payment| payment.id == *id).cloned().unwrap();
        let done = if let Leg::AskPayment(id) = leg {
            self.adopt(&named(id))
        } else if let Leg::AuthorizeAnew(id) = leg {
            self.authorizes(&named(id), luck)
        } else if let Leg::Capture(id) = leg {
            self.capture(&named(id))
        } else if let Leg::LetPaymentGo(id) = leg {
            Ok(self.let_go(&named(id)))
        } else if let Leg::RefundPayment(id) = leg {
            let refund = order.refunds.iter().find(|refund| refund.id == *id).unwrap();
            Ok(self.give_back(&named(&refund.payment), id, refund.minor))
        } else {
            panic!("{leg:?} is not asked of a payment service")
        };
        self.speaks();
        done
    }

    fn adopt(&mut self, payment: &Payment) -> Result<Brought, Failure> {
        let intent = self.intents.get_mut(&payment.reference);
        let intent = intent.ok_or_else(|| Failure::refused("NO_SUCH_PAYMENT", "none".to_owned()))?;
        intent.external_ref.clone_from(&payment.id);
        Ok(Brought::Paid(Box::new(intent.told(&payment.reference))))
    }

    /// Once, however often it is asked; the first answer may be lost.
    fn authorizes(&mut self, asked: &Payment, luck: u8) -> Result<Brought, Failure> {
        let bank = self.absent.expect("only what the customer let be kept");
        if !self.intents.values().any(|intent| intent.external_ref == asked.id) {
            let of_card = || self.intents.values().filter(|intent| intent.saved || intent.again);
            assert!(of_card().all(|intent| !intent.is_open()), "two authorizations at once: {:?}", self.intents);
            let claimed = of_card().map(Intent::captured).sum::<i64>() + asked.minor;
            let agreed: i64 = of_card().filter(|intent| intent.saved).map(|intent| intent.authorized).sum();
            assert!(claimed <= agreed, "{claimed} of {agreed} that the customer agreed to");
            let reference = format!("pi-{}", self.intents.len() + 1);
            self.pays(&reference, asked.minor, false, !bank);
            let made = self.intents.get_mut(&reference).unwrap();
            (made.external_ref, made.again) = (asked.id.clone(), true);
        }
        if luck.is_multiple_of(3) && self.silent.insert(asked.id.clone()) {
            return Err(Failure::Unknown { reason: "NO_ANSWER".into(), detail: "lost".into() });
        }
        let made = self.intents.iter().find(|(_, intent)| intent.external_ref == asked.id).unwrap();
        Ok(Brought::Paid(Box::new(made.1.told(made.0))))
    }

    fn capture(&mut self, capture: &Payment) -> Result<Brought, Failure> {
        let intent = self.intents.get_mut(&capture.reference).unwrap();
        if !intent.captures.contains_key(&capture.id) {
            if !intent.is_open() || intent.captured() + capture.minor > intent.authorized {
                let ran_out = intent.state == pay::PaymentState::Expired;
                let reason = if ran_out { "AUTHORIZATION_EXPIRED" } else { "ALREADY_CAPTURED" };
                return Err(Failure::refused(reason, "it is over".to_owned()));
            }
            intent.captures.insert(capture.id.clone(), capture.minor);
            let over = capture.last || !intent.several || intent.captured() == intent.authorized;
            intent.state = if over { pay::PaymentState::Captured } else { pay::PaymentState::PartlyCaptured };
            intent.changes += 1;
        }
        Ok(Brought::Paid(Box::new(intent.told(&capture.reference))))
    }

    fn give_back(&mut self, payment: &Payment, id: &str, minor: i64) -> Brought {
        let intent = self.intents.get_mut(&payment.reference).unwrap();
        intent.refunds.insert(id.to_owned(), minor);
        intent.changes += 1;
        let (back, taken) = (intent.refunds.values().sum::<i64>(), intent.captured());
        assert!(back <= taken, "{back} goes back of {taken}");
        Brought::Record(record(id))
    }

    fn let_go(&mut self, payment: &Payment) -> Brought {
        let intent = self.intents.get_mut(&payment.reference).unwrap();
        if intent.captured() > 0 {
            intent.state = pay::PaymentState::Captured;
        } else if intent.state != pay::PaymentState::Expired {
            intent.state = pay::PaymentState::Cancelled;
        }
        intent.changes += 1;
        Brought::Paid(Box::new(intent.told(&payment.reference)))
    }
}

fn hear(order: &mut Order, told: &pay::Payment) {
    payments::stand(order, &told.external_ref, told, 1);
    order.advance();
}
