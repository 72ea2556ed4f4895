//! What arrives is what was meant: other scripts, dots, length, and nothing slipped in.

use retail_proto::notify::v1 as pb;

use crate::world::*;

fn with_text(text: &str) -> String {
    let wording =
        format!("[{{ occasion = 'shipped', locale = 'en', subject = 'S {{{{ location }}}}', text = '''{text}''' }}]");
    format!("words = {wording}")
}

#[tokio::test]
async fn umlauts_and_emoji_arrive_in_names_subject_and_text() {
    let top = with_text("{{ name }}: {{ location }} 🚚");
    let world = world_with(With { top: &top, ..With::default() }).await;
    let asked = told(shipped("m-1", "max@müller.example"), "Jürgen Müller-Lüdenscheidt 😀", "en");
    let asked = pb::SendMessageRequest { location: "Köln, Große Straße 7 🏬 東京".to_owned(), ..asked };
    assert_eq!(world.send(&asked).await, "DONE");
    let mail = world.mail().await;
    assert_eq!(mail["subject"], "S Köln, Große Straße 7 🏬 東京");
    assert_eq!(mail["text"], "Jürgen Müller-Lüdenscheidt 😀: Köln, Große Straße 7 🏬 東京 🚚");
    assert_eq!(mail["to"], "Jürgen Müller-Lüdenscheidt 😀 <max@xn--mller-kva.example>");
    assert!(world.raw().await.is_ascii(), "nothing relies on 8BITMIME or SMTPUTF8");
}

#[tokio::test]
async fn lines_that_begin_with_dots_arrive_as_they_were() {
    let text = ".\n..\n.hidden\nRCPT TO:<eve@example.com>\nend .";
    let world = world_with(With { top: &with_text(text), ..With::default() }).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "DONE");
    assert_eq!(world.mail().await["text"], format!("{text}\n"));
}

#[tokio::test]
async fn an_order_of_two_thousand_lines_arrives_whole() {
    let world = world().await;
    let line = |at: usize| pb::MessageLine {
        description: format!("Größe {at} {}", "x".repeat(at % 400)),
        sku: format!("SKU-{at}"),
        quantity: "1".to_owned(),
        ..pb::MessageLine::default()
    };
    let asked = pb::SendMessageRequest { lines: (0..2_000).map(line).collect(), ..shipped("m-1", "max@example.com") };
    assert_eq!(world.send(&asked).await, "DONE");
    let text = world.mail().await["text"].as_str().unwrap().to_owned();
    for at in [0, 999, 1_999] {
        let expected = format!("- 1 x Größe {at} {}\n", "x".repeat(at % 400));
        assert!(text.contains(expected.replace(" \n", "\n").as_str()), "{at}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("- 1 x Größe ")).count(), 2_000);
}

#[tokio::test]
async fn nothing_that_a_shop_gives_becomes_a_header_a_recipient_or_a_second_message() {
    let world = world().await;
    let evil = "x\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>\r\n";
    let asked = told(whole(pb::Occasion::ReturnAuthorized), evil, "en");
    let asked = pb::SendMessageRequest {
        order_number: evil.to_owned(),
        return_number: evil.to_owned(),
        carrier: evil.to_owned(),
        location: evil.to_owned(),
        ..asked
    };
    assert_eq!(world.send(&asked).await, "DONE");
    let mail = world.mail().await;
    assert_eq!(mail["envelope"]["to"], serde_json::json!(["max@example.com"]));
    assert!(mail["subject"].as_str().unwrap().contains("x Bcc: eve@example.com . MAIL FROM:<eve@example.com>"));
    let raw = world.raw().await;
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
}

#[tokio::test]
async fn values_are_escaped_in_html_and_stay_themselves_in_text() {
    let wording = "words = [{ occasion = 'shipped', locale = 'en', subject = 's', text = 'To {{ name }}', \
                   html = '<p>{{ name }}</p>' }]";
    let world = world_with(With { top: wording, ..With::default() }).await;
    let asked = told(shipped("m-1", "max@example.com"), "<script>alert('x')</script> & Co", "");
    assert_eq!(world.send(&asked).await, "DONE");
    let mail = world.mail().await;
    assert_eq!(mail["text"], "To <script>alert('x')</script> & Co");
    let html = mail["html"].as_str().unwrap();
    assert!(html.starts_with("<p>&lt;script&gt;") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn the_same_reference_has_the_same_id_at_every_attempt_and_another_has_another() {
    let world = world().await;
    for reference in ["m-1", "m-1", "m-2"] {
        assert_eq!(world.send(&shipped(reference, "max@example.com")).await, "DONE");
    }
    assert_eq!(world.counted().await, (3, 1));
}
