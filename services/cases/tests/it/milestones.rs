//! What an agent's case is told.

use retail_proto::returns::v1 as returns;
use retail_proto::types::v1::Ref;

use crate::crm::case;
use crate::harness::{Mesh, mesh};
use crate::say::{by_order, completed, order, order_ids, returned, settled};

const ORDER: [&str; 4] = ["ORDER_PLACED", "ORDER_BOOKED", "ORDER_SHIPPED", "ORDER_INVOICED"];

async fn with_case(id: &str) -> Mesh {
    let mesh = mesh().await;
    mesh.crm.books.write(|desk| desk.put(case(id, "00001026")));
    mesh.until_case(id, |_| true).await;
    mesh
}

fn has(kinds: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|kind| kinds.iter().any(|known| known == kind))
}

#[tokio::test]
async fn a_case_that_is_linked_late_is_told_all_that_happened_before() {
    let mesh = with_case("500").await;
    mesh.orders.order(&order(1)).await;
    mesh.orders.order(&completed(1)).await;
    mesh.until(&by_order("o-1"), |context| context.orders[0].version == 2).await;
    assert!(mesh.crm.books.open().milestones.is_empty(), "nobody has linked it");
    mesh.link("500", "o-1", "").await.unwrap();
    mesh.crm.books.until(|desk| desk.kinds("500").len() == 4).await;
    assert_eq!(mesh.crm.books.open().kinds("500"), ORDER);
    let told = mesh.until_case("500", |case| case.milestones.iter().all(|one| one.record.is_some())).await;
    assert_eq!(told.milestones.len(), 4);
}

#[tokio::test]
async fn a_return_that_names_its_case_brings_its_order_along() {
    let mesh = with_case("500").await;
    mesh.orders.order(&completed(1)).await;
    let case_record = Some(Ref { kind: "crm".into(), instance: "crm".into(), id: "500".into(), ..Ref::default() });
    mesh.returns.return_record(&returns::Return { case_record: case_record.clone(), ..returned(7, 1) }).await;
    mesh.crm.books.until(|desk| has(&desk.kinds("500"), &["RETURN_AUTHORIZED", "ORDER_INVOICED"])).await;
    mesh.returns.return_record(&returns::Return { case_record, ..settled(7, 1) }).await;
    let whole = ["RETURN_RECEIVED", "RETURN_CREDITED", "RETURN_REFUNDED", "RETURN_COMPLETED"];
    mesh.crm.books.until(|desk| has(&desk.kinds("500"), &whole)).await;
    let case = mesh.case("500").await.unwrap();
    assert_eq!((case.order_ids, case.return_ids), (vec!["o-1".to_owned()], vec!["r-7".to_owned()]));
}

#[tokio::test]
async fn a_case_that_points_to_its_order_in_the_crm_is_told_of_it() {
    let mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    let mut opened = case("500", "00001026");
    opened.order_ref = "o-1".into();
    mesh.crm.books.write(|desk| desk.put(opened));
    mesh.crm.books.until(|desk| desk.kinds("500") == ["ORDER_PLACED", "ORDER_BOOKED"]).await;
    mesh.orders.order(&completed(1)).await;
    mesh.crm.books.until(|desk| desk.kinds("500") == ORDER).await;
}

#[tokio::test]
async fn each_milestone_is_written_once_whatever_is_lost_on_the_way() {
    let mut mesh = with_case("500").await;
    mesh.orders.order(&completed(1)).await;
    mesh.crm.books.write(|desk| desk.lose_answers = 2);
    mesh.link("500", "o-1", "").await.unwrap();
    mesh.crm.books.until(|desk| !desk.requests.is_empty()).await;
    mesh.restart().await;
    mesh.until_case("500", |case| {
        !case.milestones.is_empty() && case.milestones.iter().all(|one| one.record.is_some())
    })
    .await;
    let requests = {
        let desk = mesh.crm.books.open();
        assert_eq!(desk.kinds("500"), ORDER, "one record each");
        desk.requests.len()
    };
    mesh.returns.return_record(&returned(7, 1)).await;
    mesh.link("500", "", "r-7").await.unwrap();
    mesh.crm.books.until(|desk| has(&desk.kinds("500"), &["RETURN_AUTHORIZED"])).await;
    let desk = mesh.crm.books.open();
    let later: Vec<&String> = desk.requests[requests..].iter().flatten().collect();
    let is_of_order = |id: &&&String| desk.milestones[**id].1.kind.starts_with("ORDER");
    assert_eq!(later.iter().filter(is_of_order).count(), 0, "what is confirmed is not sent again");
}

#[tokio::test]
async fn a_crm_that_is_away_is_told_when_it_is_back() {
    let mesh = with_case("500").await;
    mesh.crm.books.write(|desk| desk.away = true);
    mesh.orders.order(&completed(1)).await;
    mesh.until(&by_order("o-1"), |context| order_ids(context) == ["o-1"]).await;
    mesh.link("500", "o-1", "").await.unwrap();
    mesh.until_case("500", |case| case.milestones.len() == 4).await;
    assert!(mesh.parked().await.is_empty(), "being away parks nothing");
    mesh.crm.books.write(|desk| desk.away = false);
    mesh.crm.books.until(|desk| desk.kinds("500") == ORDER).await;
}

#[tokio::test]
async fn a_case_that_is_gone_parks_itself_alone_and_is_told_when_the_crm_has_it_again() {
    let mesh = with_case("500").await;
    mesh.crm.books.write(|desk| {
        desk.put(case("501", "00001027"));
        desk.gone.insert("500".into());
    });
    mesh.until_case("501", |_| true).await;
    mesh.orders.order(&completed(1)).await;
    mesh.until(&by_order("o-1"), |context| order_ids(context) == ["o-1"]).await;
    mesh.link("500", "o-1", "").await.unwrap();
    mesh.link("501", "o-1", "").await.unwrap();
    mesh.crm.books.until(|desk| desk.kinds("501") == ORDER).await;
    let gone = mesh.until_case("500", |case| case.parked).await;
    assert!(gone.cause.starts_with("NO_SUCH_CASE"), "{}", gone.cause);
    assert_eq!(mesh.parked().await.len(), 1);
    mesh.crm.books.write(|desk| {
        desk.gone.clear();
        let mut again = case("500", "00001026");
        again.status = "Reopened".into();
        desk.put(again);
    });
    mesh.crm.books.until(|desk| desk.kinds("500") == ORDER).await;
    mesh.until_case("500", |case| !case.parked && case.cause.is_empty()).await;
}

#[tokio::test]
async fn agents_see_every_return_and_are_told_only_what_they_would_see() {
    let mesh = mesh().await;
    mesh.returns.return_record(&returned(7, 1)).await;
    mesh.crm.books.until(|desk| desk.returns.contains_key("r-7")).await;
    // The same again under a new version, then something new.
    mesh.returns.return_record(&returned(7, 1)).await;
    mesh.returns.return_record(&settled(7, 1)).await;
    mesh.crm.books.until(|desk| desk.returns["r-7"].status == "Completed").await;
    let desk = mesh.crm.books.open();
    let seen = &desk.returns["r-7"];
    assert_eq!((seen.rma_number.as_str(), seen.credit_memo_numbers.clone()), ("R-7", vec!["N-cm1".to_owned()]));
    assert_eq!(desk.upserts, 2);
}
