//! What a person is known by. Pure: only a key that surely belongs to one person is a key.

use std::fmt;

use retail_proto::types::v1::Ref;
use sha2::{Digest as _, Sha256};

/// How strong a key is; a stronger one decides when keys disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Strength {
    /// A phone number in E.164.
    Phone,
    /// A verified e-mail address.
    Email,
    /// A system's own id of the customer.
    System,
}

/// A key, as it is stored: personal data only as a digest, since keys appear in lists and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    strength: Strength,
    text: String,
}

impl Key {
    /// A system's own record of the customer; `None` when a part of it is missing.
    pub(crate) fn system(record: &Ref) -> Option<Self> {
        let parts = [&record.kind, &record.instance, &record.r#type, &record.id];
        if parts.iter().any(|part| part.trim().is_empty()) {
            return None;
        }
        let escaped = parts.map(|part| escape(part.trim()));
        Some(Self { strength: Strength::System, text: format!("system:{}", escaped.join(":")) })
    }

    /// A verified e-mail address; `None` when it is no address of one person.
    pub(crate) fn email(text: &str) -> Option<Self> {
        let address = normal_email(text).filter(|address| is_personal(address))?;
        Some(Self { strength: Strength::Email, text: format!("email:{}", digest(&address)) })
    }

    /// A phone number; `None` when it does not read as E.164.
    pub(crate) fn phone(text: &str) -> Option<Self> {
        let number = e164(text)?;
        Some(Self { strength: Strength::Phone, text: format!("phone:{}", digest(&number)) })
    }

    /// Is it the key of a record of this system?
    pub(crate) fn is_of(&self, kind: &str, instance: &str) -> bool {
        self.text.starts_with(&format!("system:{}:{}:", escape(kind), escape(instance)))
    }

    /// How strong it is.
    pub(crate) fn strength(&self) -> Strength {
        self.strength
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn escape(part: &str) -> String {
    part.replace('%', "%25").replace(':', "%3A")
}

/// An e-mail address in the form in which two spellings of one address are equal; `None` when it is none.
pub(crate) fn normal_email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@')?;
    let clean = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
    let host = domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty());
    (clean(local) && clean(domain) && host).then(|| format!("{local}@{domain}"))
}

/// A phone number in E.164; `None` when it cannot be read as one. Formatting and a trunk `(0)` are dropped.
pub(crate) fn e164(text: &str) -> Option<String> {
    let text = text.trim().replace("(0)", "");
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')).collect();
    let digits = number.strip_prefix('+')?;
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let mut distinct: Vec<u8> = digits.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // +10000000000 and +99999999999 are what people type who do not want to be called.
    (fits && !digits.starts_with('0') && distinct.len() > 2).then(|| format!("+{digits}"))
}

/// Mailboxes that several people read, or nobody.
const SHARED: &[&str] = &[
    "abuse",
    "accounts",
    "admin",
    "anonymous",
    "billing",
    "contact",
    "customer",
    "customers",
    "donotreply",
    "do-not-reply",
    "do_not_reply",
    "enquiries",
    "guest",
    "hello",
    "help",
    "hostmaster",
    "info",
    "mail",
    "na",
    "no-reply",
    "no_reply",
    "nobody",
    "noemail",
    "none",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "purchasing",
    "reception",
    "sales",
    "service",
    "shop",
    "store",
    "support",
    "team",
    "test",
    "unknown",
    "webmaster",
];

/// Domains that stand in for a person's address, or for none.
const STAND_INS: &[&str] = &[
    "duck.com",
    "example.com",
    "example.net",
    "example.org",
    "guest.booking.com",
    "members.ebay.com",
    "mozmail.com",
    "privaterelay.appleid.com",
    "relay.firefox.com",
    "relay.walmart.com",
    "simplelogin.com",
];

/// Top-level domains that reach nobody (RFC 2606).
const NOWHERE: &[&str] = &["example", "invalid", "local", "localhost", "test"];

fn is_personal(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let mailbox = local.split('+').next().unwrap_or(local);
    let under = |parent: &&str| domain == *parent || domain.ends_with(&format!(".{parent}"));
    let marketplace = domain.starts_with("marketplace.amazon.") || domain.contains(".marketplace.amazon.");
    let nowhere = domain.rsplit('.').next().is_some_and(|top| NOWHERE.contains(&top));
    !SHARED.contains(&mailbox) && !STAND_INS.iter().any(under) && !marketplace && !nowhere
}

/// A digest of a text, in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_key() {
        assert_eq!(Key::email(" Ada@Lovelace.ORG "), Key::email("ada@lovelace.org"));
        assert!(Key::email("ada@lovelace.org").is_some());
    }

    #[test]
    fn addresses_of_nobody_or_of_many_are_no_keys() {
        for address in [
            "",
            "ada",
            "ada@",
            "@x.org",
            "a b@x.org",
            "ada@localhost",
            "ada@@x.org",
            "ada@x..org",
            "noreply@shop.com",
            "no-reply+17@shop.com",
            "info@lovelace.org",
            "x7@privaterelay.appleid.com",
            "q@marketplace.amazon.co.uk",
            "q@marketplace.amazon.de",
            "x@relay.firefox.com",
            "me@example.com",
            "me@sub.example.org",
            "me@shop.test",
        ] {
            assert_eq!(Key::email(address), None, "{address}");
        }
    }

    #[test]
    fn only_a_number_with_its_country_is_a_key() {
        assert_eq!(e164("+44 (0)20 7946-0958").as_deref(), Some("+442079460958"));
        assert_eq!(e164("+1 (415) 555.2671").as_deref(), Some("+14155552671"));
        for number in
            ["", "020 7946 0958", "0044 20 7946 0958", "+44", "+0123456789", "+1 415 CALL NOW", "+10000000000"]
        {
            assert_eq!(e164(number), None, "{number}");
        }
    }

    #[test]
    fn a_system_id_needs_all_its_parts() {
        let whole = Ref {
            kind: "commerce".into(),
            instance: "shop".into(),
            r#type: "customer".into(),
            id: "7".into(),
            number: String::new(),
        };
        assert_eq!(Key::system(&whole).unwrap().to_string(), "system:commerce:shop:customer:7");
        assert_eq!(Key::system(&Ref { id: String::new(), ..whole.clone() }), None);
        let other = Ref { instance: "shop:customer".into(), r#type: String::from("x"), ..whole };
        assert_eq!(Key::system(&other).unwrap().to_string(), "system:commerce:shop%3Acustomer:x:7");
    }

    #[test]
    fn no_key_shows_personal_data() {
        assert!(!Key::email("ada@lovelace.org").unwrap().to_string().contains("ada"));
        assert!(!Key::phone("+442079460958").unwrap().to_string().contains("7946"));
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,40}") {
            if let Some(address) = normal_email(&text) {
                prop_assert_eq!(normal_email(&address), Some(address));
            }
            if let Some(number) = e164(&text) {
                prop_assert_eq!(e164(&number), Some(number));
            }
        }

        #[test]
        fn formatting_a_number_never_changes_its_key(digits in "[1-9][0-9]{9,14}", places in prop::collection::vec(0..14_usize, 0..6)) {
            let mut written = format!("+{digits}");
            for place in places {
                written.insert(1 + place.min(written.len() - 1), ' ');
            }
            prop_assert_eq!(e164(&written), e164(&format!("+{digits}")));
        }
    }
}
