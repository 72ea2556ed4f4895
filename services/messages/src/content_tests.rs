//! What carriers are handed.

use retail_proto::orders::v1::{Edit, EditedLine, LineCancellation, PickupStage, Refund};
use retail_proto::types::v1::Address;

use super::*;
use crate::testing::{PLACED, authorized, booked, gbp, pickup, ready, received, refunded, shipped};

fn message(fact: &str, occasion: Occasion) -> Message {
    Message {
        fact: fact.into(),
        occasion: i32::from(occasion),
        carrier: "mail".into(),
        order_number: "#1001".into(),
        happened_at: PLACED,
        ..Message::default()
    }
}

fn told(order: &Order, fact: &str, occasion: Occasion) -> SendMessageRequest {
    of_order("order-o-1.x", &message(fact, occasion), order)
}

fn lines(content: &SendMessageRequest) -> Vec<(&str, &str)> {
    content.lines.iter().map(|line| (line.sku.as_str(), line.quantity.as_str())).collect()
}

#[test]
fn a_parcel_is_told_with_what_is_in_it_and_where_to_find_it() {
    let content = told(&shipped(), "shipped/s1", Occasion::Shipped);
    assert_eq!((content.instance.as_str(), content.external_ref.as_str()), ("mail", "order-o-1.x"));
    assert_eq!(lines(&content), [("HEART", "6")]);
    assert_eq!((content.carrier.as_str(), content.tracking_numbers), ("Royal Mail", vec!["RM1".to_owned()]));
    assert_eq!((content.brand.as_str(), content.market.as_str()), ("acme", "GB"));
    assert!(content.location.is_empty());
}

#[test]
fn what_several_places_ship_of_a_line_is_one_line_to_the_customer() {
    let mut order = booked();
    let part =
        retail_proto::orders::v1::Line { number: 3, split_from: 1, quantity: "2".into(), ..order.lines[0].clone() };
    "4".clone_into(&mut order.lines[0].quantity);
    order.lines.push(part);
    assert_eq!(lines(&told(&order, "ordered", Occasion::Ordered)), [("HEART", "6"), ("LANTERN", "2")]);
}

#[test]
fn the_buyer_is_told_by_name_and_by_every_address() {
    let told = told(&booked(), "ordered", Occasion::Ordered).recipient.unwrap();
    assert_eq!((told.name.as_str(), told.locale.as_str()), ("Ada Lovelace", "en-GB"));
    assert_eq!((told.email.as_str(), told.phone.as_str()), ("ada@example.com", "+442079460958"));
}

#[test]
fn whoever_collects_is_told_that_it_is_ready_and_the_buyer_that_money_went_back() {
    let order = Order { refunds: vec![Refund { refund_id: "f".into(), ..Refund::default() }], ..ready(1) };
    let content = told(&order, "ready/1", Occasion::ReadyForPickup);
    assert_eq!((content.location.as_str(), content.keep_until.is_some()), ("SOHO", true));
    let contact = content.recipient.unwrap();
    assert_eq!((contact.name.as_str(), contact.phone.as_str()), ("Bob", "+442079460001"));
    assert_eq!(contact.email, "ada@example.com", "he gave no e-mail: nobody else could be told by it");
    let buyer = told(&order, "refunded/f", Occasion::Refunded).recipient.unwrap();
    assert_eq!(buyer.name, "Ada Lovelace");
}

#[test]
fn a_pickup_that_is_shipped_instead_concerns_the_buyer_and_no_store() {
    let order = pickup(&[PickupStage::Rejected, PickupStage::Shipping]);
    let content = told(&order, "rerouted/1", Occasion::Rerouted);
    assert_eq!((content.location.as_str(), content.recipient.unwrap().name.as_str()), ("", "Ada Lovelace"));
}

#[test]
fn of_cancelled_lines_what_has_not_left_is_told() {
    let mut order = booked();
    order.lines[0].shipped = "4".into();
    order.line_cancellations = vec![LineCancellation { number: 1, line_numbers: vec![1], ..Default::default() }];
    assert_eq!(lines(&told(&order, "lines_cancelled/1", Occasion::Cancelled)), [("HEART", "2")]);
    assert!(lines(&told(&order, "cancelled", Occasion::Cancelled)).is_empty(), "the whole order");
}

