//! Sales on account, against the customer's credit in the ERP.

use retail_orders::{CreditRules, OnExpiry, OnSilence, Screening};
use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1::{CreditVerdict, Order, OrderState, PlaceOrderRequest, ResumeOrderRequest};
use retail_runtime::config::Span;
use retail_runtime::{Clock, Net};
use tonic::Status;

use crate::erp::{Ledgers, Mood, away};
use crate::harness::{Mesh, gbp, mesh_with, request};

/// What an order of the harness comes to.
pub(crate) const ONE: i64 = 3564;

/// Who decides what the customer may owe.
#[derive(Default)]
pub(crate) struct CreditDesk {
    limit: Option<i64>,
    pub(crate) paid: i64,
    hold: erp::CreditHold,
    pub(crate) away: bool,
    /// The ERP's connector knows nothing of credit.
    pub(crate) unable: bool,
    pub(crate) asked: usize,
}

/// What a line costs, as it was ordered or changed since.
fn amount(line: &erp::SalesOrderLineInput) -> i64 {
    line.amount.as_ref().unwrap().minor_units
}

impl Ledgers {
    /// The numbers follow from the books: what was booked less what was paid.
    pub(crate) fn customer_credit(
        &mut self,
        request: &erp::GetCustomerCreditRequest,
    ) -> Result<erp::GetCustomerCreditResponse, Status> {
        self.credit.asked += 1;
        if self.credit.unable {
            return Err(Status::unimplemented("not here"));
        }
        if self.credit.away {
            return Err(away());
        }
        let open = self.orders.iter().filter(|(_, order)| order.state() != erp::SalesOrderState::Closed);
        let booked: i64 = open.flat_map(|(id, _)| &self.inputs[id].lines).map(amount).sum();
        let unsaid = self.credit.hold == erp::CreditHold::Unspecified;
        let hold = if unsaid { erp::CreditHold::Auto } else { self.credit.hold };
        let credit = erp::CustomerCredit {
            external_ref: request.customer_ref.clone(),
            limit: self.credit.limit.map(gbp),
            balance: Some(gbp(-self.credit.paid)),
            deposits: Some(gbp(0)),
            unbilled_orders: Some(gbp(booked)),
            hold: i32::from(hold),
            as_of: None,
            sales_order_refs: request
                .sales_order_refs
                .iter()
                .filter(|id| self.orders.contains_key(*id))
                .cloned()
                .collect(),
        };
        Ok(erp::GetCustomerCreditResponse { credit: Some(credit) })
    }
}

pub(crate) async fn mesh(limit: i64, unknown: OnSilence) -> Mesh {
    mesh_expiring(limit, unknown, Screening::default()).await
}

async fn mesh_expiring(limit: i64, unknown: OnSilence, screening: Screening) -> Mesh {
    let rules = CreditRules {
        unknown,
        ask_again: Span::from_millis(50),
        ask_at_most: Span::from_millis(200),
        ..CreditRules::default()
    };
    let mesh = mesh_with(Clock::system(), Net::tcp(), |config| {
        for channel in config.channels.values_mut() {
            (channel.credit, channel.screening) = (Some(rules.clone()), screening.clone());
        }
    });
    let mesh = mesh.await;
    mesh.erp.books().credit.limit = Some(limit);
    mesh
}

pub(crate) fn on_account(number: u32) -> PlaceOrderRequest {
    PlaceOrderRequest { payments: Vec::new(), ..request(number) }
}

pub(crate) fn verdict(order: &Order) -> CreditVerdict {
    order.credit_checks.last().map_or(CreditVerdict::Unspecified, |check| check.verdict())
}

pub(crate) async fn held(mesh: &Mesh, number: u32) -> String {
    let id = mesh.place(on_account(number)).await;
    let order = mesh.until_state(&id, OrderState::Held).await;
    assert_eq!((order.holds[0].reason.as_str(), verdict(&order)), ("CREDIT", CreditVerdict::OverLimit));
    id
}

#[tokio::test]
async fn an_order_over_the_limit_waits_until_the_customer_has_paid_and_says_why_with_numbers() {
    let mesh = mesh(ONE + 1000, OnSilence::Wait).await;
    let first = mesh.place(on_account(1001)).await;
    let booked = mesh.until_state(&first, OrderState::Booked).await;
    assert_eq!(verdict(&booked), CreditVerdict::Within);
    let second = held(&mesh, 1002).await;
    let order = mesh.get(&second).await;
    assert_eq!(
        order.holds[0].detail,
        "limit 45.64 GBP, balance 0.00 GBP, unbilled 35.64 GBP, this order 35.64 GBP: 25.64 GBP over the limit; it goes on by itself once there is room, or release or cancel it"
    );
    let check = &order.credit_checks[0];
    assert_eq!((check.limit.clone(), check.unbilled_orders.clone()), (Some(gbp(ONE + 1000)), Some(gbp(ONE))));
    mesh.erp.books().credit.paid = ONE;
    let order = mesh.until_state(&second, OrderState::Booked).await;
    assert_eq!((verdict(&order), order.holds.len()), (CreditVerdict::Within, 0));
}

#[tokio::test]
async fn of_many_orders_at_once_as_many_go_on_as_there_is_room_for() {
    let mesh = mesh(3 * ONE + 1000, OnSilence::Wait).await;
    let placed: Vec<String> =
        futures::future::join_all((1001..1009).map(|number| mesh.place(on_account(number)))).await;
    let mut held = 0;
    for id in &placed {
        let order = mesh.until(id, |order| matches!(order.state(), OrderState::Booked | OrderState::Held)).await;
        held += usize::from(order.last().unwrap().state() == OrderState::Held);
    }
    assert_eq!((held, mesh.erp.books().orders.len()), (5, 3));
}

