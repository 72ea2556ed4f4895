use proptest::prelude::*;

use super::*;

fn record() -> pb::CustomerRecord {
    pb::CustomerRecord {
        external_ref: "c-1".to_owned(),
        is_person: true,
        first_name: "Jo".to_owned(),
        last_name: "Doe".to_owned(),
        email: "jo@example.com".to_owned(),
        phone: String::new(),
        address: Some(Address {
            lines: vec!["1 High Street".to_owned(), "Flat 2".to_owned()],
            city: "Leeds".to_owned(),
            country_code: "GB".to_owned(),
            ..Address::default()
        }),
        version: 3,
    }
}

fn order() -> pb::OrderContext {
    let found: wire::Found<wire::OrderContextRow> =
        serde_json::from_str(include_str!("../../fixtures/query_order_context.json")).unwrap();
    read(found.records.into_iter().next().unwrap()).unwrap()
}

#[test]
fn a_person_is_an_account_with_a_contact_below_it() {
    let customer = customer(Some(record())).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&(&customer.account, &customer.contact)).unwrap(), @r#"
    [
      {
        "Name": "Jo Doe",
        "BillingStreet": "1 High Street\nFlat 2",
        "BillingCity": "Leeds",
        "BillingCountry": "GB",
        "Mesh_Version__c": 3
      },
      {
        "LastName": "Doe",
        "FirstName": "Jo",
        "Email": "jo@example.com",
        "MailingStreet": "1 High Street\nFlat 2",
        "MailingCity": "Leeds",
        "MailingCountry": "GB",
        "Account": {
          "Mesh_Id__c": "c-1"
        },
        "Mesh_Version__c": 3
      }
    ]
    "#);
}

#[test]
fn a_company_has_no_contact() {
    let customer =
        customer(Some(pb::CustomerRecord { is_person: false, first_name: String::new(), ..record() })).unwrap();
    assert!(customer.contact.is_none());
    assert_eq!(customer.account.name, "Doe");
}

#[test]
fn an_order_context_names_its_customer_by_our_key_and_clears_what_is_gone() {
    let body = context(Some(order()), &customer(Some(record())).unwrap()).unwrap().body;
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "Order_Number__c": "536365",
      "Account__r": {
        "Mesh_Id__c": "c-1"
      },
      "Contact__r": {
        "Mesh_Id__c": "c-1"
      },
      "Status__c": "Waiting for shipment",
      "Next__c": "The warehouse ships it",
      "Cause__c": null,
      "Total__c": 139.12,
      "Currency__c": "GBP",
      "Erp_Number__c": "SO-17",
      "Invoice_Numbers__c": null,
      "Tracking_Numbers__c": "T1, T2",
      "Placed_At__c": "2026-11-23T08:26:00Z",
      "Line_Count__c": 7,
      "Mesh_Version__c": 7
    }
    "#);
}

#[test]
fn a_record_reads_as_the_context_it_stands_for() {
    let order = order();
    assert_eq!(order.customer_ref, "c-1");
    assert_eq!((order.version, order.line_count), (7, 7));
    assert_eq!(order.tracking_numbers, ["T1", "T2"]);
    let total = order.total.unwrap();
    assert_eq!((total.minor_units, total.currency.as_str()), (13_912, "GBP"));
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let shape =
        customer(Some(pb::CustomerRecord { external_ref: "a/b".to_owned(), last_name: " ".to_owned(), ..record() }))
            .unwrap_err();
    let fields: Vec<String> =
        retail_runtime::fault::Fault::fields(&shape).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["customer.external_ref", "customer.last_name"]);
    let other = pb::OrderContext { customer_ref: "c-2".to_owned(), total: None, version: 0, ..order() };
    let shape = context(Some(other), &customer(Some(record())).unwrap()).unwrap_err();
    assert_eq!(retail_runtime::fault::Fault::fields(&shape).len(), 3);
}

#[test]
fn a_text_too_long_is_cut_and_told_and_an_address_is_not() {
    let long = "x".repeat(100);
    let customer = customer(Some(pb::CustomerRecord { first_name: long.clone(), email: long, ..record() })).unwrap();
    let contact = customer.contact.unwrap();
    assert_eq!(contact.first_name.unwrap().chars().count(), 40);
    assert_eq!(contact.email.unwrap().len(), 100);
    assert_eq!(customer.warnings, ["FirstName was cut to 40 characters"]);
}

proptest! {
    #[test]
    fn money_survives_the_way_there_and_back(minor in -1_000_000_000_000_i64..1_000_000_000_000, code in prop_oneof!["GBP", "JPY", "KWD"]) {
        let total = pb_money(minor, &code);
        let body = context(Some(pb::OrderContext { total: Some(total.clone()), ..order() }), &customer(Some(record())).unwrap()).unwrap().body;
        let currency = Currency::from_str(&body.currency).unwrap();
        let back = Money::exact(decimal(&body.total).unwrap(), currency).unwrap();
        prop_assert_eq!(retail_proto::types::v1::Money::from(back), total);
    }

    #[test]
    fn no_text_leaves_its_quotes(text in ".{0,40}") {
        let quoted = quoted(&text);
        let inner = &quoted[1..quoted.len() - 1];
        let mut escaped = false;
        for letter in inner.chars() {
            prop_assert!(letter != '\'' || escaped);
            escaped = letter == '\\' && !escaped;
        }
        prop_assert!(!escaped);
    }
}

fn pb_money(minor_units: i64, currency: &str) -> retail_proto::types::v1::Money {
    retail_proto::types::v1::Money { minor_units, currency: currency.to_owned() }
}
