//! Whose words, in which language, and what a slip of the pen costs.

use std::path::Path;

use retail_proto::notify::v1 as pb;
use retail_runtime::Runtime;
use retail_smtp::{Config, Connector, StartError};

use crate::world::*;

const GERMAN: &str = "[[words]]\noccasion = 'shipped'\nlocale = 'de'\nsubject = 'Ihre Bestellung {{ order_number }}'\n\
    text = '''Guten Tag{% if name %} {{ name }}{% endif %},\nbis {{ keep_until | time(\"%d.%m.%Y, %H:%M\") }} Uhr.'''\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Why a connector with this folder does not start.
fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let mut config = config(9, &With::default());
    config.templates = Some(folder.path().to_owned());
    let error = Connector::new(&config, &Runtime::system("test")).unwrap_err();
    let StartError::Words(bad) = error else { panic!("{error}") };
    bad.to_string().replace(&folder.path().display().to_string(), "mail")
}

async fn world_in(files: &Path, more: &str) -> World {
    world_with(With { top: &format!("templates = '{}'\n{more}", files.display()), ..With::default() }).await
}

#[tokio::test]
async fn every_occasion_has_words_out_of_the_box_with_everything_given_and_with_nothing() {
    let world = world().await;
    for occasion in (1..=11).map(|number| pb::Occasion::try_from(number).unwrap()) {
        assert_eq!(world.send(&told(whole(occasion), "Alex", "en-GB")).await, "DONE", "{occasion:?}");
        let bare = shipped("bare", "max@example.com");
        let bare = pb::SendMessageRequest { carrier: String::new(), tracking_numbers: Vec::new(), ..bare };
        assert_eq!(world.send(&pb::SendMessageRequest { occasion: occasion.into(), ..bare }).await, "DONE");
    }
    let mailbox = world.mailbox().await;
    assert_eq!(mailbox.len(), 22);
    for mail in &mailbox {
        let (subject, text) = (mail["subject"].as_str().unwrap(), mail["text"].as_str().unwrap());
        assert!(subject.contains("1001") && text.contains("1001"), "{subject}\n{text}");
        assert!(!text.contains("{{") && !text.contains("\n\n\n") && text.ends_with("Möbel & Co\n"), "{text}");
    }
    let told = |at: usize| mailbox[at]["text"].as_str().unwrap();
    assert!(told(2).contains("Hello Alex,") && told(2).contains("at High Street"), "{}", told(2));
    assert!(told(8).contains("Tracking: PP-1") && told(8).contains("- 2 x Kettle\n- CUP-9\n"), "{}", told(8));
    assert!(told(12).contains("12.50 EUR"), "{}", told(12));
    assert!(told(16).contains("on the parcel: R-7"), "{}", told(16));
    assert!(told(20).contains("- Kettle: 2 instead of 3\n- CUP-9\n"), "{}", told(20));
    assert!(told(20).contains("It comes to 25.00 EUR now."), "{}", told(20));
}

