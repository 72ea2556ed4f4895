//! Which key a caller asks for context by. Pure.

use retail_proto::cases::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use crate::fault::Error;
use crate::keys;

/// Longest key that anybody has.
const LONGEST: usize = 512;

/// The one key of a request, ready to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// The CRM's id of a case.
    CaseId(String),
    /// The number of a case.
    CaseNumber(String),
    /// Our order id.
    OrderId(String),
    /// The number of an order, as typed.
    OrderNumber(String),
    /// Our return id.
    ReturnId(String),
    /// The RMA number, as typed.
    RmaNumber(String),
    /// Our customer id.
    CustomerId(String),
    /// E-mail, normalised.
    Email(String),
    /// Phone, normalised.
    Phone(String),
}

impl Key {
    /// Reads the key of a request.
    pub(crate) fn read(request: &pb::GetContextRequest) -> Result<Self, BadShape> {
        let fields = [
            ("case_id", &request.case_id),
            ("case_number", &request.case_number),
            ("order_id", &request.order_id),
            ("order_number", &request.order_number),
            ("return_id", &request.return_id),
            ("rma_number", &request.rma_number),
            ("customer_id", &request.customer_id),
            ("email", &request.email),
            ("phone", &request.phone),
        ];
        let mut bad = Violations::default();
        let mut given = fields.into_iter().filter(|(_, text)| !text.trim().is_empty());
        let Some((field, text)) = given.next() else {
            bad.add("case_id", "give one of case_id, case_number, order_id, order_number, return_id, rma_number, customer_id, email and phone");
            return Err(bad.into_shape());
        };
        for (more, _) in given {
            bad.add(more, format!("is one key too many beside {field}; give exactly one"));
        }
        bad.require(field, text.len() <= LONGEST, "is longer than any key is");
        let text = text.trim().to_owned();
        let key = match field {
            "case_id" => Some(Self::CaseId(text)),
            "case_number" => Some(Self::CaseNumber(text)),
            "order_id" => Some(Self::OrderId(text)),
            "order_number" => Some(Self::OrderNumber(text)),
            "return_id" => Some(Self::ReturnId(text)),
            "rma_number" => Some(Self::RmaNumber(text)),
            "customer_id" => Some(Self::CustomerId(text)),
            "email" => keys::email(&text).map(Self::Email),
            _ => keys::phone(&text).map(Self::Phone),
        };
        match key {
            Some(key) => bad.check().map(|()| key),
            None if field == "email" => {
                bad.add(field, "is not an e-mail address");
                Err(bad.into_shape())
            }
            None => {
                bad.add(field, "must read as E.164, for example +442079460958");
                Err(bad.into_shape())
            }
        }
    }

    /// What to say when nobody knows it.
    pub(crate) fn unknown(&self) -> Error {
        match self {
            Self::CaseId(text) | Self::CaseNumber(text) => Error::NoSuchCase(text.clone()),
            Self::OrderId(text) | Self::OrderNumber(text) => Error::NoSuchOrder(text.clone()),
            Self::ReturnId(text) | Self::RmaNumber(text) => Error::NoSuchReturn(text.clone()),
            Self::CustomerId(_) => Error::NoSuchCustomer("customer id"),
            Self::Email(_) => Error::NoSuchCustomer("e-mail"),
            Self::Phone(_) => Error::NoSuchCustomer("phone"),
        }
    }

    /// Does it name a way to reach people, which several may share?
    pub(crate) fn is_contact(&self) -> bool {
        matches!(self, Self::Email(_) | Self::Phone(_))
    }

    /// Does it name a customer, so that all of that customer's affairs are meant, whoever that is?
    pub(crate) fn is_customer(&self) -> bool {
        matches!(self, Self::CustomerId(_))
    }
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn fields(request: &pb::GetContextRequest) -> Vec<String> {
        Key::read(request).unwrap_err().fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn exactly_one_key_is_taken() {
        assert_eq!(fields(&pb::GetContextRequest::default()), ["case_id"]);
        let two = pb::GetContextRequest { order_id: "o-1".into(), email: "ada@x.org".into(), ..Default::default() };
        assert_eq!(fields(&two), ["email"]);
    }

    #[test]
    fn a_phone_that_does_not_read_as_one_is_named() {
        assert_eq!(fields(&pb::GetContextRequest { phone: "020 7946".into(), ..Default::default() }), ["phone"]);
        let good = pb::GetContextRequest { phone: "+44 20 7946 0958".into(), ..Default::default() };
        assert_eq!(Key::read(&good), Ok(Key::Phone("+442079460958".into())));
    }
}
