//! The carrier of messages before a relay that says what the input says. A message counts as handed over only when the
//! relay took each step; nothing that a customer is called can become a command or a header.

use std::sync::Arc;

use retail_proto::notify::v1 as pb;
use retail_proto::notify::v1::notify_service_server::NotifyService as _;
use retail_proto::types::v1::OutcomeState;
use tonic::{Request, Status};

use crate::calls::explained;
use crate::script::{Manners, Script};
use crate::world;

const CONFIG: &str = "instance = 'mail'\ndomain = 'mail.example.com'\n\
    sender = { from = 'Shop <shop@example.com>', return_path = 'bounces@example.com' }\n\
    [relay]\nport = 25\nhost = '127.0.0.1'\ntls = 'none'\n";

/// A relay that takes everything.
const GOOD: [&str; 6] = ["220 relay", "250-relay\r\n250 SIZE 1000000", "250 ok", "250 ok", "354 go on", "250 taken"];

fn send(script: &Script, recipient: pb::Recipient, words: &str) -> Result<OutcomeState, Status> {
    let request = pb::SendMessageRequest {
        instance: "mail".to_owned(),
        external_ref: "m-1".to_owned(),
        occasion: pb::Occasion::Shipped.into(),
        recipient: Some(recipient),
        order_number: words.to_owned(),
        carrier: words.to_owned(),
        tracking_numbers: vec!["PP-1".to_owned()],
        happened_at: Some(retail_proto::timestamp(1_795_000_000_000)),
        ..pb::SendMessageRequest::default()
    };
    world::tokio().block_on(async {
        let runtime = world::runtime(Arc::new(script.clone()));
        let smtp = retail_smtp::Connector::new(&toml::from_str(CONFIG).unwrap(), &runtime).unwrap();
        smtp.send_message(Request::new(request)).await.map(|sent| sent.into_inner().outcome.unwrap().state())
    })
}

/// What a relay says, a turn after each empty line.
pub(crate) fn mail(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let turns: Vec<&str> = text.split("\n\n").take(12).collect();
    let answers = turns.iter().map(|turn| format!("{}\r\n", turn.replace('\n', "\r\n")).into_bytes()).collect();
    let script = Script::new(Manners::Mail, answers, Vec::new());
    let recipient = pb::Recipient { email: "max@example.com".to_owned(), ..pb::Recipient::default() };
    match send(&script, recipient, "1001") {
        Ok(OutcomeState::Done) => {
            let taken = |turn: &&str| turn.starts_with('2') || turn.starts_with('3');
            assert!(turns.len() >= GOOD.len(), "taken on in {} steps: {turns:?}", turns.len());
            assert!(turns.iter().take(GOOD.len()).all(taken), "taken on against its word: {turns:?}");
        }
        Ok(_) => {}
        Err(status) => explained(&status),
    }
}

/// Whom a message is for: an address, and what else people may have typed.
pub(crate) fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (email, words) = text.split_once('\n').unwrap_or((&text, "1001"));
    let answers = GOOD.iter().map(|line| format!("{line}\r\n").into_bytes()).collect();
    let script = Script::new(Manners::Mail, answers, Vec::new());
    let recipient = pb::Recipient { email: email.to_owned(), name: words.to_owned(), ..pb::Recipient::default() };
    match send(&script, recipient, words) {
        Ok(OutcomeState::Done) => {
            let log = script.log();
            let commands: Vec<&str> = log.iter().map(|said| said.split("\r\n").next().unwrap()).collect();
            let verbs: Vec<&str> = commands.iter().map(|line| line.split([' ', ':']).next().unwrap()).collect();
            assert_eq!(verbs[..4], ["EHLO", "MAIL", "RCPT", "DATA"], "{email:?} is a command of its own");
            let to = commands[2].strip_prefix("RCPT TO:<").and_then(|rest| rest.strip_suffix('>')).unwrap();
            assert!(to.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte)), "{to:?}");
            // The message is one turn, whatever its words: it did not end early.
            assert_eq!(log[4].matches("\r\n.\r\n").count(), 1, "{words:?} ended the message");
            let head = log[4].split("\r\n\r\n").next().unwrap();
            let known = [
                "date",
                "from",
                "to",
                "subject",
                "message-id",
                "mime-version",
                "content-type",
                "content-transfer-encoding",
                "reply-to",
                "auto-submitted",
                "x-",
                "list-",
            ];
            for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
                let lower = line.to_ascii_lowercase();
                assert!(known.iter().any(|name| lower.starts_with(name)), "{words:?} made the header {line:?}");
            }
        }
        Ok(_) => {}
        Err(status) => explained(&status),
    }
}
