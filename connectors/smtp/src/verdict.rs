//! What the stop of a dialogue means: taken, refused for good, or not taken now; and whether nobody knows.

use retail_connect::{CallFault, Held};

use crate::dialogue::{Stage, Stop};
use crate::fault::{Error, OPERATION};
use crate::reply::Reply;

/// How the relay decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It takes care of the message from here on.
    Taken,
    /// It refuses: repeating it unchanged is useless.
    Refused {
        /// `ADDRESS_REFUSED` or `MESSAGE_REFUSED`.
        reason: &'static str,
        /// Its words, without addresses.
        words: String,
    },
}

/// Judges a stop. An error says that nothing left, but for the one that says that nobody knows.
pub(crate) fn judged(stop: Stop) -> Result<Verdict, Error> {
    match stop {
        Stop::Said { stage, reply } => said(stage, &reply),
        Stop::Broken { stage: Stage::End, why } => Err(unknown(&why)),
        Stop::Broken { stage, why } => {
            let why = format!("at {}: {why}", stage.word());
            Err(Error::Call(CallFault::not_sent(OPERATION, Held::Connect, why)))
        }
        Stop::NoTls => Err(Error::WithoutTls),
        Stop::NoLogin => Err(Error::Login { words: "it offers neither PLAIN nor LOGIN".to_owned() }),
        Stop::TooLarge { size, most } => {
            let words = format!("the message has {size} bytes, the relay takes {most}");
            Ok(Verdict::Refused { reason: "MESSAGE_REFUSED", words })
        }
    }
}

fn said(stage: Stage, reply: &Reply) -> Result<Verdict, Error> {
    let (code, words) = (reply.code, reply.words());
    if stage == Stage::End && reply.is(2) {
        return Ok(Verdict::Taken);
    }
    if reply.is(4) {
        return Err(Error::Deferred { stage: stage.word(), code, words });
    }
    if !reply.is(5) {
        // 2xx and 3xx where they make no sense. Behind the end that may be a yes.
        return Err(match stage {
            Stage::End => unknown(&format!("the relay answered {code}")),
            Stage::Connect
            | Stage::Greeting
            | Stage::Hello
            | Stage::StartTls
            | Stage::Login
            | Stage::Sender
            | Stage::Recipient
            | Stage::Data
            | Stage::Message => Error::Unexpected { stage: stage.word(), code },
        });
    }
    let said = format!("{code} {words}");
    // RFC 4954, section 6: log in first, mechanism too weak, encryption required, bad credentials.
    if stage == Stage::Login || [530, 534, 535, 538].contains(&code) {
        return Err(Error::Login { words: said });
    }
    match stage {
        Stage::Recipient => Ok(Verdict::Refused { reason: "ADDRESS_REFUSED", words: said }),
        Stage::Sender | Stage::Data | Stage::Message | Stage::End => {
            Ok(Verdict::Refused { reason: "MESSAGE_REFUSED", words: said })
        }
        // It does not talk to us at all: that is about this relay and us, not about the message.
        Stage::Connect | Stage::Greeting | Stage::Hello | Stage::StartTls | Stage::Login => {
            Err(Error::Refused { stage: stage.word(), code, words })
        }
    }
}

fn unknown(why: &str) -> Error {
    Error::Call(CallFault::Unknown { operation: OPERATION, why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::{Class, Fault as _};

    use super::*;

    const ALL: [Stage; 10] = [
        Stage::Connect,
        Stage::Greeting,
        Stage::Hello,
        Stage::StartTls,
        Stage::Login,
        Stage::Sender,
        Stage::Recipient,
        Stage::Data,
        Stage::Message,
        Stage::End,
    ];

    fn on(stage: Stage, code: u16) -> Result<Verdict, Error> {
        judged(Stop::Said { stage, reply: Reply { code, lines: vec!["words".to_owned()] } })
    }

    fn reason(stage: Stage, code: u16) -> &'static str {
        match on(stage, code) {
            Ok(Verdict::Taken) => "TAKEN",
            Ok(Verdict::Refused { reason, .. }) => reason,
            Err(error) => error.reason(),
        }
    }

    #[test]
    fn a_broken_connection_is_unknown_behind_the_end_and_nowhere_else() {
        for stage in ALL {
            let error = judged(Stop::Broken { stage, why: "gone".to_owned() }).unwrap_err();
            let expected = if stage == Stage::End { Class::Unknown } else { Class::Unavailable };
            assert_eq!(error.class(), expected, "{stage:?}");
        }
    }

    #[test]
    fn not_now_is_not_executed_at_every_stage() {
        for (stage, code) in ALL.into_iter().flat_map(|stage| [(stage, 421), (stage, 450), (stage, 454)]) {
            let error = on(stage, code).unwrap_err();
            assert_eq!((error.class(), error.reason()), (Class::Unavailable, "RELAY_DEFERRED"), "{stage:?} {code}");
        }
    }

    #[test]
    fn no_is_about_the_address_the_message_or_us() {
        let expected = [
            (Stage::Greeting, 554, "VENDOR_REFUSED"),
            (Stage::Hello, 550, "VENDOR_REFUSED"),
            (Stage::StartTls, 554, "VENDOR_REFUSED"),
            (Stage::Login, 535, "VENDOR_REFUSED_CREDENTIALS"),
            (Stage::Sender, 530, "VENDOR_REFUSED_CREDENTIALS"),
            (Stage::Sender, 550, "MESSAGE_REFUSED"),
            (Stage::Recipient, 550, "ADDRESS_REFUSED"),
            (Stage::Data, 554, "MESSAGE_REFUSED"),
            (Stage::End, 554, "MESSAGE_REFUSED"),
            (Stage::End, 250, "TAKEN"),
        ];
        for (stage, code, word) in expected {
            assert_eq!(reason(stage, code), word, "{stage:?} {code}");
        }
    }

    #[test]
    fn a_yes_that_makes_no_sense_is_unknown_behind_the_end_and_nothing_before() {
        assert_eq!(reason(Stage::Data, 250), "VENDOR_ANSWER_UNEXPECTED");
        assert_eq!(reason(Stage::Sender, 354), "VENDOR_ANSWER_UNEXPECTED");
        assert_eq!(reason(Stage::End, 354), "VENDOR_OUTCOME_UNKNOWN");
    }
}
