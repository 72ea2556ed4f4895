//! Everything about an affair in one call.

use retail_proto::cases::v1 as pb;
use retail_proto::cases::v1::SectionState;
use retail_proto::customers::v1 as people;
use retail_runtime::config::Span;
use retail_runtime::fault::Class;

use crate::crm::case;
use crate::harness::{Mesh, mesh, mesh_with};
use crate::say::{by, by_order, case_ids, completed, customer, order, order_ids, return_ids, returned, section};

/// A customer with two orders, a return of the older, and a case for it, all taken in.
async fn affair() -> Mesh {
    let mesh = mesh().await;
    mesh.customers.customer(&customer("c-1", "Ada@Lovelace.org")).await;
    mesh.orders.order(&completed(1)).await;
    mesh.orders.order(&order(2)).await;
    mesh.returns.return_record(&returned(7, 1)).await;
    let mut opened = case("500", "00001026");
    opened.order_ref = "o-1".into();
    opened.customer_ref = "c-1".into();
    mesh.crm.books.write(|desk| desk.put(opened));
    mesh.until(&by_order("o-1"), |context| {
        let all = (context.orders.len(), context.returns.len(), context.cases.len());
        all == (2, 1, 1) && context.customer.is_some()
    })
    .await;
    mesh
}

fn keys() -> Vec<pb::GetContextRequest> {
    vec![
        by(|key| key.case_id = "500".into()),
        by(|key| key.case_number = "00001026".into()),
        by(|key| key.order_id = "o-1".into()),
        by(|key| key.order_number = "1".into()),
        by(|key| key.return_id = "r-7".into()),
        by(|key| key.rma_number = "r-7".into()),
        by(|key| key.customer_id = "c-1".into()),
        by(|key| key.email = " ada@lovelace.ORG".into()),
        by(|key| key.phone = "+44 (0)20 7946 0958".into()),
    ]
}

#[tokio::test]
async fn every_key_leads_to_the_whole_affair() {
    let mesh = affair().await;
    for key in keys() {
        let context = mesh.until(&key, |context| context.cases.len() == 1 && context.orders.len() == 2).await;
        assert_eq!(context.customer.as_ref().unwrap().customer_id, "c-1", "{key:?}");
        assert_eq!(return_ids(&context), ["r-7"], "{key:?}");
        assert_eq!(case_ids(&context), ["500"], "{key:?}");
        assert_eq!(context.availability.len(), 1, "{key:?}: only what an open order waits for");
    }
}

#[tokio::test]
async fn the_one_asked_for_comes_first_then_the_newest() {
    let mesh = affair().await;
    assert_eq!(order_ids(&mesh.context(&by_order("o-1")).await.unwrap()), ["o-1", "o-2"]);
    let all = mesh.context(&by(|key| key.customer_id = "c-1".into())).await.unwrap();
    assert_eq!(order_ids(&all), ["o-2", "o-1"]);
}

#[tokio::test]
async fn sections_say_their_source_and_promises_what_is_open() {
    let mesh = affair().await;
    let context = mesh
        .until(&by_order("o-2"), |context| {
            ["customer", "orders", "returns", "cases"]
                .iter()
                .all(|name| section(context, name).0 == SectionState::Fresh)
        })
        .await;
    let sources: Vec<_> = context.sections.iter().map(|one| (one.name.as_str(), one.source.as_str())).collect();
    assert_eq!(
        sources,
        [
            ("customer", "customers"),
            ("orders", "orders"),
            ("returns", "returns"),
            ("cases", "crm/crm"),
            ("availability", "inventory"),
            ("promises", "weft"),
        ]
    );
    assert!(context.sections.iter().all(|section| section.as_of.is_some()));
    let promises: Vec<_> = context.promises.iter().map(|promise| promise.kind.as_str()).collect();
    assert_eq!(promises, ["SHIPMENT", "RETURN_RECEIPT"]);
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_not_found() {
    let mesh = mesh().await;
    let reasons = [
        (by(|key| key.case_id = "501".into()), "NO_SUCH_CASE"),
        (by(|key| key.order_number = "#77".into()), "NO_SUCH_ORDER"),
        (by(|key| key.rma_number = "R-77".into()), "NO_SUCH_RETURN"),
        (by(|key| key.email = "nobody@lovelace.org".into()), "NO_SUCH_CUSTOMER"),
    ];
    for (key, reason) in reasons {
        let refusal = mesh.context(&key).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, reason));
        assert!(!refusal.message().contains("nobody@"), "no personal data in errors");
    }
}

#[tokio::test]
async fn an_order_that_the_feed_has_not_brought_yet_is_asked_of_its_owner() {
    let mesh = mesh().await;
    mesh.orders.books.write(|known| known.orders.insert("o-9".into(), order(9)));
    let context = mesh.context(&by(|key| key.order_number = "9".into())).await.unwrap();
    assert_eq!(order_ids(&context), ["o-9"]);
    assert_eq!(section(&context, "orders").0, SectionState::Fresh);
}

