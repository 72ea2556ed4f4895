use retail_proto::types::v1::{Money as PbMoney, Ref};
use retail_runtime::fault::Fault as _;

use super::*;

fn context() -> pb::ReturnContext {
    pb::ReturnContext {
        external_ref: "r-1".to_owned(),
        rma_number: "R-1001".to_owned(),
        customer_ref: "c-1".to_owned(),
        order_refs: vec!["o-1".to_owned(), "o-2".to_owned()],
        status: "Waiting for the parcel".to_owned(),
        credited: Some(PbMoney { minor_units: 1_530, currency: "GBP".to_owned() }),
        credit_memo_numbers: vec!["CM-1".to_owned()],
        requested_at: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 5 }),
        lines: vec![
            pb::ReturnContextLine {
                number: 1,
                sku: "85123A".to_owned(),
                requested: "3".to_owned(),
                reason: "Broken".to_owned(),
                ..pb::ReturnContextLine::default()
            },
            pb::ReturnContextLine {
                number: 2,
                sku: "22423".to_owned(),
                requested: "0.5".to_owned(),
                received: "0.5".to_owned(),
                ..pb::ReturnContextLine::default()
            },
        ],
        version: 7,
        ..pb::ReturnContext::default()
    }
}

fn around() -> Around {
    Around {
        account: Some("001A".to_owned()),
        order: Some("a00A".to_owned()),
        products: BTreeMap::from([("85123A".to_owned(), "01tA".to_owned())]),
        ..Around::default()
    }
}

fn fields(context: pb::ReturnContext) -> Vec<String> {
    sound(Some(context)).unwrap_err().fields().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn a_return_of_the_package_names_its_parents_by_id_and_clears_what_is_gone() {
    let given = sound(Some(context())).unwrap();
    let (head, (lines, _)) = (given.head(Model::Custom, &around()), given.records(Model::Custom, &around()));
    insta::assert_snapshot!(serde_json::to_string_pretty(&(head, &lines[0])).unwrap());
}

#[test]
fn a_return_order_says_the_same_in_the_standard_objects() {
    let given = sound(Some(context())).unwrap();
    let (head, (lines, _)) = (given.head(Model::Standard, &around()), given.records(Model::Standard, &around()));
    insta::assert_snapshot!(serde_json::to_string_pretty(&(head, &lines[0])).unwrap());
}

#[test]
fn a_return_order_that_is_there_keeps_the_agents_status_and_its_lines_their_master() {
    let mut around = around();
    around.known = true;
    around.lines.insert("r-1:2".to_owned());
    let given = sound(Some(context())).unwrap();
    let head = serde_json::to_value(given.head(Model::Standard, &around)).unwrap();
    assert_eq!(head.get("Status"), None);
    let (lines, left_out) = given.records(Model::Standard, &around);
    let second = serde_json::to_value(&lines[1]).unwrap();
    assert_eq!((second.get("ReturnOrder"), second.get("Product2Id")), (None, None));
    assert!(left_out.is_empty(), "a line that is there needs no product any more");
}

#[test]
fn a_new_line_without_a_product_is_left_out_of_a_return_order_and_told() {
    let (lines, left_out) = sound(Some(context())).unwrap().records(Model::Standard, &around());
    assert_eq!(lines.len(), 1);
    assert_eq!(left_out, ["line 2 is left out: the org has no product 22423"]);
}

#[test]
fn links_that_stay_empty_are_told_but_a_missing_contact_is_none() {
    let case_record = Some(Ref { id: "500SB0000000001AAA".to_owned(), ..Ref::default() });
    let given = sound(Some(pb::ReturnContext { case_record, ..context() })).unwrap();
    assert_eq!(given.unlinked(&around()), ["not linked: the org has no case 500SB0000000001AAA"]);
    assert_eq!(given.unlinked(&Around::default()).len(), 3);
}

#[test]
fn every_wrong_field_of_a_return_is_named_at_once() {
    let line = pb::ReturnContextLine { number: 0, requested: "many".to_owned(), ..pb::ReturnContextLine::default() };
    let wrong = pb::ReturnContext {
        external_ref: "a/b".to_owned(),
        customer_ref: "j@example.com".to_owned(),
        order_refs: vec![String::new()],
        case_record: Some(Ref { id: "7".to_owned(), ..Ref::default() }),
        refunded: Some(PbMoney { minor_units: 1, currency: "EUR".to_owned() }),
        status: String::new(),
        requested_at: None,
        version: 0,
        lines: vec![line],
        ..context()
    };
    assert_eq!(
        fields(wrong),
        [
            "context.external_ref",
            "context.status",
            "context.version",
            "context.customer_ref",
            "context.order_refs[0]",
            "context.case_record.id",
            "context.refunded",
            "context.requested_at",
            "context.lines[0].number",
            "context.lines[0].sku",
            "context.lines[0].requested",
        ]
    );
}

#[test]
fn a_line_number_twice_and_too_many_lines_are_refused() {
    let line = context().lines[0].clone();
    assert_eq!(fields(pb::ReturnContext { lines: vec![line.clone(); 2], ..context() }), ["context.lines[1].number"]);
    let many = (1..=801).map(|number| pb::ReturnContextLine { number, ..line.clone() }).collect();
    assert_eq!(fields(pb::ReturnContext { lines: many, ..context() }), ["context.lines"]);
}
