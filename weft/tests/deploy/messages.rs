//! Messages beside the mesh: `base/messages`, and what `overlays/messages` tells orders, returns and the edge.

use std::collections::BTreeMap;

use retail_weft::config::{self, Backend};
use serde_json::Value;

use crate::manifest::{list, named, text, word, words, yaml};
use crate::process::{CONFIG, Deployed, run};

const SERVICE: &str = "retail.messages.v1.MessagesService";

/// The environment that the overlay adds to a process.
fn added(process: &str) -> BTreeMap<String, String> {
    let overlay = yaml("kubernetes/overlays/messages/kustomization.yaml");
    let of_process = |patch: &&Value| word(patch, "/target/name") == process;
    let patch = list(&overlay, "/patches").iter().find(of_process).unwrap();
    let operations: Value = serde_saphyr::from_str(word(patch, "/patch")).unwrap();
    let env = list(&operations, "").iter();
    env.map(|one| (word(one, "/value/name").to_owned(), word(one, "/value/value").to_owned())).collect()
}

/// The binary takes the base of a process under what the overlay adds; answers the value of a variable that it adds.
fn given(process: &str, variable: &str) -> toml::Value {
    let mut env = added(process);
    env.insert("WEFT_CONFIG".to_owned(), CONFIG.to_owned());
    let toml = text(&format!("kubernetes/base/{process}/weft.toml"));
    let args = run(process).into_iter().map(str::to_owned).collect();
    Deployed { name: process.to_owned(), args, env: env.clone(), toml }.accepted();
    let value = format!("given = {}", env[variable]).parse::<toml::Table>().unwrap();
    value["given"].clone()
}

#[test]
fn the_service_is_started_as_it_listens_over_a_store_of_its_own() {
    let all: Vec<Value> = serde_saphyr::from_multiple(&text("kubernetes/base/messages/messages.yaml")).unwrap();
    let one = |kind: &str| all.iter().find(|one| one["kind"] == kind).unwrap();
    let container = &one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let env = BTreeMap::from([("WEFT_CONFIG".to_owned(), CONFIG.to_owned())]);
    let toml = text("kubernetes/base/messages/weft.toml");
    let deployed = Deployed { name: "messages".to_owned(), args: words(container, "/args"), env, toml };
    assert_eq!(deployed.args, run("messages"));
    let config = deployed.accepted();
    let at = config.listen.messages;
    assert!(at.ip().is_unspecified() && config.messages.is_some());
    assert_eq!(config.store.backend, Backend::Redis);
    assert_eq!(config.store.redis.unwrap().user.as_deref(), Some("messages"));
    let port = named(list(container, "/ports"), "name", "grpc");
    assert_eq!(port["containerPort"].as_u64(), Some(u64::from(at.port())));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["grpc"]["port"].as_u64(), Some(u64::from(at.port())), "{probe}");
    }
    assert_eq!(list(one("Service"), "/spec/ports")[0]["port"].as_u64(), Some(u64::from(at.port())));
    assert!(text("secrets.sh").contains("messages"), "secrets.sh makes no user messages");
}

#[test]
fn the_carrier_listens_where_messages_looks_for_it_and_is_called_by_its_name() {
    let all: Vec<Value> = serde_saphyr::from_multiple(&text("kubernetes/base/smtp/smtp.yaml")).unwrap();
    let one = |kind: &str| all.iter().find(|one| one["kind"] == kind).unwrap();
    let container = &one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let env = [("WEFT_CONFIG", CONFIG), ("WEFT__SMTP__RELAY__PASSWORD", "given")];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let toml = text("kubernetes/base/smtp/weft.toml");
    let deployed = Deployed { name: "smtp".to_owned(), args: words(container, "/args"), env, toml };
    assert_eq!(deployed.args, run("smtp"));
    let config = deployed.accepted();
    let at = config.listen.smtp;
    let port = named(list(container, "/ports"), "name", "grpc");
    assert_eq!(port["containerPort"].as_u64(), Some(u64::from(at.port())));
    assert_eq!(list(one("Service"), "/spec/ports")[0]["port"].as_u64(), Some(u64::from(at.port())));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weft.toml");
    std::fs::write(&file, text("kubernetes/base/messages/weft.toml")).unwrap();
    let told = config::load(Some(&file), None).unwrap().messages.unwrap();
    let carrier = &told.carriers[&config.smtp.unwrap().instance];
    assert_eq!(carrier.address, format!("http://smtp:{}", at.port()));
}

#[test]
fn orders_and_returns_keep_their_events_until_messages_has_them() {
    let known = config::load(None, None).unwrap();
    for (process, groups) in [("orders", known.orders.groups), ("returns", known.returns.groups)] {
        let both: Vec<toml::Value> = groups.into_iter().chain(["messages".to_owned()]).map(Into::into).collect();
        let upper = process.to_uppercase();
        assert_eq!(given(process, &format!("WEFT__{upper}__GROUPS")), both.clone().into());
        assert_eq!(given(process, &format!("WEFT__STORE__GROUPS__{upper}")), both.into());
    }
}

#[test]
fn the_edge_has_the_routes_of_messages() {
    let port = config::load(None, None).unwrap().listen.messages.port();
    let upstreams = given("gateway", "WEFT__GATEWAY__UPSTREAMS");
    assert_eq!(upstreams[SERVICE].as_str().unwrap(), format!("http://messages:{port}"));
    assert_eq!(upstreams.as_table().unwrap().len(), 1, "the others are those of the base");
}