#[test]
fn an_edit_is_told_with_what_was_and_what_is() {
    let line = |line_number, before: &str, after: &str| EditedLine {
        line_number,
        sku: "GONE".into(),
        quantity_before: before.into(),
        quantity: after.into(),
        ..EditedLine::default()
    };
    let address = Address {
        lines: vec!["1 High Street".into()],
        city: "Leeds".into(),
        postal_code: "LS1 1AA".into(),
        country_code: "GB".into(),
        ..Address::default()
    };
    let edit = Edit {
        number: 1,
        lines: vec![line(1, "8", "6"), line(2, "2", "2"), line(9, "1", "0")],
        address: Some(address),
        total_before: gbp(1_000),
        total: gbp(800),
        ..Edit::default()
    };
    let order = Order { edits: vec![edit], ..booked() };
    let content = told(&order, "edited/1", Occasion::Edited);
    let changes: Vec<_> = content.lines.iter().map(|one| (one.sku.as_str(), one.quantity_before.as_str())).collect();
    assert_eq!(changes, [("HEART", "8"), ("GONE", "1")], "a line that only ships from elsewhere is not named");
    assert_eq!(lines(&content), [("HEART", "6"), ("GONE", "0")]);
    assert_eq!(content.delivery_address, "1 High Street, LS1 1AA Leeds, GB");
    assert_eq!((content.total, content.location.as_str()), (gbp(800), ""));
}

#[test]
fn an_edit_of_a_line_that_several_places_ship_is_told_as_of_one() {
    let mut order = booked();
    let part =
        retail_proto::orders::v1::Line { number: 3, split_from: 1, quantity: "1".into(), ..order.lines[0].clone() };
    "4".clone_into(&mut order.lines[0].quantity);
    order.lines.push(part);
    let one = EditedLine { line_number: 3, quantity: "1".into(), quantity_before: "2".into(), ..EditedLine::default() };
    order.edits = vec![Edit { number: 1, lines: vec![one], ..Edit::default() }];
    let content = told(&order, "edited/1", Occasion::Edited);
    assert_eq!(lines(&content), [("HEART", "5")]);
    assert_eq!(content.lines[0].quantity_before, "6");
}

#[test]
fn an_edit_that_moves_an_order_names_the_store_or_the_address_that_it_goes_to() {
    let moved = |before: &str, after: &str| {
        let edit = Edit { number: 1, store_before: before.into(), store: after.into(), ..Edit::default() };
        let shipping_address = Some(Address { city: "Leeds".into(), ..Address::default() });
        let order = Order { edits: vec![edit], shipping_address, ..booked() };
        let content = told(&order, "edited/1", Occasion::Edited);
        (content.location, content.delivery_address, content.total)
    };
    assert_eq!(moved("SOHO", "HOLBORN"), ("HOLBORN".into(), String::new(), None));
    assert_eq!(moved("SOHO", ""), (String::new(), "Leeds".into(), None));
    assert_eq!(moved("", ""), (String::new(), String::new(), None), "it stays where it was");
}

#[test]
fn a_delay_names_the_new_day() {
    assert_eq!(told(&booked(), "delayed/2026-12-15", Occasion::Delayed).expected_date, "2026-12-15");
}

#[test]
fn a_return_is_told_with_its_number_its_goods_and_its_money() {
    let of = |record: &Return, fact: &str, occasion| {
        of_return(
            "return-r-1.x",
            &Message { return_number: "R-1".into(), ..message(fact, occasion) },
            record,
            &booked(),
        )
    };
    let content = of(&authorized(), "authorized", Occasion::ReturnAuthorized);
    assert_eq!((content.return_number.as_str(), content.order_number.as_str()), ("R-1", "#1001"));
    assert_eq!(lines(&content), [("HEART", "2")]);
    assert_eq!(content.lines[0].description, "HEART as people call it");
    let mut of_another = authorized();
    of_another.lines[0].order_id = "o-2".into();
    let content = of(&of_another, "authorized", Occasion::ReturnAuthorized);
    assert_eq!(content.lines[0].description, "HEART", "known by its code");
    assert_eq!(lines(&of(&received(), "received/w1", Occasion::ReturnReceived)), [("HEART", "2")]);
    assert_eq!(of(&refunded(), "refunded/p1", Occasion::Refunded).amount, gbp(510));
}

#[test]
fn whoever_gave_no_address_cannot_be_told() {
    let nobody = Order { buyer: None, ..booked() };
    assert!(!has_address(&told(&nobody, "ordered", Occasion::Ordered)));
    assert!(has_address(&told(&booked(), "ordered", Occasion::Ordered)));
}
