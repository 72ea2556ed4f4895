//! `weft check-config` and `weft doctor`: what is wrong, one line each, with the mend.

use std::process::ExitCode;

use retail_proto::ops::v1::GetStatsRequest;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::Runtime;

use crate::config::{Backend, Config};
use crate::console;
use crate::mesh::{self, Addresses, url};

/// The configuration was read before the verb began: what is left is what no parser sees.
pub(crate) fn config(config: &Config) -> anyhow::Result<ExitCode> {
    let problems = problems(config);
    for problem in &problems {
        console::say(problem);
    }
    if problems.is_empty() {
        console::say("the configuration can be used");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(crate::EXIT_CONFIG))
}

/// References between sections that lead nowhere.
fn problems(config: &Config) -> Vec<String> {
    let mut problems = config.orders.sourcing.problems();
    let unknown =
        config.orders.sourcing.channels.keys().filter(|name| !config.orders.channels.contains_key(name.as_str()));
    problems.extend(unknown.map(|name| format!("orders.sourcing.channels.{name}: there is no orders.channels.{name}")));
    for (name, channel) in &config.orders.channels {
        if !config.orders.erps.contains_key(&channel.erp) {
            problems
                .push(format!("orders.channels.{name}.erp names {:?}; add orders.erps.{:?}", channel.erp, channel.erp));
        }
        if !channel.crm.is_empty() && !config.orders.crms.contains_key(&channel.crm) {
            problems
                .push(format!("orders.channels.{name}.crm names {:?}; add orders.crms.{:?}", channel.crm, channel.crm));
        }
    }
    problems.extend(config.orders.credit_problems());
    problems.extend(payments(config));
    for (name, channel) in &config.returns.channels {
        if !config.returns.erps.contains_key(&channel.erp) {
            let erp = &channel.erp;
            problems.push(format!("returns.channels.{name}.erp names {erp:?}; add returns.erps.{erp:?}"));
        }
    }
    for (name, channel) in &config.cases.channels {
        if !channel.crm.is_empty() && !config.cases.crms.contains_key(&channel.crm) {
            let crm = &channel.crm;
            problems.push(format!("cases.channels.{name}.crm names {crm:?}; add cases.crms.{crm:?}"));
        }
    }
    problems.extend(config.message_problems());
    for (instance, webhook) in &config.gateway.webhooks {
        let ours = config.stripe.as_ref().is_some_and(|account| account.instance == *instance);
        if webhook.kind == "payments" && config.stripe.is_some() && !ours {
            problems.push(format!(
                "gateway.webhooks.{instance} is of kind \"payments\", but stripe.instance is another; give them one name"
            ));
        }
    }
    problems
}

/// Payments that nobody would take, or give back.
fn payments(config: &Config) -> Vec<String> {
    let mut problems = config.orders.gateway_problems();
    let unknown = config.orders.payments.keys().filter(|service| !config.returns.payments.contains_key(*service));
    let words = |service: &String| {
        format!(
            "orders.payments.{service} takes money that returns could not give back; add returns.payments.{service}"
        )
    };
    problems.extend(unknown.map(words));
    problems
}

/// Looks at the machine and at a running mesh.
pub(crate) async fn doctor(config: &Config) -> anyhow::Result<ExitCode> {
    let mut sound = true;
    let mut tell = |good: bool, what: String| {
        sound &= good;
        console::say(&format!("{} {what}", if good { "ok  " } else { "BAD " }));
    };
    for problem in problems(config) {
        tell(false, problem);
    }
    let (good, said) = store(config);
    tell(good, said);
    let runtime = Runtime::system("weft doctor");
    let addresses = Addresses::known(config);
    for (name, at) in mesh::named(&addresses) {
        let answers = runtime.net().connect(&at.ip().to_string(), at.port()).await.is_ok();
        tell(
            answers,
            format!("{name} {} at {at}", if answers { "answers" } else { "does not answer; start it with `weft all`" }),
        );
    }
    for (name, at) in addresses.services() {
        let mut ops = OpsServiceClient::new(runtime.peer(&url(at))?);
        if let Ok(stats) = ops.get_stats(GetStatsRequest {}).await {
            let stats = stats.into_inner();
            let what =
                format!("{name}: {} open, {} parked, {} commits since start", stats.open, stats.parked, stats.commits);
            let mend = if stats.parked == 0 { String::new() } else { "; see `weft tx list --state parked`".to_owned() };
            tell(stats.parked == 0, format!("{what}{mend}"));
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the store can be used, as far as that shows from here.
fn store(config: &Config) -> (bool, String) {
    match (config.store.backend, &config.store.redis) {
        (Backend::Embedded, _) => {
            let dir = &config.data_dir;
            let writable = std::fs::create_dir_all(dir).is_ok() && std::fs::write(dir.join(".doctor"), b"x").is_ok();
            let _left_behind = std::fs::remove_file(dir.join(".doctor"));
            let word = if writable { "is writable" } else { "cannot be written; give --data-dir" };
            (writable, format!("data directory {} {word}", dir.display()))
        }
        (Backend::Model, _) => (true, "store.backend is model: everything is forgotten at the end".to_owned()),
        (Backend::Redis, Some(_)) => {
            (true, "store.backend is redis: each service checks its servers at its start".to_owned())
        }
        (Backend::Redis, None) => (false, "store.backend is redis, but there is no [store.redis]; add it".to_owned()),
    }
}
