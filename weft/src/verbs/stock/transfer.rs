//! `weft stock transfer`: goods from one location to another, as people at both ends say it.

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::{Runtime, Timestamp};
use serde_json::{Map, Value, json};

use crate::answer::{list, state, word};
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// What becomes of a transfer.
#[derive(Subcommand)]
pub(super) enum What {
    /// Sets goods aside to be moved; with `--left` they are on the road already.
    New(New),
    /// They have left.
    Send {
        /// Id of the transfer.
        id: String,
        /// What left, where it is less than planned, for example `85123A=3`.
        lines: Vec<String>,
        /// When, RFC 3339; now when absent.
        #[arg(long)]
        at: Option<Timestamp>,
        /// When they are expected, RFC 3339; as planned when absent.
        #[arg(long)]
        expected: Option<Timestamp>,
    },
    /// They have arrived, or some of them.
    Receive {
        /// Id of the transfer.
        id: String,
        /// Id of the receipt, the same at every repeat.
        #[arg(long)]
        receipt: String,
        /// What came, for example `85123A=3`; without any, all that is on the road.
        lines: Vec<String>,
        /// Nothing more will come: what is missing is lost.
        #[arg(long)]
        complete: bool,
        /// Cause of a difference, for example `LOST_ON_THE_ROAD`.
        #[arg(long, default_value = "")]
        reason: String,
        /// When, RFC 3339; now when absent.
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// They do not leave after all.
    Cancel {
        /// Id of the transfer.
        id: String,
    },
    /// One transfer.
    Show {
        /// Id of the transfer.
        id: String,
    },
    /// Transfers that have not ended.
    List {
        /// Only those that leave this location.
        #[arg(long, default_value = "")]
        from: String,
    },
}

/// Arguments of `weft stock transfer new`.
#[derive(ClapArgs)]
pub(super) struct New {
    /// What goes, for example `85123A=5`.
    #[arg(required = true)]
    lines: Vec<String>,
    /// Where it lies; the default location when absent.
    #[arg(long, default_value = "")]
    from: String,
    /// Where it goes.
    #[arg(long)]
    to: String,
    /// When it is expected, RFC 3339.
    #[arg(long)]
    expected: Timestamp,
    /// Id of the transfer, the same at every repeat; a new one when absent.
    #[arg(long, default_value = "")]
    id: String,
    /// It has left.
    #[arg(long)]
    left: bool,
    /// Takes what is promised to others, too; who goes is proposed.
    #[arg(long)]
    force: bool,
    /// Reference for people.
    #[arg(long, default_value = "")]
    reference: String,
}

/// Runs the verb.
pub(super) async fn run(runtime: &Runtime, rest: &Rest<'_>, what: What, output: Output) -> anyhow::Result<()> {
    let now = runtime.clock().now();
    let answer = match what {
        What::New(new) => {
            let mut body = json!({
                "transferId": new.id, "from": new.from, "to": new.to, "lines": lines(&new.lines)?,
                "expectedAt": new.expected.to_string(), "force": new.force, "reference": new.reference,
            });
            if new.left {
                put(&mut body, "leftAt", Some(now));
            }
            let key = (!new.id.is_empty()).then(|| format!("transfer-{}", new.id));
            rest.post("/v1/transfers", key.as_deref(), &body).await?
        }
        What::Send { id, lines: given, at, expected } => {
            let mut body = json!({"lines": lines(&given)?});
            put(&mut body, "leftAt", Some(at.unwrap_or(now)));
            put(&mut body, "expectedAt", expected);
            rest.post(&path(&id, ":send"), Some(&format!("send-{id}")), &body).await?
        }
        What::Receive { id, receipt, lines: given, complete, reason, at } => {
            let mut body =
                json!({"receiptId": receipt, "lines": lines(&given)?, "complete": complete, "reason": reason});
            put(&mut body, "happenedAt", Some(at.unwrap_or(now)));
            rest.post(&path(&id, ":receive"), None, &body).await?
        }
        What::Cancel { id } => rest.post(&path(&id, ":cancel"), None, &json!({})).await?,
        What::Show { id } => rest.get(&path(&id, ""), &[]).await?,
        What::List { from } => {
            let found = rest.get("/v1/transfers", &[("pageSize", "200"), ("from", &from)]).await?;
            return tell(output, &found, |found| table(list(found, "/transfers").collect()));
        }
    };
    tell(output, &answer, |answer| {
        let transfer = answer.get("transfer").unwrap_or(answer);
        table(vec![transfer]);
        list(transfer, "/lines").for_each(|line| console::say(&told(line)));
    })
}

fn path(id: &str, verb: &str) -> String {
    format!("/v1/transfers/{}{verb}", segment(id))
}

fn put(body: &mut Value, name: &str, at: Option<Timestamp>) {
    if let (Some(at), Some(fields)) = (at, body.as_object_mut()) {
        fields.insert(name.to_owned(), json!(at.to_string()));
    }
}

/// `ITEM=QUANTITY`, as many as there are.
fn lines(given: &[String]) -> anyhow::Result<Vec<Value>> {
    let line = |text: &String| {
        let (sku, quantity) =
            text.split_once('=').ok_or_else(|| anyhow::anyhow!("{text:?} is no line; say ITEM=QUANTITY"))?;
        let fields = [("sku", sku), ("quantity", quantity)].map(|(name, value)| (name.to_owned(), json!(value)));
        Ok(Value::Object(Map::from_iter(fields)))
    };
    given.iter().map(line).collect()
}

fn table(transfers: Vec<&Value>) {
    let rows = transfers.into_iter().map(|transfer| {
        let cells = ["/transferId", "/from", "/to"].map(|cell| word(transfer, cell));
        let standing = state(transfer, "/state", "TRANSFER_STATE_");
        cells.into_iter().chain([standing, word(transfer, "/expectedAt"), word(transfer, "/leftAt")]).collect()
    });
    console::table(&["transfer", "from", "to", "state", "expected", "left"], rows.collect());
}

/// A line of a transfer, in a line.
fn told(line: &Value) -> String {
    let mut told = format!("{}: {} planned", word(line, "/sku"), word(line, "/quantity"));
    for (cell, what) in [
        ("/short", "promised to others"),
        ("/sent", "left"),
        ("/received", "arrived"),
        ("/lost", "lost"),
        ("/surplus", "beyond"),
    ] {
        let quantity = word(line, cell);
        if !matches!(quantity.as_str(), "" | "0") {
            told.push_str(&format!(", {quantity} {what}"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_read_item_by_item_and_nonsense_is_refused() {
        let read = lines(&["85123A=5".to_owned()]).unwrap();
        assert_eq!(read, [json!({"sku": "85123A", "quantity": "5"})]);
        assert!(lines(&["85123A".to_owned()]).unwrap_err().to_string().contains("ITEM=QUANTITY"));
    }

    #[test]
    fn a_line_tells_only_what_there_is_to_tell() {
        let line = json!({"sku": "A", "quantity": "5", "short": "0", "sent": "5", "received": "3", "lost": "2"});
        assert_eq!(told(&line), "A: 5 planned, 5 left, 3 arrived, 2 lost");
    }
}