#[tokio::test]
async fn an_order_that_weft_never_saw_is_adopted_only_from_channels_that_are_configured_for_it() {
    let plain = mesh().await;
    plain.orders.books.write(|known| known.adoptable.push(order(9)));
    let key = by(|key| key.order_number = "#9".into());
    assert_eq!(plain.context(&key).await.unwrap_err().reason(), "NO_SUCH_ORDER");
    let adopting = mesh_with(|config| config.channels.get_mut("shop").unwrap().adopt = true).await;
    adopting.orders.books.write(|known| known.adoptable.push(order(9)));
    assert_eq!(order_ids(&adopting.context(&key).await.unwrap()), ["o-9"]);
}

#[tokio::test]
async fn a_case_that_the_poll_has_not_brought_yet_is_asked_of_its_crm() {
    let mesh = mesh_with(|config| {
        config.crms.get_mut("crm").unwrap().poll = Span::from_secs(3_600);
    })
    .await;
    mesh.crm.books.until(|desk| desk.polls > 0).await;
    mesh.crm.books.write(|desk| desk.put(case("500", "00001026")));
    let context = mesh.context(&by(|key| key.case_number = "00001026".into())).await.unwrap();
    assert_eq!(case_ids(&context), ["500"]);
}

#[tokio::test]
async fn a_crm_that_is_away_makes_its_section_stale_and_never_the_call_fail() {
    let mesh = mesh_with(|config| config.stale_after = Span::from_millis(200)).await;
    mesh.orders.order(&order(1)).await;
    let mut opened = case("500", "00001026");
    opened.order_ref = "o-1".into();
    mesh.crm.books.write(|desk| desk.put(opened));
    mesh.until(&by_order("o-1"), |context| section(context, "cases").0 == SectionState::Fresh).await;
    mesh.crm.books.write(|desk| desk.away = true);
    let context = mesh.until(&by_order("o-1"), |context| section(context, "cases").0 == SectionState::Stale).await;
    assert_eq!(section(&context, "cases").1, "POLL_FAILING");
    assert_eq!(case_ids(&context), ["500"], "what was known is shown");
    let unknown = mesh.context(&by(|key| key.case_id = "501".into())).await.unwrap();
    assert_eq!(section(&unknown, "cases"), (SectionState::Unavailable, "VENDOR_UNREACHABLE".into()));
}

#[tokio::test]
async fn an_owner_that_is_away_makes_its_section_stale_until_it_is_back() {
    let mesh = mesh_with(|config| config.stale_after = Span::from_millis(200)).await;
    mesh.orders.order(&order(1)).await;
    mesh.until(&by_order("o-1"), |context| section(context, "orders").0 == SectionState::Fresh).await;
    mesh.orders.leave().await;
    let context = mesh.until(&by_order("o-1"), |context| section(context, "orders").0 == SectionState::Stale).await;
    assert_eq!(section(&context, "orders").1, "FEED_DISCONNECTED");
    assert_eq!(order_ids(&context), ["o-1"]);
    assert_eq!(section(&context, "promises").0, SectionState::Stale, "what is made of it is no better");
    let unknown = mesh.context(&by_order("o-2")).await.unwrap();
    assert_eq!(section(&unknown, "orders").0, SectionState::Unavailable);
    let back = mesh.orders.back().await;
    back.order(&order(2)).await;
    let context = mesh.until(&by_order("o-2"), |context| section(context, "orders").0 == SectionState::Fresh).await;
    assert_eq!(order_ids(&context), ["o-2", "o-1"]);
}

#[tokio::test]
async fn stock_that_does_not_come_in_time_is_left_out_with_its_cause() {
    let mesh = affair().await;
    *mesh.inventory.hangs.open() = true;
    let context = mesh.context(&by_order("o-2")).await.unwrap();
    assert_eq!(section(&context, "availability"), (SectionState::Unavailable, "NO_ANSWER".into()));
    assert_eq!(context.orders.len(), 2);
}

#[tokio::test]
async fn more_than_can_be_shown_is_said() {
    let mesh = mesh().await;
    for number in 1..=53 {
        mesh.orders.order(&order(number)).await;
    }
    let key = by(|key| key.customer_id = "c-1".into());
    let context = mesh.until(&key, |context| order_ids(context).first() == Some(&"o-53")).await;
    assert_eq!(context.orders.len(), 50);
    assert!(context.sections.iter().any(|section| section.name == "orders" && section.truncated));
}

#[tokio::test]
async fn customers_without_a_name_do_not_see_each_other() {
    let mesh = mesh().await;
    let nobody = people::Customer { kind: i32::from(people::CustomerKind::Anonymous), ..customer("c-1", "") };
    mesh.customers.customer(&nobody).await;
    mesh.orders.order(&order(1)).await;
    mesh.orders.order(&order(2)).await;
    for id in ["o-1", "o-2"] {
        let context = mesh.until(&by_order(id), |context| context.customer.is_some()).await;
        assert_eq!(order_ids(&context), [id]);
    }
}
