//! Lines that wait: for a person, or for their order.

use retail_proto::returns::v1::{
    CheckEligibilityRequest, ResolveExceptionRequest, ReturnCapture, ReturnLineInput, ReturnState, StartReturnRequest,
};
use retail_runtime::config::Span;
use retail_runtime::fault::Class;

use crate::books::gbp;
use crate::harness::{mesh, mesh_with, request};
use crate::orders::{START, on_its_way, order};

/// Asked for half a year after the goods left.
fn late(number: u32) -> StartReturnRequest {
    let requested_at = Some(prost_types::Timestamp { seconds: START + 180 * 86_400, nanos: 0 });
    StartReturnRequest { requested_at, ..request(number, &[(1, 1)]) }
}

fn of(order_id: &str, request: StartReturnRequest) -> StartReturnRequest {
    let mut request = request;
    request.lines.iter_mut().for_each(|line| line.order_id = order_id.into());
    request
}

#[tokio::test]
async fn a_wish_that_comes_too_late_is_held_until_a_person_overrides_the_policy() {
    let mesh = mesh().await;
    let id = mesh.start(late(1)).await;
    let held = mesh.until_state(&id, ReturnState::Held).await;
    assert_eq!((held.lines[0].cause.as_str(), held.open_exceptions), ("WITHIN_WINDOW", 1));
    assert!(held.lines[0].cause_detail.contains("30 days"), "{}", held.lines[0].cause_detail);
    let over = ResolveExceptionRequest { override_policy: true, ..Default::default() };
    mesh.resolve(&id, 1, over).await.unwrap();
    let record = mesh.until_state(&id, ReturnState::Authorized).await;
    assert!(record.lines[0].rules.iter().any(|rule| rule.inputs.contains_key("overridden")));
}

#[tokio::test]
async fn a_fact_is_not_asked_about_the_window() {
    let mesh = mesh().await;
    let id = mesh.start(StartReturnRequest { capture: i32::from(ReturnCapture::Fact), ..late(1) }).await;
    mesh.until_state(&id, ReturnState::Authorized).await;
}

#[tokio::test]
async fn only_a_policy_can_be_overridden() {
    let mesh = mesh().await;
    let id = mesh.start(request(1, &[(1, 7)])).await;
    let record = mesh.until_state(&id, ReturnState::Authorized).await;
    assert_eq!(record.lines[1].cause, "QUANTITY_LEFT");
    let over = ResolveExceptionRequest { override_policy: true, ..Default::default() };
    let refusal = mesh.resolve(&id, 2, over).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "NOT_A_POLICY_RULE"));
    let refusal = mesh.dismiss(&id, 1).await.unwrap_err();
    assert_eq!(refusal.reason(), "NO_SUCH_EXCEPTION");
}

#[tokio::test]
async fn an_order_that_nobody_knows_is_a_cause_of_its_own() {
    let mesh = mesh().await;
    let id = mesh.start(of("o-9999", request(1, &[(1, 1)]))).await;
    let held = mesh.until_state(&id, ReturnState::Held).await;
    assert_eq!(held.lines[0].cause, "NO_SUCH_ORDER");
}

#[tokio::test]
async fn a_return_of_an_order_that_is_on_its_way_waits_for_it() {
    let mesh = mesh().await;
    mesh.sell(on_its_way(1002));
    let id = mesh.start(of("o-1002", request(1, &[(1, 2)]))).await;
    let waiting = mesh.until(&id, |record| record.next == "The order is shipped and invoiced").await;
    assert_eq!(waiting.state(), ReturnState::Requested);
    mesh.sell(order(1002));
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await;
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn a_line_that_waits_for_its_order_holds_up_no_other() {
    let mesh = mesh().await;
    mesh.sell(on_its_way(1002));
    let mut both = request(1, &[(1, 2), (1, 1)]);
    both.lines[1].order_id = "o-1002".into();
    let id = mesh.start(both).await;
    let record = mesh.until(&id, |record| record.parts.len() == 1).await;
    assert_eq!(record.parts[0].order_id, "o-1001");
    mesh.receive_all(&id).await;
    mesh.until(&id, |record| record.refunded == [gbp(510)]).await;
    mesh.sell(order(1002));
    mesh.until(&id, |record| record.parts.len() == 2).await;
    mesh.receive(&id, "dock-later", &[]).await.unwrap();
    mesh.completed(&id).await;
}

#[tokio::test]
async fn patience_ends_with_a_person() {
    let mesh = mesh_with(|config| config.patience = Span::from_millis(1)).await;
    mesh.sell(on_its_way(1002));
    let id = mesh.start(of("o-1002", request(1, &[(1, 2)]))).await;
    let held = mesh.until_state(&id, ReturnState::Held).await;
    assert_eq!(held.lines[0].cause, "SHIPPED");
}

#[tokio::test]
async fn what_may_come_back_is_said_without_starting_anything() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 4)]).await.return_id;
    let requested_at = request(1, &[]).requested_at;
    let whole = CheckEligibilityRequest {
        channel: "shop".into(),
        order_id: "o-1001".into(),
        requested_at,
        ..Default::default()
    };
    let lines = mesh.returns().check_eligibility(whole).await.unwrap().into_inner().lines;
    let told: Vec<_> = lines.iter().map(|line| (line.index, line.eligible, line.quantity.as_str())).collect();
    assert_eq!(told, [(1, false, "2"), (2, true, "6")]);
    assert_eq!((lines[0].cause.as_str(), lines[0].amount.clone()), ("QUANTITY_LEFT", Some(gbp(510))));
    assert_eq!(lines[1].rules.len(), 8);
    let asked = |sku: &str| ReturnLineInput { sku: sku.into(), quantity: "1".into(), ..Default::default() };
    let of_two = |sku: &str| ReturnLineInput { quantity: "2".into(), ..asked(sku) };
    let by_item = CheckEligibilityRequest {
        channel: "shop".into(),
        customer_id: "c-1".into(),
        requested_at,
        lines: vec![asked("71053"), asked("NONE")],
        ..Default::default()
    };
    let lines = mesh.returns().check_eligibility(by_item.clone()).await.unwrap().into_inner().lines;
    assert_eq!((lines[0].eligible, lines[0].order_id.as_str()), (true, "o-1001"));
    assert_eq!((lines[1].eligible, lines[1].cause.as_str()), (false, "NO_EARLIER_PURCHASE"));
    let twice = CheckEligibilityRequest { lines: vec![asked("85123A"), of_two("85123A"), asked("85123A")], ..by_item };
    let lines = mesh.returns().check_eligibility(twice).await.unwrap().into_inner().lines;
    let may: Vec<_> = lines.iter().map(|line| (line.index, line.quantity.as_str())).collect();
    assert_eq!(may, [(0, "1"), (1, "1"), (1, "0"), (2, "0")], "two are left, and no line takes what another has");
    assert_eq!(mesh.get(&id).await.lines.len(), 1);
    assert_eq!(mesh.erp.books().returns.len(), 1);
}
