//! Pure mapping, both ways; every table of NetSuite's words lives here.

use retail_proto::Decimal;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::{Address, Ref};
use retail_proto::{Money, Quantity};
use serde_json::{Map, Number, Value};

use crate::wire;

/// External ids carry the kind, because uniqueness may span the transaction family ("External ids and upsert").
pub(crate) const CUSTOMER: &str = "CUST:";
pub(crate) const SALES_ORDER: &str = "SO:";
pub(crate) const DEPOSIT: &str = "DEP:";
pub(crate) const ADJUSTMENT: &str = "ADJ:";
pub(crate) const RETURN: &str = "RMA:";
pub(crate) const RECEIPT: &str = "RCPT:";
pub(crate) const CREDIT: &str = "CM:";
pub(crate) const REFUND: &str = "RFND:";
pub(crate) const TRANSFER: &str = "TRF:";
pub(crate) const TRANSFER_SHIPMENT: &str = "TRFS:";
pub(crate) const TRANSFER_RECEIPT: &str = "TRFR:";

/// "Retail records": price level -1 is a custom rate, so that NetSuite keeps ours.
const CUSTOM_PRICE: &str = "-1";
/// `orderStatus` Pending Fulfillment of an order, Pending Receipt of a return.
pub(crate) const APPROVED: &str = "B";

/// Sales order status letters ("Retail records and their true field names").
pub(crate) fn order_state(letter: &str) -> pb::SalesOrderState {
    match letter {
        "A" => pb::SalesOrderState::PendingApproval,
        "B" => pb::SalesOrderState::Open,
        "D" | "E" => pb::SalesOrderState::PartlyFulfilled,
        "F" => pb::SalesOrderState::Fulfilled,
        "G" => pb::SalesOrderState::Billed,
        "C" | "H" => pb::SalesOrderState::Closed,
        _ => pb::SalesOrderState::Unspecified,
    }
}

/// Return authorization status letters (the same section).
pub(crate) fn return_state(letter: &str) -> pb::SalesReturnState {
    match letter {
        "A" => pb::SalesReturnState::PendingApproval,
        "B" => pb::SalesReturnState::PendingReceipt,
        "D" | "E" => pb::SalesReturnState::PartlyReceived,
        "F" => pb::SalesReturnState::PendingCredit,
        "G" => pb::SalesReturnState::Credited,
        "C" | "H" => pb::SalesReturnState::Closed,
        _ => pb::SalesReturnState::Unspecified,
    }
}

/// `shipStatus`: only C has left the house.
pub(crate) fn shipped(letter: &str) -> bool {
    letter == "C"
}

/// Item types that keep stock.
pub(crate) fn stocked(item_type: &str) -> bool {
    matches!(item_type, "InvtPart" | "Assembly")
}

/// Item types that are billed and never leave the house; kits leave it without keeping stock of their own.
pub(crate) fn charge(item_type: &str) -> bool {
    !matches!(item_type, "InvtPart" | "Assembly" | "Kit" | "Group")
}

/// A reference to a NetSuite record.
pub(crate) fn reference(instance: &str, kind: &str, id: impl ToString, number: impl Into<String>) -> Ref {
    Ref {
        kind: "erp".to_owned(),
        instance: instance.to_owned(),
        r#type: kind.to_owned(),
        id: id.to_string(),
        number: number.into(),
    }
}

/// A customer to be written.
pub(crate) fn customer(record: &pb::CustomerRecord, subsidiary: &str) -> wire::CustomerWrite {
    let (first_name, last_name, company_name) = if record.is_person {
        (filled(&record.first_name), filled(&record.last_name), None)
    } else {
        (None, None, filled(&record.last_name))
    };
    wire::CustomerWrite {
        is_person: record.is_person,
        first_name,
        last_name,
        company_name,
        email: filled(&record.email),
        phone: filled(&record.phone),
        subsidiary: filled(subsidiary).map(wire::Reference::Id),
        address_book: record.address.as_ref().map(|given| wire::Lines {
            items: vec![wire::AddressBookLine {
                default_billing: true,
                default_shipping: true,
                address_book_address: address(given),
            }],
        }),
    }
}

/// An address. NetSuite has three street lines: what is beyond joins the third.
pub(crate) fn address(given: &Address) -> wire::Address {
    let mut lines = given.lines.iter().filter(|line| !line.trim().is_empty());
    let (first, second) = (lines.next().cloned(), lines.next().cloned());
    let rest: Vec<&str> = lines.map(String::as_str).collect();
    wire::Address {
        addressee: filled(&given.name),
        addr1: first,
        addr2: second,
        addr3: filled(&rest.join(", ")),
        city: filled(&given.city),
        state: filled(&given.region),
        zip: filled(&given.postal_code),
        country: filled(&given.country_code).map(wire::Reference::Id),
        addr_phone: filled(&given.phone),
    }
}

