//! Errors there and back.

use std::time::Duration;

use retail_runtime::fault::{BadShape, Class, Fault, Refusal, Violations, status};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

#[derive(Debug, thiserror::Error)]
#[error("no stock of {sku}")]
struct Refused {
    class: Class,
    sku: &'static str,
    wait: Option<Duration>,
}

impl Fault for Refused {
    fn class(&self) -> Class {
        self.class
    }

    fn reason(&self) -> &'static str {
        "OUT_OF_STOCK"
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("sku", self.sku.to_owned())]
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }
}

fn refused(class: Class) -> Refused {
    Refused { class, sku: "S-1", wait: None }
}

const CLASSES: [(Class, Code); 13] = [
    (Class::Invalid, Code::InvalidArgument),
    (Class::NotFound, Code::NotFound),
    (Class::Exists, Code::AlreadyExists),
    (Class::Precondition, Code::FailedPrecondition),
    (Class::Conflict, Code::Aborted),
    (Class::Denied, Code::PermissionDenied),
    (Class::Unauthenticated, Code::Unauthenticated),
    (Class::Throttled, Code::ResourceExhausted),
    (Class::Unavailable, Code::Unavailable),
    (Class::OutOfRange, Code::OutOfRange),
    (Class::Unimplemented, Code::Unimplemented),
    (Class::Unknown, Code::Unavailable),
    (Class::Internal, Code::Internal),
];

#[test]
fn every_class_reads_back_as_it_was_written() {
    for (class, code) in CLASSES {
        let status = status("orders.retail", &refused(class));
        assert_eq!(status.code(), code);
        let read = Refusal::read(&status);
        assert_eq!((read.class(), read.reason()), (class, "OUT_OF_STOCK"));
    }
}

#[test]
fn the_variables_of_the_message_travel_with_their_domain() {
    let status = status("orders.retail", &refused(Class::Precondition));
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.domain.as_str(), info.metadata["sku"].as_str()), ("orders.retail", "S-1"));
    assert_eq!(status.message(), "no stock of S-1");
}

#[test]
fn internal_errors_say_nothing_outside_but_where_to_look() {
    let read = Refusal::read(&status("orders.retail", &refused(Class::Internal)));
    assert_eq!((read.message(), read.metadata("sku")), ("internal error", None));
    assert!(read.metadata("incident").is_some());
}

#[test]
fn waiting_is_advised_only_where_it_helps() {
    assert_eq!(Refusal::read(&status("d", &refused(Class::Invalid))).retry_after(), None);
    assert!(Refusal::read(&status("d", &refused(Class::Unavailable))).retry_after().is_some());
    let told = Refused { wait: Some(Duration::from_secs(7)), ..refused(Class::Throttled) };
    assert_eq!(Refusal::read(&status("d", &told)).retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn a_status_of_strangers_is_read_with_care() {
    assert_eq!(Refusal::read(&Status::unavailable("broken pipe")).class(), Class::Unknown);
    assert_eq!(Refusal::read(&Status::cancelled("Timeout expired")).class(), Class::Unknown);
    assert_eq!(Refusal::read(&Status::not_found("x")).reason(), "NOT_FOUND");
}

fn shape() -> Result<(), BadShape> {
    let mut violations = Violations::default();
    violations.require("currency", true, "never said");
    violations.require("lines[0].sku", false, "is empty; name an item");
    violations.require("lines[0].sku", false, "a second complaint");
    violations.require("lines[1].quantity", false, "is zero; order at least one");
    violations.check()
}

#[test]
fn every_wrong_field_is_told_at_once() {
    let read = Refusal::read(&status("orders.retail", &shape().unwrap_err()));
    let fields: Vec<&str> = read.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["lines[0].sku", "lines[1].quantity"]);
    assert_eq!((read.class(), read.reason()), (Class::Invalid, "BAD_REQUEST"));
}
