//! Customers that are one person, and then are not.

use retail_proto::customers::v1 as people;
use retail_proto::orders::v1 as orders;

use crate::harness::mesh;
use crate::say::{by, customer, order, order_ids};

fn of(number: i64, customer_id: &str) -> orders::Order {
    orders::Order { customer_id: customer_id.into(), ..order(number) }
}

#[tokio::test]
async fn a_merge_makes_two_affairs_one_and_an_unmerge_parts_them_again() {
    let mesh = mesh().await;
    mesh.customers.customer(&customer("c-1", "ada@lovelace.org")).await;
    mesh.customers.customer(&customer("c-2", "ada@work.org")).await;
    mesh.orders.order(&of(1, "c-1")).await;
    mesh.orders.order(&of(2, "c-2")).await;
    let first = by(|key| key.customer_id = "c-1".into());
    let second = by(|key| key.customer_id = "c-2".into());
    mesh.until(&first, |context| order_ids(context) == ["o-1"]).await;
    mesh.until(&second, |context| order_ids(context) == ["o-2"]).await;

    let merged = people::Customer { merged_ids: vec!["c-2".into()], ..customer("c-1", "ada@lovelace.org") };
    mesh.customers.customer(&merged).await;
    mesh.customers.part("c-2", &merged).await;
    for key in [&first, &second] {
        let context = mesh.until(key, |context| order_ids(context) == ["o-2", "o-1"]).await;
        assert_eq!(context.customer.unwrap().customer_id, "c-1", "the former id means the survivor");
    }

    mesh.customers.customer(&customer("c-1", "ada@lovelace.org")).await;
    mesh.customers.customer(&customer("c-2", "ada@work.org")).await;
    let context = mesh.until(&second, |context| order_ids(context) == ["o-2"]).await;
    assert_eq!(context.customer.unwrap().customer_id, "c-2");
    mesh.until(&first, |context| order_ids(context) == ["o-1"]).await;
}

#[tokio::test]
async fn whichever_of_the_two_says_it_first_a_former_id_means_the_survivor() {
    let merged = people::Customer { merged_ids: vec!["c-2".into()], ..customer("c-1", "ada@lovelace.org") };
    let second = by(|key| key.customer_id = "c-2".into());
    for survivor_first in [true, false] {
        let mesh = mesh().await;
        mesh.customers.customer(&customer("c-2", "ada@work.org")).await;
        mesh.orders.order(&of(1, "c-1")).await;
        mesh.orders.order(&of(2, "c-2")).await;
        mesh.until(&second, |context| order_ids(context) == ["o-2"]).await;
        if survivor_first {
            mesh.customers.customer(&merged).await;
        } else {
            mesh.customers.part("c-2", &merged).await;
        }
        let context = mesh.until(&second, |context| order_ids(context) == ["o-2", "o-1"]).await;
        assert_eq!(context.customer.unwrap().customer_id, "c-1");
    }
}

#[tokio::test]
async fn the_address_that_a_part_was_known_by_leads_to_the_survivor() {
    let mesh = mesh().await;
    mesh.customers.customer(&customer("c-2", "ada@work.org")).await;
    let old_address = by(|key| key.email = "ada@work.org".into());
    mesh.until(&old_address, |context| context.customer.is_some()).await;
    let merged = people::Customer { merged_ids: vec!["c-2".into()], ..customer("c-1", "ada@lovelace.org") };
    mesh.customers.customer(&merged).await;
    mesh.customers.part("c-2", &merged).await;
    let is_survivor = |one: &people::Customer| one.customer_id == "c-1";
    mesh.until(&old_address, |context| context.customer.as_ref().is_some_and(is_survivor)).await;
    // Parted again, it is found by what it says itself.
    mesh.customers.customer(&customer("c-1", "ada@lovelace.org")).await;
    mesh.customers.customer(&customer("c-2", "ada@home.org")).await;
    let new_address = by(|key| key.email = "ada@home.org".into());
    let context = mesh.until(&new_address, |context| context.customer.is_some()).await;
    assert_eq!(context.customer.unwrap().customer_id, "c-2");
    mesh.until_some(|| async { mesh.context(&old_address).await.err().map(|_| ()) }).await;
}

#[tokio::test]
async fn what_a_customer_claimed_before_it_became_part_of_another_counts_no_more() {
    let mesh = mesh().await;
    mesh.orders.order(&of(3, "c-3")).await;
    let second = people::Customer { merged_ids: vec!["c-3".into()], ..customer("c-2", "") };
    mesh.customers.customer(&second).await;
    let third = by(|key| key.customer_id = "c-3".into());
    mesh.until(&third, |context| context.customer.as_ref().is_some_and(|one| one.customer_id == "c-2")).await;
    let first = people::Customer { merged_ids: vec!["c-2".into(), "c-3".into()], ..customer("c-1", "") };
    mesh.customers.customer(&first).await;
    mesh.until(&third, |context| context.customer.as_ref().is_some_and(|one| one.customer_id == "c-1")).await;
    // c-3 is parted from c-1 while what c-2 said long ago still names it.
    mesh.customers.customer(&people::Customer { merged_ids: vec!["c-2".into()], ..customer("c-1", "") }).await;
    mesh.customers.customer(&customer("c-3", "")).await;
    mesh.until(&third, |context| context.customer.as_ref().is_some_and(|one| one.customer_id == "c-3")).await;
}

#[tokio::test]
async fn an_order_whose_customer_changes_moves_with_it() {
    let mesh = mesh().await;
    mesh.orders.order(&of(1, "c-1")).await;
    let old = by(|key| key.customer_id = "c-1".into());
    mesh.until(&old, |context| order_ids(context) == ["o-1"]).await;
    mesh.orders.order(&of(1, "c-2")).await;
    let new = by(|key| key.customer_id = "c-2".into());
    mesh.until(&new, |context| order_ids(context) == ["o-1"]).await;
    mesh.until_some(|| async { mesh.context(&old).await.err().map(|_| ()) }).await;
}
