//! The legs of the journey: what each is called, how a repeat of it is made safe, how long it is tried.

use std::time::Duration;

use retail_flow::{Class, Policy, Step};
use serde::{Deserialize, Serialize};

/// Which look at a customer's credit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Look {
    /// It lets the order go on, or holds it.
    First,
    /// The order is held: is there room now?
    Again,
}

/// One thing the journey asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leg {
    /// Who is the customer? (customers)
    Identify,
    /// What are the items? (inventory's reference data)
    ResolveItems,
    /// May the customer owe what of it is on account? (ERP, our account)
    AskCredit(Look),
    /// Which places fulfil it? The number says which decision this is. (inventory's stock, our policy)
    Source(usize),
    /// Promise the goods. (inventory)
    Reserve,
    /// Promise the goods at the places of a decision. (inventory)
    ReserveAt(usize),
    /// The ERP must know the customer. (customers)
    ErpCustomer,
    /// The sales order. (ERP)
    BookSalesOrder,
    /// Does a payment service hold the money for us? It notes whose it is. (payments)
    AskPayment(String),
    /// Authorize what is still owed on the card that the customer let the shop keep. (payments)
    AuthorizeAnew(String),
    /// Make the promise last. (inventory)
    Confirm,
    /// Take money for what was delivered. (payments)
    Capture(String),
    /// Use an authorization for what was delivered by now, before it ends. (us)
    CaptureNow(String),
    /// Let an authorization go of which nothing more will be taken. (payments)
    LetPaymentGo(String),
    /// Money that was taken belongs into the ERP's books. (ERP)
    RecordPayment(String),
    /// Take shipped goods off shelf and promise. (inventory)
    Consume(String),
    /// The shop shows the shipment to the customer. (commerce)
    TellChannel(String),
    /// The shop cancels it as well. (commerce)
    TellCancelled,
    /// The shop takes lines off that were cancelled here. (commerce)
    TellLinesCancelled(usize),
    /// The shop shows what was edited here. (commerce)
    TellEdit(usize),
    /// The shop tells the customer that it waits in the store; the number says how often it has. (commerce)
    TellReady(u32),
    /// What agents see, on the side. (CRM)
    TellCrm(String),
    /// Close the sales order. (ERP)
    CloseSalesOrder,
    /// Give back what is still promised. (inventory)
    GiveBack,
    /// Which place takes over what another cannot fulfil? Number of the rerouting, and which decision. (inventory's stock,
    /// our policy)
    Resource(usize, u32),
    /// Promise the goods at the place that takes over. (inventory)
    PromiseElsewhere(usize, u32),
    /// Other places ship these lines. (ERP)
    MoveSalesOrder(usize),
    /// Give the promise of the former place back. (inventory)
    LetGo(usize),
    /// Give a promise back that came to nothing. (inventory)
    Withdraw(usize),
    /// Close lines that are cancelled while the rest goes on. (ERP)
    CloseLines(usize),
    /// Give their promise back. (inventory)
    ReleaseLines(usize),
    /// What are the items of an order that was changed before anything was promised? How often it was. (inventory's
    /// reference data)
    ResolveAnew(u32),
    /// Which places fulfil it as changed? How often it was, and which decision. (inventory's stock, our policy)
    SourceAnew(u32, usize),
    /// Promise the goods as changed: how often it was, and for which decision; 0 without one. (inventory)
    ReserveAnew(u32, usize),
    /// May the customer owe what an edit adds? (ERP, our account)
    AskEditCredit(usize),
    /// Promise what an edit needs further. (inventory)
    PromiseEdit(usize),
    /// Make that promise last. (inventory)
    ConfirmEdit(usize),
    /// The sales order as edited. (ERP)
    ChangeSalesOrder(usize),
    /// Give back what an edit has made needless. (inventory)
    ReleaseEdited(usize),
    /// Give back what was promised for an edit that came to nothing. (inventory)
    WithdrawEdit(usize),
    /// Act on holds that nobody decided in time. (us)
    ExpireHolds,
    /// Give up a pickup that nobody collected. (us)
    LapsePickup,
    /// What has the shop given back by itself? (commerce)
    ReadRefunds,
    /// The shop gives money back that was taken for nothing. (commerce)
    RefundShop(String),
    /// A payment service gives money back that was taken for nothing. (payments)
    RefundPayment(String),
    /// Money that went back leaves the ERP's books, out of the payment it came from. (ERP)
    RecordRefund(String),
}

