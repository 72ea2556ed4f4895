//! `weft return`: what may come back, returns and their lines, receipts, exceptions settled.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use retail_runtime::Runtime;
use serde_json::{Map, Value, json};

use crate::answer::{amount, list, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// Arguments of `weft return`.
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
    /// Says what may come back and why, without starting anything.
    Check(Wish),
    /// Starts a return.
    Start {
        #[command(flatten)]
        wish: Wish,
        /// Your own id of the return; the same id is the same return.
        #[arg(long)]
        reference: String,
        /// The CRM's case it belongs to, as `instance/id`.
        #[arg(long)]
        case: Option<String>,
    },
    /// One return, by id or RMA number.
    Show { id: String },
    /// Returns, newest first; at most one filter.
    List {
        /// requested, held, authorized, partly-received, received, completed, cancelling, cancelled or refused.
        #[arg(long, default_value = "")]
        state: String,
        /// Only this customer.
        #[arg(long, default_value = "")]
        customer: String,
        /// Only of this order.
        #[arg(long, default_value = "")]
        order: String,
        /// Only those that wait for a person.
        #[arg(long)]
        exceptions: bool,
        /// Only with this cause of an exception, for example NO_EARLIER_PURCHASE.
        #[arg(long, default_value = "")]
        cause: String,
    },
    /// Records goods that came back.
    Receive {
        /// Id or RMA number.
        id: String,
        /// The warehouse's own id of the receipt.
        #[arg(long)]
        reference: String,
        /// `number=quantity` or `number=quantity:quarantine` (discard, reject); all that is awaited when absent.
        #[arg(long = "line")]
        lines: Vec<String>,
        /// Location; where it was shipped from when absent.
        #[arg(long, default_value = "")]
        location: String,
    },
    /// Ends the waiting for goods that will not come.
    Close {
        /// Id or RMA number.
        id: String,
        #[arg(long)]
        reason: String,
    },
    /// Cancels a return of which nothing has come back.
    Cancel {
        /// Id or RMA number.
        id: String,
        #[arg(long)]
        reason: String,
    },
    /// Settles a line that waits in the exceptions.
    Resolve {
        /// Id or RMA number.
        id: String,
        /// Number of the line.
        #[arg(long)]
        line: i32,
        /// How.
        #[arg(value_enum)]
        how: How,
        /// The purchase, `order-id/line-number`, for `purchase`.
        #[arg(long, default_value = "")]
        purchase: String,
        /// Why, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Tries a parked return again.
    Resume {
        /// Id or RMA number.
        id: String,
        /// What was mended, for the audit.
        #[arg(long)]
        note: String,
    },
}

/// What shall come back.
#[derive(ClapArgs)]
struct Wish {
    /// Channel it was sold at.
    #[arg(long, default_value = "shop")]
    channel: String,
    /// The customer, for goods without an order.
    #[arg(long, default_value = "")]
    customer: String,
    /// `sku=quantity`, of any earlier order.
    #[arg(long = "item")]
    items: Vec<String>,
    /// `order-number:sku=quantity`, of this order.
    #[arg(long = "of")]
    of_orders: Vec<String>,
    /// Why it comes back, for example DEFECTIVE.
    #[arg(long, default_value = "")]
    why: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// It was bought with the order that `--purchase` names.
    Purchase,
    /// The policy does not apply this time.
    Override,
    /// Nothing comes back for it.
    Dismiss,
}

impl Wish {
    fn body(&self, runtime: &Runtime) -> anyhow::Result<Map<String, Value>> {
        let mut lines = Vec::new();
        for item in &self.items {
            let (sku, quantity) = pair(item)?;
            lines.push(json!({"sku": sku, "quantity": quantity, "reason": self.why}));
        }
        for item in &self.of_orders {
            let (of, quantity) = pair(item)?;
            let (number, sku) = of.rsplit_once(':').with_context(|| format!("{item:?} is not order-number:sku=n"))?;
            lines.push(json!({"orderNumber": number, "sku": sku, "quantity": quantity, "reason": self.why}));
        }
        let now = runtime.clock().now().to_string();
        let mut body = Map::new();
        body.insert("channel".to_owned(), json!(self.channel));
        body.insert("customerId".to_owned(), json!(self.customer));
        body.insert("requestedAt".to_owned(), json!(now));
        body.insert("lines".to_owned(), json!(lines));
        Ok(body)
    }
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft return");
    let rest = Rest::open(&runtime, config)?;
    let (output, key) = (args.output, args.key.as_deref());
    match args.what {
        What::Check(wish) => {
            let body = Value::Object(wish.body(&runtime)?);
            let answer = rest.post("/v1/returns:checkEligibility", key, &body).await?;
            tell(output, &answer, eligibility)?;
        }
        What::Start { wish, reference, case } => {
            let mut body = wish.body(&runtime)?;
            body.insert("capture".to_owned(), json!("RETURN_CAPTURE_REQUEST"));
            body.insert("source".to_owned(), json!("weft"));
            body.insert("sourceReturnId".to_owned(), json!(reference));
            if let Some(case) = case {
                let (instance, id) = case.split_once('/').context("--case is instance/id, for example crm/500...")?;
                let record = json!({"kind": "crm", "instance": instance, "type": "Case", "id": id});
                body.insert("caseRecord".to_owned(), record);
            }
            tell(output, &rest.post("/v1/returns", key, &Value::Object(body)).await?, show)?;
        }
        What::Show { id } => {
            let id = known(&rest, &id).await?;
            tell(output, &rest.get(&format!("/v1/returns/{}", segment(&id)), &[]).await?, show)?;
        }
        What::List { state, customer, order, exceptions, cause } => {
            let state = if state.is_empty() { state } else { named(&state) };
            let only = if exceptions { "true" } else { "" };
            let query = [
                ("state", state.as_str()),
                ("customerId", &customer),
                ("orderId", &order),
                ("exceptionsOnly", only),
                ("exceptionCause", &cause),
                ("pageSize", "200"),
            ];
            tell(output, &rest.get("/v1/returns", &query).await?, table)?;
        }
        What::Receive { id, reference, lines, location } => {
            let lines: anyhow::Result<Vec<Value>> = lines.iter().map(|line| received(line)).collect();
            let at = runtime.clock().now().to_string();
            let body = json!({"receiptRef": reference, "receivedAt": at, "location": location, "lines": lines?});
            change(&rest, &id, "receive", key, body, output).await?;
        }
        What::Close { id, reason } => change(&rest, &id, "close", key, json!({"reason": reason}), output).await?,
        What::Cancel { id, reason } => change(&rest, &id, "cancel", key, json!({"reason": reason}), output).await?,
        What::Resolve { id, line, how, purchase, note } => {
            let body = match how {
                How::Purchase => {
                    let (order, number) = purchase.rsplit_once('/').context("--purchase is order-id/line-number")?;
                    let number: i32 = number.parse().context("the number of an order line is a number")?;
                    json!({"lineNumber": line, "note": note, "orderId": order, "orderLineNumber": number})
                }
                How::Override => json!({"lineNumber": line, "note": note, "overridePolicy": true}),
                How::Dismiss => json!({"lineNumber": line, "note": note, "dismiss": true}),
            };
            change(&rest, &id, "resolveException", key, body, output).await?;
        }
        What::Resume { id, note } => change(&rest, &id, "resume", key, json!({"note": note}), output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(
    rest: &Rest<'_>,
    id: &str,
    verb: &str,
    key: Option<&str>,
    body: Value,
    output: Output,
) -> anyhow::Result<()> {
    let id = known(rest, id).await?;
    let answer = rest.post(&format!("/v1/returns/{}:{verb}", segment(&id)), key, &body).await?;
    tell(output, &answer, show)
}

/// The id behind an id or an RMA number.
async fn known(rest: &Rest<'_>, id: &str) -> anyhow::Result<String> {
    if !id.starts_with("R-") {
        return Ok(id.to_owned());
    }
    let found = rest.get("/v1/returns", &[("rmaNumber", id)]).await?;
    let found = list(&found, "/returns").next().map(|found| word(found, "/returnId"));
    found.with_context(|| format!("no return has the number {id}; look at `weft return list`"))
}

fn pair(text: &str) -> anyhow::Result<(&str, &str)> {
    text.rsplit_once('=').with_context(|| format!("{text:?} is not of the form sku=quantity"))
}

fn received(text: &str) -> anyhow::Result<Value> {
    let (number, rest) =
        text.split_once('=').with_context(|| format!("{text:?} is not of the form number=quantity"))?;
    let (quantity, disposition) = rest.split_once(':').unwrap_or((rest, "restock"));
    let number: i32 = number.parse().with_context(|| format!("{number:?} is not the number of a line"))?;
    if !["restock", "quarantine", "discard", "reject"].contains(&disposition) {
        bail!("no disposition {disposition:?}; say restock, quarantine, discard or reject");
    }
    let disposition = format!("DISPOSITION_{}", disposition.to_uppercase());
    Ok(json!({"number": number, "quantity": quantity, "disposition": disposition}))
}

fn named(state: &str) -> String {
    format!("RETURN_STATE_{}", state.to_uppercase().replace('-', "_"))
}

fn eligibility(answer: &Value) {
    let rows = list(answer, "/lines").map(|line| {
        let failed = list(line, "/rules").find(|rule| rule.get("passed").and_then(Value::as_bool) != Some(true));
        let why = failed.map(|rule| word(rule, "/detail")).unwrap_or_default();
        let yes = if word(line, "/eligible") == "true" { "yes" } else { "no" };
        let of = format!("{}/{}", word(line, "/orderId"), word(line, "/orderLineNumber"));
        vec![
            word(line, "/sku"),
            yes.to_owned(),
            word(line, "/quantity"),
            amount(line, "/amount"),
            word(line, "/cause"),
            why,
            of,
        ]
    });
    console::table(&["sku", "may come back", "quantity", "amount", "cause", "why", "bought as"], rows.collect());
}

fn table(answer: &Value) {
    let rows = list(answer, "/returns").map(|one| {
        vec![
            word(one, "/rmaNumber"),
            word(one, "/status"),
            word(one, "/openExceptions"),
            format!("{}/{}", word(one, "/source"), word(one, "/sourceReturnId")),
            word(one, "/requestedAt"),
            word(one, "/cause"),
            word(one, "/returnId"),
        ]
    });
    console::table(&["RMA", "status", "exceptions", "asked for at", "when", "cause", "id"], rows.collect());
}

/// One return, with its lines and documents.
pub(crate) fn show(answer: &Value) {
    let Some(one) = answer.get("returnRecord") else { return };
    let number = word(one, "/rmaNumber");
    let number = if number.is_empty() { "no RMA yet".to_owned() } else { number };
    console::say(&format!("{number}  {}  {}", word(one, "/status"), word(one, "/returnId")));
    for (name, text) in [("next", word(one, "/next")), ("cause", word(one, "/cause"))] {
        if !text.is_empty() {
            console::say(&format!("{name}: {text}"));
        }
    }
    let lines = list(one, "/lines").map(|line| {
        let cells = ["/number", "/sku", "/orderNumber", "/requested", "/authorized", "/received", "/accepted"];
        let mut row: Vec<String> = cells.iter().map(|cell| word(line, cell)).collect();
        row.extend([word(line, "/credited"), word(line, "/refunded"), amount(line, "/amount"), word(line, "/cause")]);
        row
    });
    console::table(
        &[
            "line",
            "sku",
            "order",
            "requested",
            "authorized",
            "received",
            "accepted",
            "credited",
            "refunded",
            "amount",
            "cause",
        ],
        lines.collect(),
    );
    let parts = list(one, "/parts").map(|part| {
        let number = |of: &str| {
            let number = word(part, &format!("/{of}/number"));
            if number.is_empty() { word(part, &format!("/{of}/id")) } else { number }
        };
        vec![
            word(part, "/orderNumber"),
            number("invoice"),
            number("returnAuthorization"),
            number("creditMemo"),
            amount(part, "/credited"),
            number("refund"),
            amount(part, "/refunded"),
            number("refundDocument"),
        ]
    });
    let headings =
        ["order", "invoice", "ERP return", "credit memo", "credited", "shop refund", "refunded", "ERP refund"];
    console::table(&headings, parts.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_line_may_say_what_became_of_it() {
        assert_eq!(received("2=3").unwrap()["disposition"], "DISPOSITION_RESTOCK");
        assert_eq!(received("2=3:reject").unwrap()["disposition"], "DISPOSITION_REJECT");
        assert!(received("2=3:sell").unwrap_err().to_string().contains("quarantine"));
        assert!(received("two=3").unwrap_err().to_string().contains("two"));
    }

    #[test]
    fn states_are_spelt_as_people_write_them() {
        assert_eq!(named("partly-received"), "RETURN_STATE_PARTLY_RECEIVED");
    }
}