/// An address that takes another's place: what it does not have is cleared, or a street line of the old one would stay.
pub(crate) fn whole_address(address: &wire::Address) -> Value {
    let names = ["addressee", "addr1", "addr2", "addr3", "city", "state", "zip", "country", "addrPhone"];
    let mut whole: Map<String, Value> = names.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    // A struct of texts always becomes an object.
    if let Ok(Value::Object(given)) = serde_json::to_value(address) {
        whole.extend(given);
    }
    Value::Object(whole)
}

/// One line to be ordered, already checked.
#[derive(Debug, Clone)]
pub(crate) struct OrderLine {
    pub(crate) number: i32,
    pub(crate) item: i64,
    pub(crate) location: Option<i64>,
    pub(crate) quantity: Quantity,
    pub(crate) unit_price: Decimal,
    pub(crate) amount: Money,
    pub(crate) description: String,
}

/// A sales order to be written.
pub(crate) fn sales_order(
    order: &pb::SalesOrderInput,
    lines: &[OrderLine],
    currency: Option<i64>,
) -> wire::SalesOrderWrite {
    let frozen = order.pricing() != pb::Pricing::Recompute;
    wire::SalesOrderWrite {
        entity: wire::Reference::ExternalId(format!("{CUSTOMER}{}", order.customer_ref)),
        other_ref_num: order.order_number.clone(),
        tran_date: order.order_date.clone(),
        order_status: wire::Reference::Id(APPROVED.to_owned()),
        currency: currency.map(|id| wire::Reference::Id(id.to_string())),
        memo: filled(&order.memo),
        shipping_address: order.shipping_address.as_ref().map(address),
        item: wire::Lines { items: lines.iter().map(|line| sales_order_line(line, frozen)).collect() },
    }
}

/// A line to be written; a frozen one keeps our price.
pub(crate) fn sales_order_line(line: &OrderLine, frozen: bool) -> wire::SalesOrderLineWrite {
    wire::SalesOrderLineWrite {
        line: line.number,
        item: wire::Reference::Id(line.item.to_string()),
        quantity: number(line.quantity.to_decimal()),
        price: frozen.then(|| wire::Reference::Id(CUSTOM_PRICE.to_owned())),
        rate: frozen.then(|| number(line.unit_price)),
        amount: frozen.then(|| number(line.amount.to_decimal())),
        description: filled(&line.description),
        location: line.location.map(|id| wire::Reference::Id(id.to_string())),
    }
}

/// An exact JSON number.
pub(crate) fn number(value: Decimal) -> Number {
    // A decimal's text is a JSON number, so the fallback is never taken.
    serde_json::from_str(&value.normalize().to_string()).unwrap_or_else(|_| Number::from(0))
}

/// Text that is not empty.
pub(crate) fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_letter_is_never_success() {
        assert_eq!(order_state("Z"), pb::SalesOrderState::Unspecified);
        assert_eq!(order_state("G"), pb::SalesOrderState::Billed);
        assert_eq!(order_state("E"), pb::SalesOrderState::PartlyFulfilled);
        assert_eq!(return_state("Z"), pb::SalesReturnState::Unspecified);
        assert_eq!(return_state("F"), pb::SalesReturnState::PendingCredit);
    }

    #[test]
    fn numbers_keep_every_digit() {
        for text in ["0.1", "12345678901234.56", "0.000001", "-3"] {
            assert_eq!(number(text.parse().unwrap()).to_string(), text);
        }
    }

    #[test]
    fn a_fourth_street_line_is_not_lost() {
        let lines = ["Unit 4", "Mill Yard", "High Street", "Old Town"].map(str::to_owned).to_vec();
        let mapped = address(&Address { lines, ..Address::default() });
        assert_eq!(mapped.addr3.as_deref(), Some("High Street, Old Town"));
    }

    #[test]
    fn a_sales_order_is_spelt_as_the_vendor_spells_it() {
        let order: pb::SalesOrderInput = pb::SalesOrderInput {
            external_ref: "o-1".to_owned(),
            order_number: "#1001".to_owned(),
            customer_ref: "c-1".to_owned(),
            order_date: "2026-11-23".to_owned(),
            pricing: pb::Pricing::Freeze.into(),
            ..pb::SalesOrderInput::default()
        };
        let line = OrderLine {
            number: 1,
            item: 107,
            location: Some(6),
            quantity: "2.5".parse().unwrap(),
            unit_price: "12.3456".parse().unwrap(),
            amount: Money::from_minor(3086, "GBP".parse().unwrap()),
            description: String::new(),
        };
        let body = serde_json::to_string(&sales_order(&order, &[line], Some(4))).unwrap();
        insta::assert_snapshot!(body, @r##"{"entity":{"externalId":"CUST:c-1"},"otherRefNum":"#1001","tranDate":"2026-11-23","orderStatus":{"id":"B"},"currency":{"id":"4"},"item":{"items":[{"line":1,"item":{"id":"107"},"quantity":2.5,"price":{"id":"-1"},"rate":12.3456,"amount":30.86,"location":{"id":"6"}}]}}"##);
    }
}
