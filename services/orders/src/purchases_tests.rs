//! Facts about purchases.

use std::convert::Infallible;
use std::sync::Arc;

use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_store::{Draft, Model, Store};

use super::*;
use crate::calls::Calls;
use crate::config::Config;
use crate::policies::Policies;
use crate::policy::Sourcing;
use crate::seal::Seal;
use crate::testing::order;

fn skus(skus: &[&str]) -> BTreeSet<String> {
    skus.iter().map(|sku| (*sku).to_owned()).collect()
}

fn lines(order: &Order, asked: &[&str]) -> Vec<i32> {
    bought(order, &skus(asked)).into_iter().map(|purchase| purchase.line_number).collect()
}

#[test]
fn goods_and_charges_are_found_in_the_order_of_the_lines() {
    let mut order = order().shipped();
    order.lines[1].set_kind(crate::record::LineKind::Charge);
    assert_eq!(lines(&order, &["SKU-2", "SKU-1", "SKU-9"]), [1, 2]);
    assert_eq!(lines(&order, &["SKU-2"]), [2]);
}

#[test]
fn what_was_cancelled_was_not_bought() {
    let mut cancelled = order().booked();
    cancelled.cancel("no longer wanted", false).unwrap();
    assert!(lines(&cancelled, &["SKU-1"]).is_empty());
    let mut partly = order().shipped();
    partly.lines[0].closed = true;
    partly.lines[0].shipped = 0;
    partly.lines[1].closed = true;
    partly.lines[1].shipped = 1_000_000;
    assert_eq!(lines(&partly, &["SKU-1", "SKU-2"]), [2], "a line that shipped in part was bought");
}

/// Orders of a customer, one a second, numbered from 1.
async fn with_orders(customer: &str, count: i64) -> Orders {
    let runtime = Runtime::new("purchases-test", Clock::system(), Rng::seeded(3), Net::tcp());
    let store = Store::over(&runtime, Arc::new(Model::new()), "orders", "eu");
    let config = Config {
        inventory: "http://127.0.0.1:1".into(),
        customers: "http://127.0.0.1:1".into(),
        channels: BTreeMap::new(),
        erps: BTreeMap::new(),
        crms: BTreeMap::new(),
        payments: BTreeMap::new(),
        groups: vec![],
        reservation: retail_runtime::config::Span::from_secs(1),
        pickup: retail_runtime::config::Span::from_secs(1),
        sourcing_file: None,
        sourcing: crate::Sourcing::default(),
    };
    let orders = Orders::new(
        &store,
        runtime.clock(),
        Calls::new(&config, &runtime, &store, Policies::fixed(Sourcing::default())).unwrap(),
    );
    let placing = (1..=count).map(|number| {
        let (store, now) = (store.clone(), runtime.clock().now());
        let placed = Order {
            id: format!("o-{number}"),
            number: format!("#{number}"),
            placed_at: number * 1000,
            customer_id: customer.to_owned(),
            ..order().shipped()
        };
        let rule = move |draft: &mut Draft<Order>| {
            let before = draft.doc.clone();
            draft.doc = placed.clone();
            Seal.seal(draft, &before, now);
            Ok::<_, Infallible>(())
        };
        async move { store.step::<Order, _, _>(&format!("o-{number}"), None, rule).await.map(|_| ()) }
    });
    stream::iter(placing).buffer_unordered(64).try_collect::<()>().await.unwrap();
    orders
}

fn ask(customers: &[&str], until_second: Option<i64>) -> pb::FindPurchasesRequest {
    pb::FindPurchasesRequest {
        customer_ids: customers.iter().map(|id| (*id).to_owned()).collect(),
        skus: vec!["SKU-2".into()],
        placed_until: until_second.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
    }
}

#[tokio::test]
async fn all_pages_are_read_newest_first_and_nobody_is_looked_through_without_end() {
    let orders = with_orders("c-1", 2001).await;
    let all = orders.find_purchases(&ask(&["c-1", "c-0"], Some(1234))).await.unwrap();
    let expected: Vec<String> = (1..=1234).rev().map(|number| format!("#{number}")).collect();
    assert_eq!(all.into_iter().map(|purchase| purchase.order_number).collect::<Vec<_>>(), expected);
    assert_eq!(orders.find_purchases(&ask(&["c-1"], Some(2000))).await.unwrap().len(), 2000);
    let too_many = orders.find_purchases(&ask(&["c-1"], None)).await.unwrap_err();
    insta::assert_snapshot!(too_many, @"customer c-1 has more than 2000 orders that may hold it; ask for the order by its number");
}
