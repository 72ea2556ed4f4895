//! What people know an order, a return, a customer or a case by, and the shelf on which it is looked up. Pure. No name of
//! a shelf shows personal data: it carries a digest.

use sha2::{Digest as _, Sha256};

/// A way to look something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// Orders by the number the customer knows.
    OrderNumber,
    /// Orders by the e-mail that the buyer gave.
    OrderEmail,
    /// Orders by the phone that the buyer gave.
    OrderPhone,
    /// Orders of a customer id.
    CustomerOrders,
    /// Returns by RMA number.
    ReturnNumber,
    /// Returns of a customer id.
    CustomerReturns,
    /// Returns of an order id.
    OrderReturns,
    /// Customers by e-mail.
    CustomerEmail,
    /// Customers by phone.
    CustomerPhone,
    /// The customer that a former id stands for.
    FormerCustomer,
    /// Cases by the number people read.
    CaseNumber,
    /// Cases of a customer id.
    CustomerCases,
}

impl List {
    fn word(self) -> &'static str {
        match self {
            Self::OrderNumber => "order-number",
            Self::OrderEmail => "order-email",
            Self::OrderPhone => "order-phone",
            Self::CustomerOrders => "customer-orders",
            Self::ReturnNumber => "return-number",
            Self::CustomerReturns => "customer-returns",
            Self::OrderReturns => "order-returns",
            Self::CustomerEmail => "customer-email",
            Self::CustomerPhone => "customer-phone",
            Self::FormerCustomer => "former-customer",
            Self::CaseNumber => "case-number",
            Self::CustomerCases => "customer-cases",
        }
    }

    /// Is it a shelf of this list?
    pub(crate) fn has(self, shelf: &str) -> bool {
        shelf.split_once('/').is_some_and(|(word, _)| word == self.word())
    }

    /// The shelf of a key on this list.
    pub(crate) fn shelf(self, key: &str) -> String {
        let digest = Sha256::digest(key.as_bytes());
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{digest}", self.word())
    }
}

/// A number as people type it: the sign in front and the case do not matter.
pub(crate) fn number(text: &str) -> String {
    text.trim_end().trim_start_matches(|c: char| c == '#' || c.is_whitespace()).to_ascii_uppercase()
}

/// An e-mail address in the form in which two spellings of one address are equal; `None` when it is none. The customers
/// service has the deciding rule for who a customer is; this one only finds what was said under an address.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@')?;
    let clean = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
    let host = domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty());
    (clean(local) && clean(domain) && host).then(|| format!("{local}@{domain}"))
}

/// A phone number in E.164; `None` when it cannot be read as one. As for addresses, customers has the deciding rule.
pub(crate) fn phone(text: &str) -> Option<String> {
    let text = text.trim().replace("(0)", "");
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')).collect();
    let digits = number.strip_prefix('+')?;
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (fits && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_key_stand_on_one_shelf() {
        assert_eq!(number(" #1001 "), number("1001"));
        assert_eq!(number("r-7a"), "R-7A");
        assert_eq!(email(" Ada@Lovelace.ORG ").as_deref(), Some("ada@lovelace.org"));
        assert_eq!(phone("+44 (0)20 7946-0958").as_deref(), Some("+442079460958"));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "ada", "ada@", "@x.org", "a b@x.org", "ada@localhost"] {
            assert_eq!(email(text), None, "{text}");
        }
        for text in ["", "020 7946 0958", "+44", "+0123456789", "+1 415 CALL NOW"] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn no_shelf_shows_personal_data() {
        let shelf = List::CustomerEmail.shelf("ada@lovelace.org");
        assert!(shelf.starts_with("customer-email/") && !shelf.contains("ada"), "{shelf}");
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,40}") {
            prop_assert_eq!(number(&number(&text)), number(&text));
            if let Some(address) = email(&text) {
                prop_assert_eq!(email(&address), Some(address));
            }
            if let Some(digits) = phone(&text) {
                prop_assert_eq!(phone(&digits), Some(digits));
            }
        }
    }
}
