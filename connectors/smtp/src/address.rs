//! E-mail addresses as they may stand in an SMTP command, and who messages come from.

use lettre::Address;
use lettre::message::Mailbox;

use crate::config;

/// Longest path of SMTP, without its brackets (RFC 5321, 4.5.3.1.3).
const LONGEST: usize = 254;

/// Who a message comes from, checked.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) return_path: Address,
}

/// Reads an address; none when it is not one. The local part is plain: letters, digits and what needs no quotes, so that it
/// can neither end a command nor begin another. A domain in another script becomes its ASCII form.
pub(crate) fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    if !local.bytes().all(plain) {
        return None;
    }
    let domain = idna::domain_to_ascii(domain).ok()?;
    let named = domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    let address = Address::new(local, &domain).ok()?;
    let text: &str = address.as_ref();
    (named && text.len() <= LONGEST).then_some(address)
}

/// Reads `Name <address>`, or an address.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return None;
    }
    let Some(inner) = text.strip_suffix('>') else { return Some(Mailbox::new(None, address(text)?)) };
    let (name, bare) = inner.rsplit_once('<')?;
    let name = name.trim().trim_matches('"').trim();
    Some(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address(bare)?))
}

impl Sender {
    /// Checks a configured sender; the field that is wrong otherwise.
    pub(crate) fn read(given: &config::Sender) -> Result<Self, &'static str> {
        let from = mailbox(&given.from).ok_or("from")?;
        let reply_to = given.reply_to.as_deref().map(|text| mailbox(text).ok_or("reply_to")).transpose()?;
        let return_path = match &given.return_path {
            Some(text) => address(text).ok_or("return_path")?,
            None => from.email.clone(),
        };
        Ok(Self { from, reply_to, return_path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_command_is_no_address() {
        for wrong in [
            "",
            "max",
            "@example.com",
            "max@",
            "max@example.com>\r\nDATA",
            "max\r\n@example.com",
            "\"max muster\"@example.com",
            "max@exam ple.com",
            "<max@example.com>",
            "max@[127.0.0.1]",
            "m\u{fc}ller@example.com",
            "a@b@example.com",
        ] {
            assert!(address(wrong).is_none(), "{wrong:?}");
        }
        assert!(address(&format!("max@{}.com", "a.".repeat(140))).is_none());
    }

    #[test]
    fn a_domain_in_another_script_becomes_ascii() {
        assert_eq!(address(" max@m\u{fc}ller.de ").unwrap().to_string(), "max@xn--mller-kva.de");
        assert_eq!(address("o'neil+1@Example.com").unwrap().to_string(), "o'neil+1@example.com");
    }

    #[test]
    fn a_sender_is_a_name_and_an_address() {
        let shop = mailbox("M\u{f6}bel & Co <shop@example.com>").unwrap();
        assert_eq!(
            (shop.name.as_deref(), shop.email.to_string().as_str()),
            (Some("M\u{f6}bel & Co"), "shop@example.com")
        );
        assert_eq!(mailbox("\"Shop\" <shop@example.com>").unwrap().name.as_deref(), Some("Shop"));
        assert_eq!(mailbox("shop@example.com").unwrap().name, None);
        assert!(mailbox("Shop\r\nBcc: eve@example.com <shop@example.com>").is_none());
        assert!(mailbox("Shop shop@example.com").is_none());
    }
}