#[tokio::test]
async fn an_order_whose_booking_is_not_heard_of_counts_once() {
    let mesh = mesh(2 * ONE, OnSilence::Wait).await;
    mesh.erp.books().moods.push_back(Mood::BooksAndFallsSilent);
    let first = mesh.place(on_account(1001)).await;
    mesh.erp.books.until(|books| !books.orders.is_empty()).await;
    let second = mesh.place(on_account(1002)).await;
    let order = mesh.until_state(&second, OrderState::Booked).await;
    assert_eq!(verdict(&order), CreditVerdict::Within, "{:?}", order.credit_checks);
    mesh.until_state(&first, OrderState::Booked).await;
    held(&mesh, 1003).await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_makes_room_for_the_next() {
    let mesh = mesh(ONE, OnSilence::Wait).await;
    mesh.erp.books().closed_for_the_night = true;
    let first = mesh.place(on_account(1001)).await;
    mesh.until_state(&first, OrderState::Reserved).await;
    let second = held(&mesh, 1002).await;
    mesh.erp.books().closed_for_the_night = false;
    mesh.until_state(&first, OrderState::Booked).await;
    mesh.cancel(&first).await.unwrap();
    mesh.until_state(&second, OrderState::Booked).await;
}

#[tokio::test]
async fn what_is_paid_is_not_asked_for() {
    let mesh = mesh(0, OnSilence::Wait).await;
    let order = mesh.booked(1001).await;
    assert!(mesh.get(&order).await.credit_checks.is_empty());
    assert_eq!(mesh.erp.books().credit.asked, 0);
}

#[tokio::test]
async fn a_person_lets_it_pass_and_it_counts_for_the_next() {
    let mesh = mesh(ONE - 1, OnSilence::Wait).await;
    let id = held(&mesh, 1001).await;
    mesh.release(&id, "CREDIT").await.unwrap();
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(verdict(&order), CreditVerdict::Released);
    held(&mesh, 1002).await;
}

#[tokio::test]
async fn people_at_the_erp_stop_a_customer_and_let_it_go_on() {
    let mesh = mesh(10 * ONE, OnSilence::Wait).await;
    mesh.erp.books().credit.hold = erp::CreditHold::On;
    let id = mesh.place(on_account(1001)).await;
    let order = mesh.until_state(&id, OrderState::Held).await;
    assert_eq!(verdict(&order), CreditVerdict::Stopped);
    mesh.erp.books().credit.hold = erp::CreditHold::Off;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(verdict(&order), CreditVerdict::Waived);
}

#[tokio::test]
async fn an_erp_that_cannot_say_is_waited_for() {
    let mesh = mesh(ONE, OnSilence::Wait).await;
    mesh.erp.books().credit.away = true;
    let id = mesh.place(on_account(1001)).await;
    mesh.erp.books.until(|books| books.credit.asked > 3).await;
    let order = mesh.get(&id).await;
    assert_eq!((order.state(), order.credit_checks.len()), (OrderState::Received, 0));
    mesh.erp.books().credit.away = false;
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn where_the_channel_says_so_an_order_goes_on_without_an_answer_and_counts() {
    let mesh = mesh(ONE, OnSilence::GoOn).await;
    mesh.erp.books.write(|books| (books.credit.away, books.closed_for_the_night) = (true, true));
    let id = mesh.place(on_account(1001)).await;
    let order = mesh.until_state(&id, OrderState::Reserved).await;
    assert_eq!(verdict(&order), CreditVerdict::NotSaid);
    mesh.erp.books().credit.away = false;
    held(&mesh, 1002).await;
}

#[tokio::test]
async fn an_order_that_is_held_stays_so_while_the_erp_cannot_say() {
    let mesh = mesh(ONE - 1, OnSilence::GoOn).await;
    let id = held(&mesh, 1001).await;
    mesh.erp.books().credit.away = true;
    let order = mesh.until(&id, |order| verdict(order) == CreditVerdict::StillUnknown).await.pop().unwrap();
    assert_eq!(order.state(), OrderState::Held);
    mesh.erp.books.write(|books| (books.credit.away, books.credit.limit) = (false, Some(ONE)));
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn an_erp_that_knows_nothing_of_credit_is_told_to_a_person() {
    let mesh = mesh(ONE, OnSilence::Wait).await;
    mesh.erp.books().credit.unable = true;
    let id = mesh.place(on_account(1001)).await;
    let order = mesh.until(&id, |order| order.parked).await.pop().unwrap();
    assert!(order.cause.starts_with("CREDIT_NOT_SUPPORTED: the connector of erp"), "{}", order.cause);
    mesh.erp.books().credit.unable = false;
    let resume = ResumeOrderRequest { idempotency_key: "r-1".into(), order_id: id.clone(), note: "mended".into() };
    mesh.orders().resume_order(resume).await.unwrap();
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn a_credit_hold_that_nobody_decides_ends_as_others_do() {
    let screening =
        |on_expiry| Screening { expires_after: Some(Span::from_millis(400)), on_expiry, ..Screening::default() };
    let mesh = mesh_expiring(ONE - 1, OnSilence::Wait, screening(OnExpiry::Cancel)).await;
    let id = held(&mesh, 1001).await;
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "held for CREDIT and not released in time");
    let mesh = mesh_expiring(ONE - 1, OnSilence::Wait, screening(OnExpiry::Release)).await;
    let id = held(&mesh, 1001).await;
    mesh.until_state(&id, OrderState::Booked).await;
}
