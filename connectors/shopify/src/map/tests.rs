//! The map over invented bodies in the shop's shape.

use proptest::prelude::*;
use retail_runtime::fault::Fault as _;
use serde_json::{Value, json};

use super::*;

const ORDER: &str = include_str!("../../fixtures/orders_create.json");
const ANONYMOUS: &str = include_str!("../../fixtures/orders_create_anonymous.json");

fn channel() -> Channel {
    Channel { instance: "shop".to_owned(), brand: "demo".to_owned(), market: String::new() }
}

fn read(text: &str) -> Order {
    serde_json::from_str(text).unwrap()
}

/// The fixture with one value replaced.
fn with(pointer: &str, value: Value) -> Order {
    let mut body: Value = serde_json::from_str(ORDER).unwrap();
    *body.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value(body).unwrap()
}

fn mapped(order: &Order) -> pb::PlaceOrderRequest {
    place_order(order, &channel(), "shopify:w-1".to_owned()).unwrap()
}

fn payment(status: &str) -> Vec<(pb::PaymentState, i64)> {
    let payments = mapped(&with("/financial_status", status.into())).payments;
    payments.iter().map(|payment| (payment.state(), payment.amount.as_ref().unwrap().minor_units)).collect()
}

fn wrong(order: &Order) -> Vec<String> {
    let bad = place_order(order, &channel(), "k".to_owned()).unwrap_err();
    bad.fields().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn an_order_becomes_a_fact_with_its_lines_charges_discounts_and_taxes() {
    insta::assert_debug_snapshot!(mapped(&read(ORDER)));
}

#[test]
fn an_anonymous_sale_in_yen_has_no_buyer_and_no_payment() {
    insta::assert_debug_snapshot!(mapped(&read(ANONYMOUS)));
}

#[test]
fn the_lines_add_up_to_the_total() {
    for body in [ORDER, ANONYMOUS] {
        let request = mapped(&read(body));
        let currency: Currency = request.currency.parse().unwrap();
        let mut sum = 0;
        for line in &request.lines {
            let price = Decimal::from_str_exact(&line.unit_price).unwrap();
            sum += Money::of_line(price, line.quantity.parse().unwrap(), currency).unwrap().minor();
            sum -= line.discount.as_ref().map_or(0, |discount| discount.minor_units);
            let on_top = line.taxes.iter().filter(|tax| !tax.included);
            sum += on_top.map(|tax| tax.amount.as_ref().unwrap().minor_units).sum::<i64>();
        }
        assert_eq!(sum, request.total.unwrap().minor_units);
    }
}

#[test]
fn a_payment_follows_the_financial_status() {
    assert_eq!(payment("paid"), [(pb::PaymentState::Captured, 12_490)]);
    assert_eq!(payment("authorized"), [(pb::PaymentState::Authorized, 12_490)]);
    assert_eq!(payment("partially_paid"), [(pb::PaymentState::Captured, 12_490)]);
    for none in ["pending", "voided", "expired", "a_new_word"] {
        assert_eq!(payment(none), [], "{none}");
    }
}

#[test]
fn a_part_payment_is_what_is_no_longer_owed() {
    let mut order = with("/financial_status", "partially_paid".into());
    order.total_outstanding = Some(Digits("24.90".to_owned()));
    assert_eq!(mapped(&order).payments[0].amount.as_ref().unwrap().minor_units, 10_000);
    order.total_outstanding = None;
    assert!(mapped(&order).payments.is_empty());
}

#[test]
fn a_free_order_has_no_payment() {
    assert!(mapped(&with("/total_price", "0.00".into())).payments.is_empty());
}

#[test]
fn tenders_are_told_by_their_gateway() {
    let tender = |names: Value| mapped(&with("/payment_gateway_names", names)).payments[0].tender();
    assert_eq!(tender(json!(["shopify_payments"])), pb::Tender::Card);
    assert_eq!(tender(json!(["gift_card"])), pb::Tender::GiftCard);
    assert_eq!(tender(json!(["Cash on Delivery (COD)"])), pb::Tender::Other);
    assert_eq!(tender(json!(["gift_card", "shopify_payments"])), pb::Tender::Other);
    assert_eq!(tender(json!([])), pb::Tender::Other);
}

#[test]
fn an_email_typed_at_the_till_is_never_verified() {
    let buyer = mapped(&with("/customer/email", Value::Null)).buyer.unwrap();
    assert_eq!((buyer.email.as_str(), buyer.email_verified), ("typed@example.com", false));
    let buyer = mapped(&with("/customer/verified_email", false.into())).buyer.unwrap();
    assert_eq!((buyer.email.as_str(), buyer.email_verified), ("buyer@example.com", false));
}

#[test]
fn an_item_without_a_variant_that_ships_is_goods_by_its_code() {
    let mut order = with("/line_items/0/variant_id", Value::Null);
    assert_eq!(mapped(&order).lines[0].kind(), pb::LineKind::Goods);
    assert_eq!((mapped(&order).lines[0].sku.as_str(), &mapped(&order).lines[0].item), ("DEMO-6PK", &None));
    order.line_items[0].sku.clear();
    assert_eq!(mapped(&order).lines[0].sku, "Six pack - Blue");
}

#[test]
fn a_removed_shipping_line_is_no_line() {
    assert_eq!(mapped(&with("/shipping_lines/0/is_removed", true.into())).lines.len(), 2);
}

#[test]
fn every_wrong_field_is_named_as_the_shop_spells_it() {
    let mut order = with("/processed_at", "yesterday".into());
    order.line_items[0].price = Digits("cheap".to_owned());
    order.line_items[0].discount_allocations[1].amount = Digits("0.001".to_owned());
    order.shipping_lines[0].tax_lines[0].rate = Digits("twenty".to_owned());
    let expected = [
        "processed_at",
        "line_items[0].price",
        "line_items[0].discount_allocations[1].amount",
        "shipping_lines[0].tax_lines[0].rate",
    ];
    assert_eq!(wrong(&order), expected);
    assert_eq!(wrong(&with("/currency", "XYZ".into())), ["currency"]);
}

proptest! {
    #[test]
    fn the_same_body_always_becomes_the_same_bytes(
        id in any::<u64>(), price in 0_u32..1_000_000, quantity in 1_u64..1_000, source in "[a-z]{0,8}",
    ) {
        let mut order = read(ORDER);
        order.id = id;
        order.source_name = source;
        order.line_items[0].quantity = quantity;
        order.line_items[0].price = Digits(format!("{}.{:02}", price / 100, price % 100));
        let bytes = prost::Message::encode_to_vec(&mapped(&order));
        prop_assert_eq!(&bytes, &prost::Message::encode_to_vec(&mapped(&order.clone())));
        prop_assert_eq!(mapped(&order).channel_order_id, id.to_string());
    }
}
