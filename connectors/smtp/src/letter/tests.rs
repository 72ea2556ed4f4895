use proptest::prelude::*;

use super::*;
use crate::{address, config};

fn sender() -> Sender {
    Sender::read(&config::Sender {
        from: "M\u{f6}bel & Co <shop@example.com>".to_owned(),
        reply_to: Some("help@example.com".to_owned()),
        return_path: Some("bounces@example.com".to_owned()),
    })
    .unwrap()
}

fn worded(subject: &str, text: &str, html: Option<&str>) -> Worded {
    Worded { subject: subject.to_owned(), text: text.to_owned(), html: html.map(str::to_owned) }
}

fn letter(name: &str, words: Worded) -> Letter {
    let to = address::address("max@example.com").unwrap();
    let at = "2026-11-26T09:30:00Z".parse().unwrap();
    write(&message_id("O-1", "mail.example.com"), &sender(), (name, &to), words, at).unwrap()
}

/// The lines of the head; folded ones are put together.
fn head(letter: &Letter) -> Vec<String> {
    let text = String::from_utf8(letter.bytes.clone()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").map(str::to_owned).collect()
}

fn names(letter: &Letter) -> Vec<String> {
    head(letter).iter().map(|line| line.split_once(": ").unwrap().0.to_owned()).collect()
}

#[test]
fn the_same_reference_has_the_same_id_and_another_has_another() {
    let id = |reference: &str| message_id(reference, "mail.example.com");
    assert_eq!(id("O-1"), id("O-1"));
    assert_ne!(id("O-1"), id("O-2"));
    assert_eq!(id("O-1").len(), "<".len() + 40 + "@mail.example.com>".len());
}

#[test]
fn two_attempts_at_one_moment_are_the_same_to_the_byte() {
    let words = || worded("s", "t", Some("<p>t</p>"));
    assert_eq!(letter("Max", words()), letter("Max", words()));
}

#[test]
fn bounces_go_to_the_return_path_and_answers_to_the_reply_address() {
    let letter = letter("", worded("s", "t", None));
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("bounces@example.com", "max@example.com"));
    assert!(head(&letter).contains(&"Reply-To: help@example.com".to_owned()));
    assert!(head(&letter).contains(&"To: max@example.com".to_owned()));
    assert!(head(&letter).contains(&"Date: Thu, 26 Nov 2026 09:30:00 +0000".to_owned()));
}

#[test]
fn an_id_is_never_folded_however_long_the_domain() {
    let to = address::address("max@example.com").unwrap();
    let domain = format!("{}.example.com", "a".repeat(63));
    let id = message_id("O-1", &domain);
    let letter = write(&id, &sender(), ("", &to), worded("s", "t", None), Timestamp::UNIX_EPOCH).unwrap();
    assert!(
        head(&letter).iter().any(|line| line.trim_start_matches("Message-ID:").trim() == id),
        "{:?}",
        head(&letter)
    );
}

proptest! {
    #[test]
    fn nothing_that_is_given_becomes_a_header_of_its_own(
        name in "\\PC{0,20}[\r\n\u{0}\u{85}\u{2028}]{0,3}Bcc: eve@example.com\\PC{0,20}",
        subject in "[\r\n]{0,2}\\PC{0,120}[\r\n]{1,2}X-Evil: 1\\PC{0,120}",
        text in "[\\PC\r\n]{0,400}",
    ) {
        let letter = letter(&name, worded(&one_line(&subject, 250), &text, None));
        let raw = String::from_utf8(letter.bytes.clone()).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let bare = head.replace("\r\n", "");
        prop_assert!(!bare.contains(['\r', '\n']), "{head:?}");
        let expected = ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
            "Content-Type", "Content-Transfer-Encoding"];
        prop_assert_eq!(names(&letter), expected);
        prop_assert!(raw.is_ascii());
        prop_assert!(raw.split("\r\n").all(|line| line.len() <= 998), "{}", raw);
    }
}
