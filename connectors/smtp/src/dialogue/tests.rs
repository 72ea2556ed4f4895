use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

fn letter(bytes: &[u8]) -> Letter {
    Letter {
        id: "<1@example.com>".to_owned(),
        from: "shop@example.com".to_owned(),
        to: "max@example.com".to_owned(),
        bytes: bytes.to_vec(),
    }
}

/// Says the replies, whatever is asked, then reads what is left to read and goes away.
async fn relay(mut io: DuplexStream, replies: &'static str, take: usize) -> Vec<u8> {
    io.write_all(replies.as_bytes()).await.unwrap();
    let mut heard = vec![0; take];
    io.read_exact(&mut heard).await.unwrap();
    heard
}

#[test]
fn a_dot_that_begins_a_line_is_doubled_and_every_line_ends_in_crlf() {
    assert_eq!(stuffed(b".a\r\n..b\nc.\rd\r\n"), b"..a\r\n...b\r\nc.\r\nd\r\n");
    assert_eq!(stuffed(b"a"), b"a\r\n");
    assert_eq!(stuffed(b"\r\n.\r\nRCPT TO:<eve@example.com>\n.\n"), b"\r\n..\r\nRCPT TO:<eve@example.com>\r\n..\r\n");
    assert_eq!(stuffed(b""), b"");
}

proptest! {
    #[test]
    fn nothing_in_a_message_can_be_taken_for_its_end(message in "[.\r\na ]{0,40}") {
        let wire = stuffed(message.as_bytes());
        let text = String::from_utf8(wire).unwrap();
        prop_assert!(text.is_empty() || text.ends_with("\r\n"));
        for line in text.split_terminator("\r\n") {
            prop_assert!(line != "." && !line.contains(['\r', '\n']), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_within_the_message_has_not_reached_its_end() {
    let (ours, theirs) = duplex(64);
    let replies = "220 relay\r\n250 ok\r\n250 ok\r\n354 go on\r\n";
    let talk = async {
        let mut dialogue = Dialogue::begin(Io::new(ours)).await.unwrap();
        let letter = letter(&b"0123456789\r\n".repeat(100));
        dialogue.sender(&letter).await.unwrap();
        dialogue.offer(&letter).await
    };
    let (said, _) = tokio::join!(talk, relay(theirs, replies, 100));
    assert!(matches!(said, Err(Stop::Broken { stage: Stage::Message, .. })), "{said:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_end_says_so() {
    for last in ["", "2", "250-ok\r\n", "hello\r\n", "250-ok\r\n251 ok\r\n"] {
        let (ours, theirs) = duplex(1 << 16);
        let replies: &'static str = format!("220 relay\r\n250 ok\r\n250 ok\r\n354 go on\r\n{last}").leak();
        let talk = async {
            let mut dialogue = Dialogue::begin(Io::new(ours)).await.unwrap();
            let letter = letter(b"hello\r\n");
            dialogue.sender(&letter).await.unwrap();
            dialogue.offer(&letter).await.unwrap();
            dialogue.end().await
        };
        let (said, _) = tokio::join!(talk, relay(theirs, replies, 60));
        assert!(matches!(said, Err(Stop::Broken { stage: Stage::End, .. })), "{last:?} {said:?}");
    }
}

#[tokio::test]
async fn a_message_that_the_relay_would_not_take_is_not_begun() {
    let (ours, theirs) = duplex(1 << 16);
    let talk = async {
        let mut dialogue = Dialogue::begin(Io::new(ours)).await.unwrap();
        dialogue.hello("us").await.unwrap();
        dialogue.sender(&letter(&[b'a'; 101])).await
    };
    let (said, heard) = tokio::join!(talk, relay(theirs, "220 relay\r\n250-relay\r\n250 SIZE 100\r\n", 9));
    assert!(matches!(said, Err(Stop::TooLarge { size: 101, most: 100 })), "{said:?}");
    assert_eq!(heard, b"EHLO us\r\n");
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_ends_the_dialogue() {
    let (ours, theirs) = duplex(1 << 16);
    let talk = async {
        let mut dialogue = Dialogue::begin(Io::new(ours)).await.unwrap();
        dialogue.hello("us").await.unwrap();
        dialogue.start_tls().await.map(|_| ())
    };
    let replies = "220 relay\r\n250-relay\r\n250 STARTTLS\r\n220 go on\r\n250 I am the relay\r\n";
    let (said, _) = tokio::join!(talk, relay(theirs, replies, 19));
    assert!(matches!(said, Err(Stop::Broken { stage: Stage::StartTls, .. })), "{said:?}");
}

#[tokio::test]
async fn a_relay_that_knows_login_alone_is_logged_in_to_step_by_step() {
    let (ours, theirs) = duplex(1 << 16);
    let talk = async {
        let mut dialogue = Dialogue::begin(Io::new(ours)).await.unwrap();
        dialogue.hello("us").await.unwrap();
        dialogue.login("weft", &"secret".into()).await
    };
    let replies = "220 r\r\n250-r\r\n250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 ok\r\n";
    let asked = "EHLO us\r\nAUTH LOGIN\r\nd2VmdA==\r\nc2VjcmV0\r\n";
    let (said, heard) = tokio::join!(talk, relay(theirs, replies, asked.len()));
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(String::from_utf8(heard).unwrap(), asked);
}
