//! `weft message`: what customers were told, what waits to be told and why, and telling it again.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::Runtime;
use serde_json::{Value, json};

use crate::answer::{list, state, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// Arguments of `weft message`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value = "table", global = true)]
    output: Output,
    /// Key of the request; the same key may be repeated safely. A new one when absent.
    #[arg(long, global = true)]
    key: Option<String>,
}

#[derive(Subcommand)]
enum What {
    /// Messages, newest first; at most one filter.
    List {
        /// Only of this order and its returns, by our id.
        #[arg(long, default_value = "")]
        order: String,
        /// Only of this return, by our id.
        #[arg(long, default_value = "")]
        r#return: String,
        /// waiting, parked, sent, not-sent, lapsed, skipped or cancelled.
        #[arg(long, default_value = "")]
        state: String,
    },
    /// One message.
    Show { id: String },
    /// Tells it again, by a new message.
    Resend {
        id: String,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
    },
    /// Ends one that waits: it is never sent.
    Cancel {
        id: String,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
    },
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft message");
    let rest = Rest::open(&runtime, config)?;
    let (output, key) = (args.output, args.key.as_deref());
    match args.what {
        What::List { order, r#return, state } => {
            let state = if state.is_empty() { state } else { contract_word(&state) };
            let query = [("orderId", order.as_str()), ("returnId", &r#return), ("state", &state), ("pageSize", "200")];
            tell(output, &rest.get("/v1/messages", &query).await?, messages)?;
        }
        What::Show { id } => {
            tell(output, &rest.get(&format!("/v1/messages/{}", segment(&id)), &[]).await?, show)?;
        }
        What::Resend { id, reason } => {
            let path = format!("/v1/messages/{}:resend", segment(&id));
            tell(output, &rest.post(&path, key, &json!({"reason": reason})).await?, show)?;
        }
        What::Cancel { id, reason } => {
            let path = format!("/v1/messages/{}:cancel", segment(&id));
            tell(output, &rest.post(&path, key, &json!({"reason": reason})).await?, show)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The contract's word for a state. One that it does not have is refused by the service, with those that it has.
fn contract_word(state: &str) -> String {
    format!("MESSAGE_STATE_{}", state.to_uppercase().replace('-', "_"))
}

fn messages(answer: &Value) {
    let rows = list(answer, "/messages").map(|message| {
        vec![
            word(message, "/happenedAt"),
            word(message, "/orderNumber"),
            state(message, "/occasion", "OCCASION_"),
            word(message, "/status"),
            word(message, "/cause"),
            word(message, "/messageId"),
        ]
    });
    console::table(&["at", "order", "told of", "status", "cause", "id"], rows.collect());
}

fn show(answer: &Value) {
    let Some(message) = answer.get("message") else { return };
    let occasion = state(message, "/occasion", "OCCASION_");
    console::say(&format!("{occasion} of order {}  {}", word(message, "/orderNumber"), word(message, "/status")));
    for (what, at) in [
        ("cause", "/cause"),
        ("to", "/recipient/email"),
        ("carrier", "/carrier"),
        ("happened", "/happenedAt"),
        ("written", "/writtenAt"),
        ("expires", "/expiresAt"),
        ("ended", "/endedAt"),
        ("tells again", "/resendOf"),
        ("asked by", "/askedBy"),
        ("id", "/messageId"),
    ] {
        let said = word(message, at);
        if !said.is_empty() {
            console::say(&format!("{what}: {said}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_in_the_words_of_the_contract() {
        assert_eq!(contract_word("not-sent"), "MESSAGE_STATE_NOT_SENT");
        assert_eq!(contract_word("parked"), "MESSAGE_STATE_PARKED");
    }
}
