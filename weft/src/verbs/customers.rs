//! `weft customer`: who somebody is, duplicates merged and taken apart again, consent.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use retail_runtime::Runtime;
use serde_json::{Value, json};

use crate::answer::{list, state, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, segment, tell};

/// Arguments of `weft customer`.
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
    /// One customer, by id; a merged one answers the customer it became.
    Show { id: String },
    /// Customers by e-mail or phone.
    Find {
        /// E-mail, in any spelling.
        #[arg(long, default_value = "", required_unless_present = "phone")]
        email: String,
        /// Phone with its country.
        #[arg(long, default_value = "")]
        phone: String,
    },
    /// Pairs that may be one person.
    Candidates,
    /// Makes one customer of two.
    Merge {
        /// The customer that stays.
        survivor: String,
        /// The customer that becomes part of it.
        merged: String,
        /// Why, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Takes a merge back.
    Unmerge {
        /// The customer that stayed.
        survivor: String,
        /// The customer that became part of it.
        merged: String,
        /// Why, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Says that two customers are different people.
    Dismiss {
        customer: String,
        other: String,
        /// Why, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Records a decision about consent.
    Consent {
        customer: String,
        #[arg(value_enum)]
        channel: Channel,
        #[arg(value_enum)]
        decision: Decision,
        /// UPPER_SNAKE_CASE purpose.
        #[arg(long, default_value = "MARKETING")]
        purpose: String,
        /// Proof, needed to grant: the wording shown, the form.
        #[arg(long, default_value = "")]
        evidence: String,
    },
    /// Every decision about consent, newest first.
    Consents { customer: String },
}

#[derive(Clone, Copy, ValueEnum)]
enum Channel {
    Email,
    Sms,
    Phone,
    Post,
    Push,
}

#[derive(Clone, Copy, ValueEnum)]
enum Decision {
    Granted,
    Withdrawn,
    Pending,
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft customer");
    let rest = Rest::open(&runtime, config)?;
    let (output, key) = (args.output, args.key.as_deref());
    let at = |id: &str, verb: &str| format!("/v1/customers/{}{verb}", segment(id));
    match args.what {
        What::Show { id } => tell(output, &rest.get(&at(&id, ""), &[]).await?, |all| show(all, "/customer"))?,
        What::Find { email, phone } => {
            let found = rest.get("/v1/customers", &[("email", email.as_str()), ("phone", &phone)]).await?;
            tell(output, &found, |found| table(list(found, "/customers")))?;
        }
        What::Candidates => {
            let found = rest.get("/v1/customers:mergeCandidates", &[("pageSize", "200")]).await?;
            tell(output, &found, |found| {
                let cells = ["/customerId", "/otherId", "/reason", "/foundAt"];
                let rows = list(found, "/candidates").map(|pair| cells.iter().map(|cell| word(pair, cell)).collect());
                console::table(&["customer", "other", "reason", "found"], rows.collect());
            })?;
        }
        What::Merge { survivor, merged, note } => {
            let body = json!({"mergedId": merged, "note": note});
            let answer = rest.post(&at(&survivor, ":merge"), key, &body).await?;
            tell(output, &answer, |all| show(all, "/customer"))?;
        }
        What::Unmerge { survivor, merged, note } => {
            let body = json!({"mergedId": merged, "note": note});
            let answer = rest.post(&at(&survivor, ":unmerge"), key, &body).await?;
            tell(output, &answer, |all| {
                show(all, "/survivor");
                show(all, "/restored");
            })?;
        }
        What::Dismiss { customer, other, note } => {
            let body = json!({"customerId": customer, "otherId": other, "note": note});
            rest.post("/v1/customers:dismissMergeCandidate", key, &body).await?;
            console::say("dismissed: the two are different people");
        }
        What::Consent { customer, channel, decision, purpose, evidence } => {
            let consent = json!({
                "channel": spelt("CONSENT_CHANNEL", channel), "state": spelt("CONSENT_STATE", decision),
                "purpose": purpose, "evidence": evidence, "capturedAt": runtime.clock().now().to_string(),
                "source": {"kind": "weft", "instance": "cli", "type": "operator", "id": "weft"},
            });
            let answer = rest.post(&at(&customer, ":recordConsent"), key, &json!({"consent": consent})).await?;
            tell(output, &answer, |all| show(all, "/customer"))?;
        }
        What::Consents { customer } => {
            tell(output, &rest.get(&at(&customer, "/consents"), &[]).await?, |all| consents(all, "/consents"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The contract's word of a choice.
fn spelt(prefix: &str, choice: impl ValueEnum) -> String {
    let word = choice.to_possible_value().map(|value| value.get_name().to_uppercase()).unwrap_or_default();
    format!("{prefix}_{word}")
}

fn table<'v>(customers: impl Iterator<Item = &'v Value>) {
    let rows = customers.map(|one| {
        let name = format!("{} {}", word(one, "/profile/firstName"), word(one, "/profile/lastName"));
        let refs: Vec<String> =
            list(one, "/refs").map(|record| format!("{}/{}", word(record, "/instance"), word(record, "/id"))).collect();
        let kind = state(one, "/kind", "CUSTOMER_KIND_");
        vec![word(one, "/customerId"), kind, name.trim().to_owned(), refs.join(", ")]
    });
    console::table(&["id", "kind", "name", "records"], rows.collect());
}

fn show(answer: &Value, at: &str) {
    let Some(one) = answer.pointer(at) else { return };
    table(std::iter::once(one));
    let former: Vec<String> = list(one, "/mergedIds").map(|id| word(id, "")).collect();
    if !former.is_empty() {
        console::say(&format!("stands also for {}", former.join(", ")));
    }
    for problem in list(one, "/problems") {
        console::say(&format!(
            "{}/{} was not told: {} ({})",
            word(problem, "/kind"),
            word(problem, "/instance"),
            word(problem, "/detail"),
            word(problem, "/reason")
        ));
    }
    if list(one, "/consents").next().is_some() {
        consents(one, "/consents");
    }
}

fn consents(answer: &Value, at: &str) {
    let rows = list(answer, at).map(|one| {
        vec![
            state(one, "/channel", "CONSENT_CHANNEL_"),
            word(one, "/purpose"),
            state(one, "/state", "CONSENT_STATE_"),
            word(one, "/capturedAt"),
            format!("{}/{}", word(one, "/source/instance"), word(one, "/source/id")),
            word(one, "/evidence"),
        ]
    });
    console::table(&["channel", "purpose", "decision", "captured", "source", "evidence"], rows.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_spelt_as_the_contract_does() {
        assert_eq!(spelt("CONSENT_CHANNEL", Channel::Sms), "CONSENT_CHANNEL_SMS");
        assert_eq!(spelt("CONSENT_STATE", Decision::Withdrawn), "CONSENT_STATE_WITHDRAWN");
    }
}
