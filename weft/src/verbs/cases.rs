//! `weft case`: what an agent needs in one call, and the cases with what hangs on them.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::Runtime;
use serde_json::{Value, json};

use crate::answer::{amount, list, state, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// Arguments of `weft case`.
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
    /// Everything about a customer's affair, by exactly one key.
    Context(Key),
    /// One case, by the CRM's id.
    Show { id: String },
    /// Cases, newest first; at most one filter.
    List {
        /// Only this customer.
        #[arg(long, default_value = "")]
        customer: String,
        /// Only with this order.
        #[arg(long, default_value = "")]
        order: String,
        /// Only with this return.
        #[arg(long, default_value = "")]
        r#return: String,
    },
    /// Ties a case to an order or a return.
    Link {
        /// The CRM's id of the case.
        id: String,
        /// Our order id.
        #[arg(long, default_value = "", required_unless_present = "return")]
        order: String,
        /// Our return id.
        #[arg(long, default_value = "")]
        r#return: String,
    },
}

#[derive(ClapArgs)]
#[group(required = true, multiple = false)]
struct Key {
    /// The CRM's id of a case.
    #[arg(long)]
    case: Option<String>,
    /// The number people read of a case.
    #[arg(long)]
    case_number: Option<String>,
    /// Number the customer knows of an order.
    #[arg(long)]
    order_number: Option<String>,
    /// Our order id.
    #[arg(long)]
    order: Option<String>,
    /// RMA number the customer knows.
    #[arg(long)]
    rma: Option<String>,
    /// Our return id.
    #[arg(long)]
    r#return: Option<String>,
    /// Our customer id.
    #[arg(long)]
    customer: Option<String>,
    /// E-mail.
    #[arg(long)]
    email: Option<String>,
    /// Phone with its country.
    #[arg(long)]
    phone: Option<String>,
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft case");
    let rest = Rest::open(&runtime, config)?;
    match args.what {
        What::Context(key) => {
            let given = |text: &Option<String>| text.clone().unwrap_or_default();
            let query = [
                ("caseId", given(&key.case)),
                ("caseNumber", given(&key.case_number)),
                ("orderNumber", given(&key.order_number)),
                ("orderId", given(&key.order)),
                ("rmaNumber", given(&key.rma)),
                ("returnId", given(&key.r#return)),
                ("customerId", given(&key.customer)),
                ("email", given(&key.email)),
                ("phone", given(&key.phone)),
            ];
            let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            tell(args.output, &rest.get("/v1/context", &query).await?, context)?;
        }
        What::Show { id } => {
            tell(args.output, &rest.get(&format!("/v1/cases/{}", segment(&id)), &[]).await?, show)?;
        }
        What::List { customer, order, r#return } => {
            let query =
                [("customerId", customer.as_str()), ("orderId", &order), ("returnId", &r#return), ("pageSize", "200")];
            tell(args.output, &rest.get("/v1/cases", &query).await?, |answer| cases(answer, "/cases"))?;
        }
        What::Link { id, order, r#return } => {
            let body = json!({"orderId": order, "returnId": r#return});
            let path = format!("/v1/cases/{}:link", segment(&id));
            tell(args.output, &rest.post(&path, args.key.as_deref(), &body).await?, show)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn context(answer: &Value) {
    let Some(all) = answer.get("context") else { return };
    let sections = list(all, "/sections").map(|section| {
        vec![
            word(section, "/name"),
            state(section, "/state", "SECTION_STATE_"),
            word(section, "/source"),
            word(section, "/asOf"),
            word(section, "/reason"),
            word(section, "/detail"),
        ]
    });
    console::table(&["section", "is", "from", "as of", "reason", "detail"], sections.collect());
    if let Some(customer) = all.get("customer") {
        let name = format!("{} {}", word(customer, "/profile/firstName"), word(customer, "/profile/lastName"));
        console::say(&format!("customer {}  {}", word(customer, "/customerId"), name.trim()));
    }
    let orders = list(all, "/orders").map(|order| {
        let cells = ["/orderNumber", "/status", "/next", "/placedAt"];
        let mut row: Vec<String> = cells.iter().map(|cell| word(order, cell)).collect();
        row.extend([amount(order, "/total"), word(order, "/orderId")]);
        row
    });
    console::table(&["order", "status", "next", "placed", "total", "id"], orders.collect());
    let returns = list(all, "/returns").map(|one| {
        ["/rmaNumber", "/status", "/next", "/requestedAt", "/returnId"].iter().map(|cell| word(one, cell)).collect()
    });
    console::table(&["RMA", "status", "next", "requested", "id"], returns.collect());
    cases(all, "/cases");
    let promises = list(all, "/promises").map(|promise| {
        let person = if word(promise, "/needsPerson") == "true" { "a person" } else { "" };
        vec![word(promise, "/text"), word(promise, "/dueDate"), word(promise, "/since"), person.to_owned()]
    });
    console::table(&["promised", "due", "since", "waits for"], promises.collect());
}

fn cases(answer: &Value, at: &str) {
    let rows = list(answer, at).map(|case| {
        vec![
            word(case, "/caseRecord/record/number"),
            word(case, "/caseRecord/status"),
            word(case, "/caseRecord/openedAt"),
            list(case, "/milestones").count().to_string(),
            word(case, "/cause"),
            word(case, "/caseRecord/record/id"),
        ]
    });
    console::table(&["case", "status", "opened", "milestones", "cause", "id"], rows.collect());
}

fn show(answer: &Value) {
    let Some(case) = answer.get("linkedCase") else { return };
    let number = word(case, "/caseRecord/record/number");
    console::say(&format!("case {number}  {}", word(case, "/caseRecord/status")));
    for (what, at) in [("order", "/orderIds"), ("return", "/returnIds")] {
        for id in list(case, at) {
            console::say(&format!("{what} {}", word(id, "")));
        }
    }
    let rows = list(case, "/milestones").map(|one| {
        let told = word(one, "/record/id");
        vec![
            word(one, "/milestone/happenedAt"),
            word(one, "/milestone/kind"),
            word(one, "/milestone/detail"),
            amount(one, "/milestone/amount"),
            if told.is_empty() { "not yet told".to_owned() } else { told },
        ]
    });
    console::table(&["at", "milestone", "detail", "amount", "CRM record"], rows.collect());
}