#[tokio::test]
async fn an_edit_is_told_line_by_line_in_plain_words() {
    let world = world().await;
    let line = |description: &str, before: &str, after: &str| pb::MessageLine {
        description: description.to_owned(),
        quantity: after.to_owned(),
        quantity_before: before.to_owned(),
        ..pb::MessageLine::default()
    };
    let lines = vec![line("Kettle", "3", "2"), line("Cup", "1", "0"), line("Pot", "0", "1")];
    let asked = shipped("edited", "max@example.com");
    let asked = pb::SendMessageRequest { occasion: pb::Occasion::Edited.into(), lines, ..asked };
    assert_eq!(world.send(&asked).await, "DONE");
    let text = world.mail().await["text"].as_str().unwrap().to_owned();
    let expected = "- Kettle: 2 instead of 3\n- Cup: no longer in the order\n- Pot: added, 1\n";
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_customer_is_told_in_the_nearest_language_that_there_is() {
    let more = format!("time_zone = 'Europe/Vienna'\n{GERMAN}");
    for (locale, german) in
        [("de-AT", true), ("de_DE", true), ("de", true), ("fr", false), ("", false), ("en-GB", false)]
    {
        let world = world_with(With { top: &more, ..With::default() }).await;
        assert_eq!(world.send(&told(whole(pb::Occasion::Shipped), "Max", locale)).await, "DONE");
        let mail = world.mail().await;
        assert_eq!(mail["subject"] == "Ihre Bestellung 1001", german, "{locale}");
        if german {
            assert_eq!(mail["text"], "Guten Tag Max,\nbis 28.11.2026, 19:00 Uhr.\n");
        }
    }
}

#[tokio::test]
async fn the_default_locale_comes_before_plain_english() {
    let more = format!("default_locale = 'de'\n{GERMAN}");
    let world = world_with(With { top: &more, ..With::default() }).await;
    assert_eq!(world.send(&told(whole(pb::Occasion::Shipped), "", "fr")).await, "DONE");
    assert_eq!(world.mail().await["subject"], "Ihre Bestellung 1001");
}

#[tokio::test]
async fn a_brand_has_its_own_sender_and_words_and_borrows_the_rest() {
    let files = folder(&[("shipped.en.txt", "Subject: North {{ order_number }}\n\nfrom {{ sender }}\n")]);
    let brand = format!(
        "[brands.NORTH]\nsender = {{ from = 'North <hello@north.example>', reply_to = 'care@north.example' }}\n\
         templates = '{}'\n{GERMAN}",
        files.path().display()
    );
    let world = world_with(With { top: &brand, ..With::default() }).await;
    let of = |occasion, locale| {
        let asked = told(whole(occasion), "", locale);
        pb::SendMessageRequest { brand: "NORTH".to_owned(), ..asked }
    };
    for asked in [of(pb::Occasion::Shipped, "en"), of(pb::Occasion::Delayed, "en"), of(pb::Occasion::Shipped, "de")] {
        assert_eq!(world.send(&asked).await, "DONE");
    }
    let mailbox = world.mailbox().await;
    assert_eq!((&mailbox[0]["subject"], &mailbox[0]["text"]), (&"North 1001".into(), &"from North\n".into()));
    assert_eq!(mailbox[1]["subject"], "Your order 1001 comes later");
    assert_eq!(mailbox[2]["subject"], "Ihre Bestellung 1001", "the language comes before the brand");
    for mail in &mailbox {
        assert_eq!(mail["from"], "North <hello@north.example>");
        assert_eq!(mail["envelope"]["from"], "hello@north.example");
    }
    assert!(world.raw().await.contains("Reply-To: care@north.example\r\n"));
}

#[tokio::test]
async fn words_of_a_folder_win_over_the_built_in_ones_and_those_of_the_configuration_over_both() {
    let files = folder(&[
        ("shipped.de.txt", "Subject: aus dem Ordner\r\n\r\nOrdner\r\n"),
        ("delayed.de.txt", "Subject: später\n\nam {{ expected_date | day('%d.%m.%Y') }}"),
        ("delayed.de.html", "<b>{{ expected_date | day('%d.%m.%Y') }}</b>"),
        (".hidden", "not a template"),
    ]);
    let world = world_in(files.path(), GERMAN).await;
    for occasion in [pb::Occasion::Shipped, pb::Occasion::Delayed] {
        assert_eq!(world.send(&told(whole(occasion), "", "de")).await, "DONE");
    }
    let mailbox = world.mailbox().await;
    assert_eq!(mailbox[0]["subject"], "Ihre Bestellung 1001");
    assert_eq!((&mailbox[1]["subject"], &mailbox[1]["text"]), (&"später".into(), &"am 01.12.2026".into()));
    assert_eq!(mailbox[1]["html"], "<b>01.12.2026</b>");
}

#[test]
fn a_template_that_does_not_parse_is_refused_with_file_and_line() {
    let said = refused(&[("shipped.de.txt", "Subject: s\n\none\ntwo {% if %}\n")]);
    assert!(said.starts_with("mail/shipped.de.txt, line 4: syntax error"), "{said}");
    let said = refused(&[("shipped.de.txt", "Subject: {{ order_number\n\none\n")]);
    assert!(said.starts_with("mail/shipped.de.txt (subject), line 1: syntax error"), "{said}");
}

#[test]
fn a_name_that_is_not_there_is_refused_with_file_and_line() {
    let said = refused(&[("shipped.de.txt", "Subject: s\n\none\n\n{{ nmae }}\n")]);
    assert!(said.starts_with("mail/shipped.de.txt, line 5: undefined value"), "{said}");
    let said = refused(&[("shipped.de.txt", "Subject: s\n\n{{ order_number | time('%H') }}\n")]);
    assert!(said.starts_with("mail/shipped.de.txt, line 3: invalid operation: the filter time"), "{said}");
}

#[test]
fn a_file_that_would_never_be_sent_is_refused() {
    let good = "Subject: s\n\nt\n";
    for (name, text, why) in [
        ("shiped.de.txt", good, "no such occasion"),
        ("shipped.txt", good, "two dots"),
        ("shipped.d.txt", good, "no locale"),
        ("shipped.de.md", good, "neither .txt nor .html"),
        ("shipped.de.html", "<p>only</p>", "no .txt beside it"),
        ("shipped.de.txt", "Dear customer,\n", "does not begin with `Subject: ...`"),
        ("shipped.de.txt", "Subject: {{ location }}\n\nt", "comes to nothing"),
    ] {
        let said = refused(&[(name, text)]);
        assert!(said.contains(name) && said.contains(why), "{name}: {said}");
    }
    let twice = refused(&[("shipped.de-AT.txt", good), ("shipped.de_at.txt", good)]);
    assert!(twice.contains("another file has the same occasion"), "{twice}");
}

#[test]
fn words_of_the_configuration_are_refused_by_their_place() {
    let start = |words: &str| {
        let text = text(9, &With { top: words, ..With::default() });
        let config: Config = toml::from_str(&text).unwrap();
        Connector::new(&config, &Runtime::system("test")).map(|_| ()).unwrap_err()
    };
    for (words, place) in [
        ("words = [{ occasion = 'shiped', locale = 'en', subject = 's', text = 't' }]", "words[0], line 1"),
        ("words = [{ occasion = 'shipped', locale = 'en', subject = 's', text = \"t\\n{{\" }]", "words[0], line 2"),
        (
            "[[brands.N.words]]\noccasion = 'shipped'\nlocale = 'en'\nsubject = '{% x %}'\ntext = 't'\n\
             [brands.N.sender]\nfrom = 'n@example.com'",
            "brands.N.words[0] (subject), line 1",
        ),
    ] {
        let StartError::Words(bad) = start(words) else { panic!("{words}") };
        assert!(bad.to_string().starts_with(place), "{bad}");
    }
}
