//! `weft order`: one order with where it ships from, lists and queues, and what stores and agents say of it.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::Runtime;
use serde_json::{Value, json};

use crate::answer::{amount, list, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// Arguments of `weft order`.
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
    /// One order, by id or by the number the customer knows.
    Show { id: String },
    /// Orders, newest first; at most one filter.
    List {
        /// received, held, reserved, booked, partly-shipped, shipped, completed, cancelling, cancelled or refused.
        #[arg(long, default_value = "")]
        state: String,
        /// Only this customer.
        #[arg(long, default_value = "")]
        customer: String,
        /// Only those that wait for a person.
        #[arg(long)]
        exceptions: bool,
        /// Only pickups that stand there: awaited, ready, rejected or lapsed.
        #[arg(long, default_value = "")]
        pickup: String,
        /// With --pickup: only this store.
        #[arg(long, default_value = "")]
        store: String,
    },
    /// Cancels an order of which nothing has shipped, or what has not shipped of some of its lines.
    Cancel {
        /// Id or number.
        id: String,
        #[arg(long)]
        reason: String,
        /// Only this line, by number, while the rest goes on. May be given several times.
        #[arg(long = "line")]
        lines: Vec<i32>,
    },
    /// A store has picked it: it waits for the customer.
    Ready {
        /// Id or number.
        id: String,
        /// For the audit, for example where it lies.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// The customer has it.
    HandOver {
        /// Id or number.
        id: String,
        /// Who got it.
        #[arg(long)]
        to: String,
        /// For the audit, for example what was shown.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// A place cannot fulfil what it was given.
    Reject {
        /// Id or number.
        id: String,
        #[arg(long)]
        reason: String,
        /// Which place, when the order waits at several.
        #[arg(long, default_value = "")]
        at: String,
    },
    /// Gives what has not shipped to another place, or ships a pickup instead.
    Reroute {
        /// Id or number.
        id: String,
        #[arg(long)]
        reason: String,
        /// From which place, when the order waits at several.
        #[arg(long, default_value = "")]
        from: String,
        /// The place that shall; sourcing chooses when absent.
        #[arg(long, default_value = "")]
        to: String,
        /// Ship a pickup to the customer.
        #[arg(long)]
        ship: bool,
    },
    /// Changes what has not shipped: quantities, further lines, the address, the store.
    Edit(Box<Edit>),
    /// Holds an order that is not booked yet.
    Hold {
        /// Id or number.
        id: String,
        /// Why, for people.
        #[arg(long)]
        note: String,
    },
    /// Releases a hold, so that the order goes on.
    Release {
        /// Id or number.
        id: String,
        /// Which hold, for example TOTAL_MISMATCH.
        #[arg(long)]
        hold: String,
        /// Why it may go on, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Tries a parked order again.
    Resume {
        /// Id or number.
        id: String,
        /// What was mended, for the audit.
        #[arg(long)]
        note: String,
    },
}

/// What is changed; several of it are one edit.
#[derive(ClapArgs)]
struct Edit {
    /// Id or number.
    id: String,
    #[arg(long)]
    reason: String,
    /// Another quantity of a line, `number=quantity`; 0 takes it away. May be given several times.
    #[arg(long = "line", value_name = "NUMBER=QUANTITY", value_parser = quantity)]
    lines: Vec<(i32, String)>,
    /// A further line, `sku=quantity@price`. May be given several times.
    #[arg(long = "add", value_name = "SKU=QUANTITY@PRICE", value_parser = further)]
    further: Vec<(String, String, String)>,
    /// Delivery address as JSON, for example `{"name": "A. Jones", "lines": ["1 High Street"], "city": "Leeds"}`.
    #[arg(long, value_name = "JSON", value_parser = json)]
    address: Option<Value>,
    /// Collect it in this store.
    #[arg(long, default_value = "", requires = "collected_by")]
    store: String,
    /// With --store: who collects.
    #[arg(long, default_value = "")]
    collected_by: String,
    /// Deliver what was to be collected.
    #[arg(long)]
    ship: bool,
    /// With --ship: the place that ships it; the store when absent.
    #[arg(long, default_value = "", requires = "ship")]
    ship_from: String,
    /// A payment for a higher total as JSON, as in `addPayment`.
    #[arg(long, value_name = "JSON", value_parser = json)]
    payment: Option<Value>,
    /// Only when the order is still at this version.
    #[arg(long, default_value_t = 0)]
    version: u64,
}

impl Edit {
    fn body(&self) -> Value {
        let line = |(number, quantity): &(i32, String)| json!({"lineNumber": number, "quantity": quantity});
        let further = |(sku, quantity, price): &(String, String, String)| json!({"kind": "LINE_KIND_GOODS", "sku": sku, "quantity": quantity, "unitPrice": price});
        let mut body = json!({
            "reason": self.reason,
            "expectedVersion": self.version.to_string(),
            "quantities": self.lines.iter().map(line).collect::<Vec<_>>(),
            "newLines": self.further.iter().map(further).collect::<Vec<_>>(),
            "ship": self.ship,
            "shipFrom": self.ship_from,
        });
        let store = (!self.store.is_empty()).then(|| json!({"location": self.store, "contactName": self.collected_by}));
        let parts = [("shippingAddress", self.address.clone()), ("pickup", store), ("payment", self.payment.clone())];
        for (name, part) in parts {
            if let (Some(part), Some(body)) = (part, body.as_object_mut()) {
                body.insert(name.to_owned(), part);
            }
        }
        body
    }
}

fn quantity(text: &str) -> Result<(i32, String), String> {
    let (number, quantity) = text.split_once('=').ok_or("say NUMBER=QUANTITY, for example 2=3")?;
    let number = number.trim().parse().map_err(|_| format!("{number:?} is not the number of a line"))?;
    Ok((number, quantity.trim().to_owned()))
}

fn further(text: &str) -> Result<(String, String, String), String> {
    let parts = text.rsplit_once('@').and_then(|(goods, price)| Some((goods.rsplit_once('=')?, price)));
    let ((sku, quantity), price) = parts.ok_or("say SKU=QUANTITY@PRICE, for example MUG=2@2.50")?;
    Ok((sku.trim().to_owned(), quantity.trim().to_owned(), price.trim().to_owned()))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft order");
    let rest = Rest::open(&runtime, config)?;
    let (id, verb, body) = match args.what {
        What::Show { id } => {
            let id = known(&rest, &id).await?;
            tell(args.output, &rest.get(&format!("/v1/orders/{}", segment(&id)), &[]).await?, show)?;
            return Ok(ExitCode::SUCCESS);
        }
        What::List { state, customer, exceptions, pickup, store } => {
            let only = if exceptions { "true" } else { "" };
            let (state, pickup) = (named("ORDER_STATE", &state), named("PICKUP_STAGE", &pickup));
            let query = [
                ("state", state.as_str()),
                ("customerId", &customer),
                ("exceptionsOnly", only),
                ("pickupStage", &pickup),
                ("pickupLocation", &store),
                ("pageSize", "200"),
            ];
            tell(args.output, &rest.get("/v1/orders", &query).await?, table)?;
            return Ok(ExitCode::SUCCESS);
        }
        What::Cancel { id, reason, lines } => (id, "cancel", json!({"reason": reason, "lineNumbers": lines})),
        What::Ready { id, note } => (id, "readyForPickup", json!({"note": note})),
        What::HandOver { id, to, note } => (id, "handOver", json!({"collectedBy": to, "note": note})),
        What::Reject { id, reason, at } => (id, "rejectPick", json!({"reason": reason, "location": at})),
        What::Reroute { id, reason, from, to, ship } => {
            (id, "reroute", json!({"reason": reason, "from": from, "to": to, "ship": ship}))
        }
        What::Edit(edit) => (edit.id.clone(), "edit", edit.body()),
        What::Hold { id, note } => (id, "hold", json!({"note": note})),
        What::Release { id, hold, note } => (id, "releaseHold", json!({"holdReason": hold, "note": note})),
        What::Resume { id, note } => (id, "resume", json!({"note": note})),
    };
    let id = known(&rest, &id).await?;
    let answer = rest.post(&format!("/v1/orders/{}:{verb}", segment(&id)), args.key.as_deref(), &body).await?;
    tell(args.output, &answer, show)?;
    Ok(ExitCode::SUCCESS)
}

/// The id behind an id or a number the customer knows.
async fn known(rest: &Rest<'_>, id: &str) -> anyhow::Result<String> {
    let found = rest.get("/v1/orders", &[("orderNumber", id)]).await?;
    let mut found = list(&found, "/orders").map(|found| word(found, "/orderId"));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        // Nothing has that number: it may be an id, and the answer says when it is neither.
        (None, _) => Ok(id.to_owned()),
        (Some(_), Some(_)) => anyhow::bail!("several orders have the number {id}; say which by its id"),
    }
}

fn named(kind: &str, state: &str) -> String {
    if state.is_empty() { String::new() } else { format!("{kind}_{}", state.to_uppercase().replace('-', "_")) }
}

fn table(answer: &Value) {
    let rows = list(answer, "/orders").map(|one| {
        vec![
            word(one, "/orderNumber"),
            word(one, "/status"),
            word(one, "/channel"),
            amount(one, "/total"),
            word(one, "/placedAt"),
            word(one, "/cause"),
            word(one, "/orderId"),
        ]
    });
    console::table(&["number", "status", "channel", "total", "placed", "cause", "id"], rows.collect());
}

/// One order, with its lines, where they ship from and why.
fn show(answer: &Value) {
    let Some(one) = answer.get("order") else { return };
    console::say(&format!("{}  {}  {}", word(one, "/orderNumber"), word(one, "/status"), word(one, "/orderId")));
    let sourced = word(one, "/sourcing/why");
    let texts = [("next", word(one, "/next")), ("cause", word(one, "/cause")), ("ships from", sourced)];
    for (name, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        console::say(&format!("{name}: {text}"));
    }
    for hold in list(one, "/holds") {
        console::say(&format!("held: {}: {}", word(hold, "/reason"), word(hold, "/detail")));
    }
    for check in list(one, "/creditChecks") {
        let verdict = plain(&word(check, "/verdict"), "CREDIT_VERDICT_");
        console::say(&format!("credit: {verdict}: {}", word(check, "/why")));
    }
    for step in list(one, "/pickup/steps") {
        let (at, who, stage) = (word(step, "/at"), word(step, "/who"), plain(&word(step, "/stage"), "PICKUP_STAGE_"));
        console::say(&format!("pickup at {}: {at} {stage} by {who}: {}", word(step, "/location"), word(step, "/why")));
    }
    for reroute in list(one, "/reroutes") {
        let state = plain(&word(reroute, "/state"), "REROUTE_STATE_");
        let told = [word(reroute, "/sourcing/why"), word(reroute, "/outcome")].join(" ");
        let (from, who, why) = (word(reroute, "/from"), word(reroute, "/who"), word(reroute, "/why"));
        console::say(&format!("away from {from}: {state}, asked by {who} ({why}): {}", told.trim()));
    }
    for edit in list(one, "/edits") {
        let state = plain(&word(edit, "/state"), "EDIT_STATE_");
        let told = [word(edit, "/next"), word(edit, "/outcome")].join(" ");
        let (number, who, why) = (word(edit, "/number"), word(edit, "/who"), word(edit, "/why"));
        let (before, after) = (amount(edit, "/totalBefore"), amount(edit, "/total"));
        let told = told.trim();
        console::say(&format!("edit {number}: {state}, asked by {who} ({why}): {before} to {after} {told}"));
        for check in list(edit, "/creditChecks") {
            let verdict = plain(&word(check, "/verdict"), "CREDIT_VERDICT_");
            console::say(&format!("edit {number}: credit: {verdict}: {}", word(check, "/why")));
        }
    }
    let lines = list(one, "/lines").map(|line| {
        let cells = ["/number", "/sku", "/quantity", "/unitPrice", "/location", "/reserved", "/shortfall"];
        let mut row: Vec<String> = cells.iter().map(|cell| word(line, cell)).collect();
        // A part of a line that several places ship.
        let whole = word(line, "/splitFrom");
        if let Some(number) = row.first_mut().filter(|_| !whole.is_empty() && whole != "0") {
            number.push_str(&format!(" of {whole}"));
        }
        row.extend([word(line, "/shipped"), word(line, "/invoiced"), amount(line, "/amount")]);
        row
    });
    let headings =
        ["line", "sku", "quantity", "price", "location", "reserved", "shortfall", "shipped", "invoiced", "amount"];
    console::table(&headings, lines.collect());
    let records = list(one, "/refs").map(|record| {
        vec![word(record, "/instance"), word(record, "/type"), word(record, "/number"), word(record, "/id")]
    });
    console::table(&["system", "record", "number", "id"], records.collect());
}

/// A contract's word as people write it.
fn plain(word: &str, prefix: &str) -> String {
    word.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_said_in_a_line() {
        assert_eq!(quantity("2=3"), Ok((2, "3".to_owned())));
        assert!(quantity("two").unwrap_err().contains("NUMBER=QUANTITY"));
        let mug = ("MUG=BIG".to_owned(), "2".to_owned(), "2.50".to_owned());
        assert_eq!(further("MUG=BIG=2@2.50"), Ok(mug));
        assert!(further("MUG").is_err());
    }

    #[test]
    fn states_are_spelt_as_people_write_them() {
        assert_eq!(named("ORDER_STATE", "partly-shipped"), "ORDER_STATE_PARTLY_SHIPPED");
        assert_eq!(named("PICKUP_STAGE", ""), "");
        assert_eq!(plain("PICKUP_STAGE_READY", "PICKUP_STAGE_"), "ready");
    }
}
