use proptest::prelude::*;

use super::*;
use crate::facts::Line;
use crate::occasion::OCCASIONS;

fn words() -> Words {
    let config = "instance = 'mail'\ndomain = 'example.com'\nsender = { from = 'a@example.com' }\n\
                  relay = { host = 'localhost', port = 25, tls = 'none' }";
    Words::load(&toml::from_str(config).unwrap(), Locale::english()).unwrap()
}

#[test]
fn a_body_has_lines_no_control_characters_and_no_gaps() {
    assert_eq!(paragraphs("\r\n\r\na \r\n\r\n\n\n\rb\u{0}\u{7}\tc\r"), "a\n\nb\tc");
    assert_eq!(paragraphs(" \n "), "");
}

#[test]
fn a_filter_of_nothing_is_nothing() {
    let engine = filling::engine().unwrap();
    let filled = |template: &str| engine.render_str(template, minijinja::value::Serde(Facts::bare())).unwrap();
    assert_eq!(filled("{{ keep_until | time('%H:%M') }}{{ expected_date | day('%d') }}"), "");
    assert_eq!(filled("{{ happened_at | time('%d.%m.%Y %H:%M') }}"), "26.11.2026 09:30");
}

#[test]
fn what_a_template_was_filled_in_with_is_not_told() {
    let mut words = words();
    let source = |text: &str| Source {
        origin: "mail/ordered.en.txt".to_owned(),
        subject: "s".to_owned(),
        text: text.to_owned(),
        html: None,
    };
    words.add((Whose::Everybody, "ordered", Locale::english()), source("\n\n{{ name | day('%d') }}")).unwrap();
    let facts = Facts { name: "Max Mustermann".to_owned(), ..Facts::bare() };
    let error = words.word("ordered", None, "", &facts).unwrap_err().to_string();
    assert!(error.contains("mail/ordered.en.txt") && error.contains("line 3"), "{error}");
    assert!(!error.contains("Max"), "{error}");
}

proptest! {
    #[test]
    fn the_built_in_words_take_whatever_they_are_given(
        texts in proptest::collection::vec("[\\PC\r\n\u{0}\u{7f}]{0,60}", 8),
        lines in proptest::collection::vec("\\PC{0,30}", 0..6),
    ) {
        thread_local! { static WORDS: Words = words(); }
        let at = |at: usize| texts[at].clone();
        let line = |text: &String| Line { description: text.clone(), sku: text.clone(), quantity: text.clone(), ..Line::default() };
        let facts = Facts {
            name: at(0), order_number: at(1), return_number: at(2), location: at(3), carrier: at(4), amount: at(5),
            sender: at(6), tracking_numbers: vec![at(7)], lines: lines.iter().map(line).collect(), ..Facts::full()
        };
        for (_, occasion) in OCCASIONS {
            let filled = WORDS.with(|words| words.word(occasion, None, &at(7), &facts)).unwrap().unwrap();
            let one_line = !filled.subject.contains(char::is_control) && !filled.subject.is_empty();
            let plain = !filled.text.contains(['\r', '\u{0}', '\u{7f}']) && !filled.text.is_empty();
            prop_assert!(one_line && plain, "{:?}", filled);
        }
    }
}
