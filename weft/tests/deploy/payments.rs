//! The payment service beside the mesh: `base/stripe`, and the door that `overlays/payments` opens for its webhooks.

use std::collections::BTreeMap;

use retail_weft::config;
use serde_json::Value;

use crate::manifest::{list, named, text, word, words, yaml};
use crate::process::{CONFIG, Deployed, run};

fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap()
}

#[test]
fn the_connector_is_started_as_it_listens_and_its_secrets_come_from_secrets() {
    let all = documents("kubernetes/base/stripe/stripe.yaml");
    let one = |kind: &str| all.iter().find(|one| one["kind"] == kind).unwrap();
    let container = &one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let variables = list(container, "/env");
    let mut env: BTreeMap<String, String> =
        variables.iter().map(|one| (word(one, "/name").to_owned(), "given".to_owned())).collect();
    assert_eq!(env.len(), variables.iter().filter(|one| one.pointer("/valueFrom/secretKeyRef").is_some()).count());
    env.insert("WEFT_CONFIG".to_owned(), CONFIG.to_owned());
    let toml = text("kubernetes/base/stripe/weft.toml");
    let deployed = Deployed { name: "stripe".to_owned(), args: words(container, "/args"), env, toml };
    assert_eq!(deployed.args, run("stripe"));
    let config = deployed.accepted();
    let at = config.listen.stripe;
    assert!(at.ip().is_unspecified() && config.stripe.is_some());
    let port = named(list(container, "/ports"), "name", "grpc");
    assert_eq!(port["containerPort"].as_u64(), Some(u64::from(at.port())));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["grpc"]["port"].as_u64(), Some(u64::from(at.port())), "{probe}");
    }
    assert_eq!(list(one("Service"), "/spec/ports")[0]["port"].as_u64(), Some(u64::from(at.port())));
}

#[test]
fn the_edge_hands_webhooks_of_the_connectors_instance_to_where_it_listens() {
    let overlay = yaml("kubernetes/overlays/payments/kustomization.yaml");
    let patches: Value = serde_saphyr::from_str(word(&overlay, "/patches/0/patch")).unwrap();
    let env: BTreeMap<&str, &str> =
        list(&patches, "").iter().map(|one| (word(one, "/value/name"), word(one, "/value/value"))).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weft.toml");
    std::fs::write(&file, text("kubernetes/base/stripe/weft.toml")).unwrap();
    let config = config::load(Some(&file), None).unwrap();
    let instance = config.stripe.unwrap().instance.to_uppercase();
    assert_eq!(env[format!("WEFT__GATEWAY__WEBHOOKS__{instance}__KIND").as_str()], "payments");
    let upstream = format!("http://stripe:{}", config.listen.stripe.port());
    assert_eq!(env[format!("WEFT__GATEWAY__WEBHOOKS__{instance}__UPSTREAM").as_str()], upstream);
    // The edge reads it so.
    let line = vec!["run".to_owned(), "gateway".to_owned()];
    let mut env: BTreeMap<String, String> =
        env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    env.insert("WEFT_CONFIG".to_owned(), CONFIG.to_owned());
    let toml = text("kubernetes/base/gateway/weft.toml");
    Deployed { name: "gateway".to_owned(), args: line, env, toml }.accepted();
}