impl Step for Leg {
    fn name(&self) -> String {
        match self {
            Self::Identify => "customers.resolve".into(),
            Self::ResolveItems => "reference.resolve_items".into(),
            Self::AskCredit(Look::First) => "orders.ask_credit".into(),
            Self::AskCredit(Look::Again) => "orders.ask_credit_again".into(),
            Self::Source(round) => format!("orders.source/{round}"),
            Self::Reserve => "inventory.reserve".into(),
            Self::ReserveAt(round) => format!("inventory.reserve/{round}"),
            Self::ErpCustomer => "customers.ensure_erp".into(),
            Self::BookSalesOrder => "erp.create_sales_order".into(),
            Self::AskPayment(id) => format!("payments.adopt/{id}"),
            Self::AuthorizeAnew(id) => format!("payments.authorize_anew/{id}"),
            Self::Confirm => "inventory.confirm".into(),
            Self::Capture(id) => format!("payments.capture/{id}"),
            Self::CaptureNow(id) => format!("orders.capture_now/{id}"),
            Self::LetPaymentGo(id) => format!("payments.cancel_authorization/{id}"),
            Self::RecordPayment(id) => format!("erp.record_payment/{id}"),
            Self::Consume(id) => format!("inventory.consume/{id}"),
            Self::TellChannel(id) => format!("commerce.record_fulfilment/{id}"),
            Self::TellCancelled => "commerce.cancel_order".into(),
            Self::TellLinesCancelled(number) => format!("commerce.take_off_lines/{number}"),
            Self::TellEdit(number) => format!("commerce.edit_order/{number}"),
            Self::TellReady(times) => format!("commerce.ready_for_pickup/{times}"),
            Self::TellCrm(stamp) => format!("crm.order_context/{stamp}"),
            Self::CloseSalesOrder => "erp.cancel_sales_order".into(),
            Self::GiveBack => "inventory.release".into(),
            Self::Resource(number, round) => format!("orders.reroute/{number}/{round}"),
            Self::PromiseElsewhere(number, round) => format!("inventory.reserve_elsewhere/{number}/{round}"),
            Self::MoveSalesOrder(number) => format!("erp.change_sales_order/{number}"),
            Self::LetGo(number) => format!("inventory.release_former/{number}"),
            Self::Withdraw(number) => format!("inventory.withdraw/{number}"),
            Self::CloseLines(number) => format!("erp.close_lines/{number}"),
            Self::ReleaseLines(number) => format!("inventory.release_lines/{number}"),
            Self::ResolveAnew(anew) => format!("reference.resolve_items/e{anew}"),
            Self::SourceAnew(anew, round) => format!("orders.source/e{anew}/{round}"),
            Self::ReserveAnew(anew, round) => format!("inventory.reserve/e{anew}/{round}"),
            Self::AskEditCredit(number) => format!("orders.ask_edit_credit/{number}"),
            Self::PromiseEdit(number) => format!("inventory.reserve_edit/{number}"),
            Self::ConfirmEdit(number) => format!("inventory.confirm_edit/{number}"),
            Self::ChangeSalesOrder(number) => format!("erp.edit_sales_order/{number}"),
            Self::ReleaseEdited(number) => format!("inventory.release_edited/{number}"),
            Self::WithdrawEdit(number) => format!("inventory.withdraw_edit/{number}"),
            Self::ExpireHolds => "orders.expire_holds".into(),
            Self::LapsePickup => "orders.lapse_pickup".into(),
            Self::ReadRefunds => "commerce.get_order".into(),
            Self::RefundShop(id) => format!("commerce.refund_order/{id}"),
            Self::RefundPayment(id) => format!("payments.refund/{id}"),
            Self::RecordRefund(id) => format!("erp.record_refund/{id}"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Identify
            | Self::ResolveItems
            | Self::AskCredit(_)
            | Self::Source(_)
            | Self::Reserve
            | Self::ErpCustomer
            | Self::Confirm
            | Self::Consume(_)
            | Self::GiveBack
            | Self::LapsePickup
            | Self::ExpireHolds
            | Self::CaptureNow(_)
            | Self::Resource(..)
            | Self::LetGo(_)
            | Self::Withdraw(_)
            | Self::ReleaseLines(_)
            | Self::ResolveAnew(_)
            | Self::SourceAnew(..)
            | Self::AskEditCredit(_)
            | Self::PromiseEdit(_)
            | Self::ConfirmEdit(_)
            | Self::ReleaseEdited(_)
            | Self::WithdrawEdit(_)
            | Self::ReadRefunds => Class::Call,
            Self::BookSalesOrder
            // The decision is committed before it is acted on: after a crash the stock would suggest another one.
            | Self::ReserveAt(_)
            | Self::ReserveAnew(..)
            | Self::PromiseElsewhere(..)
            | Self::MoveSalesOrder(_)
            | Self::ChangeSalesOrder(_)
            | Self::CloseLines(_)
            | Self::RecordPayment(_)
            | Self::TellCrm(_)
            | Self::CloseSalesOrder
            // The contract looks for our reference first and sends our key with what it makes: a repeat finds the refund
            // by the key within the shop's window, and by the reference after it.
            | Self::RefundShop(_)
            // These look first whether it is done.
            | Self::TellCancelled
            | Self::TellLinesCancelled(_)
            | Self::TellEdit(_)
            | Self::TellReady(_)
            // So does the contract of payments, for everything it writes.
            | Self::AskPayment(_)
            | Self::AuthorizeAnew(_)
            | Self::Capture(_)
            | Self::LetPaymentGo(_)
            | Self::RefundPayment(_)
            | Self::RecordRefund(_) => Class::Keyed,
            Self::TellChannel(_) => Class::Queryable,
        }
    }

    fn policy(&self) -> Policy {
        let usual = if self.class() == Class::Call { Policy::MESH } else { Policy::VENDOR };
        match self {
            // Agents are told whenever their system is back; an order never waits for that.
            Self::TellCrm(_) => Policy { deadline: Duration::MAX, ..usual },
            // A refund may be under way at a bank for days, and nobody can hurry it.
            Self::RefundShop(_) | Self::RefundPayment(_) => {
                Policy { cap: Duration::from_secs(900), deadline: Duration::from_secs(5 * 24 * 3600), ..usual }
            }
            // They leave nothing behind at the vendor who answers.
            Self::ReadRefunds | Self::AskCredit(_) | Self::AskEditCredit(_) => Policy::VENDOR,
            Self::ReserveAt(_) | Self::ReserveAnew(..) | Self::PromiseElsewhere(..) => Policy::MESH,
            Self::Identify
            | Self::ResolveItems
            | Self::Source(_)
            | Self::Reserve
            | Self::ErpCustomer
            | Self::BookSalesOrder
            | Self::AskPayment(_)
            | Self::AuthorizeAnew(_)
            | Self::Confirm
            | Self::Capture(_)
            | Self::CaptureNow(_)
            | Self::LetPaymentGo(_)
            | Self::RecordPayment(_)
            | Self::Consume(_)
            | Self::TellChannel(_)
            | Self::TellCancelled
            | Self::TellLinesCancelled(_)
            | Self::TellEdit(_)
            | Self::TellReady(_)
            | Self::CloseSalesOrder
            | Self::GiveBack
            | Self::LapsePickup
            | Self::ExpireHolds
            | Self::Resource(..)
            | Self::MoveSalesOrder(_)
            | Self::LetGo(_)
            | Self::Withdraw(_)
            | Self::CloseLines(_)
            | Self::ReleaseLines(_)
            | Self::ResolveAnew(_)
            | Self::SourceAnew(..)
            | Self::PromiseEdit(_)
            | Self::ConfirmEdit(_)
            | Self::ChangeSalesOrder(_)
            | Self::ReleaseEdited(_)
            | Self::WithdrawEdit(_)
            | Self::RecordRefund(_) => usual,
        }
    }

    fn lane(&self) -> &'static str {
        match self {
            Self::TellCrm(_) => "crm",
            Self::Identify
            | Self::ResolveItems
            | Self::AskCredit(_)
            | Self::Source(_)
            | Self::Reserve
            | Self::ReserveAt(_)
            | Self::ErpCustomer
            | Self::BookSalesOrder
            | Self::AskPayment(_)
            | Self::AuthorizeAnew(_)
            | Self::Confirm
            | Self::Capture(_)
            | Self::CaptureNow(_)
            | Self::LetPaymentGo(_)
            | Self::RefundPayment(_)
            | Self::RecordPayment(_)
            | Self::Consume(_)
            | Self::TellChannel(_)
            | Self::TellCancelled
            | Self::TellLinesCancelled(_)
            | Self::TellEdit(_)
            | Self::TellReady(_)
            | Self::CloseSalesOrder
            | Self::GiveBack
            | Self::LapsePickup
            | Self::ExpireHolds
            | Self::Resource(..)
            | Self::PromiseElsewhere(..)
            | Self::MoveSalesOrder(_)
            | Self::LetGo(_)
            | Self::Withdraw(_)
            | Self::CloseLines(_)
            | Self::ReleaseLines(_)
            | Self::ResolveAnew(_)
            | Self::SourceAnew(..)
            | Self::ReserveAnew(..)
            | Self::AskEditCredit(_)
            | Self::PromiseEdit(_)
            | Self::ConfirmEdit(_)
            | Self::ChangeSalesOrder(_)
            | Self::ReleaseEdited(_)
            | Self::WithdrawEdit(_)
            | Self::ReadRefunds
            | Self::RefundShop(_)
            | Self::RecordRefund(_) => "",
        }
    }

    fn routine(&self) -> bool {
        matches!(self, Self::AskCredit(Look::Again))
    }

    fn commits_first(&self) -> bool {
        // It counts on the customer's account from then on: whose it is must not become another's.
        matches!(self, Self::AskCredit(_) | Self::AskEditCredit(_))
    }
}
