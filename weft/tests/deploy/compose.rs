//! The mesh on one machine, `deploy/compose.yaml`, and what Prometheus asks there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::manifest::{deploy, list, named, text, word, words, yaml};
use crate::process::{CONFIG, DOMAINS, Deployed, PROCESSES, listens, run};

pub(crate) fn compose() -> Value {
    yaml("compose.yaml")
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

/// What a service gives to the binary; the twins' configuration is made with their key.
pub(crate) fn deployed(compose: &Value, name: &str) -> Deployed {
    let service = &compose["services"][name];
    let env: BTreeMap<String, String> = service["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let mounted = list(service, "/configs").iter().find(|one| one["target"] == CONFIG);
    let toml = mounted.map(|one| text(word(&compose["configs"][word(one, "/source")], "/file"))).unwrap_or_default();
    Deployed { name: name.to_owned(), args: words(service, "/command"), env, toml }
}

#[test]
fn every_service_runs_a_verb_with_the_configuration_of_its_base() {
    let compose = compose();
    let ours: BTreeSet<&str> = services(&compose)
        .filter(|(_, service)| service["image"] == format!("weft:{}", env!("CARGO_PKG_VERSION")))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(ours, BTreeSet::from_iter(PROCESSES.into_iter().chain(["sandbox"])));
    for name in PROCESSES {
        let deployed = deployed(&compose, name);
        assert_eq!(deployed.args, run(name));
        assert_eq!(deployed.env["WEFT_CONFIG"], CONFIG, "{name}");
        assert_eq!(deployed.toml, text(&format!("kubernetes/base/{name}/weft.toml")), "{name}");
        deployed.accepted();
    }
    let twins = deployed(&compose, "sandbox");
    assert_eq!(twins.args, ["sandbox"]);
    twins.accepted();
}

#[test]
fn every_address_is_a_service_that_listens_there() {
    let compose = compose();
    let mut open: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for name in PROCESSES {
        let at = listens(&deployed(&compose, name).accepted(), name);
        open.entry(name.to_owned()).or_default().insert(at.port());
    }
    for (variable, at) in &deployed(&compose, "sandbox").env {
        if variable.starts_with("WEFT__SANDBOX__LISTEN__") {
            open.entry("sandbox".to_owned()).or_default().insert(at.rsplit_once(':').unwrap().1.parse().unwrap());
        }
    }
    let jaeger = yaml("kubernetes/jaeger/config.yaml");
    let port = |pointer: &str| word(&jaeger, pointer).rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    open.insert("jaeger".to_owned(), [port("/receivers/otlp/protocols/grpc/endpoint")].into());
    let from_outside = ["127.0.0.1".to_owned()];
    for name in PROCESSES.into_iter().chain(["sandbox"]) {
        for (host, port) in deployed(&compose, name).calls() {
            let known = from_outside.contains(&host) || open.get(&host).is_some_and(|ports| ports.contains(&port));
            assert!(known, "{name} calls {host}:{port}, where nobody listens");
        }
    }
    let prometheus = yaml("prometheus.yaml");
    let scraped = |job: &str| {
        let found = named(list(&prometheus, "/scrape_configs"), "job_name", job);
        words(found, "/static_configs/0/targets")
    };
    let figures = PROCESSES.map(|name| {
        let at = deployed(&compose, name).accepted().listen.metrics;
        assert!(at.ip().is_unspecified(), "{name} shows its figures on {at}, where nobody reaches it");
        format!("{name}:{}", at.port())
    });
    assert_eq!(BTreeSet::from_iter(scraped("weft")), BTreeSet::from(figures));
    assert_eq!(scraped("spanmetrics"), [format!("jaeger:{}", port("/exporters/prometheus/endpoint"))]);
    for name in DOMAINS {
        let redis = deployed(&compose, name).accepted().store.redis.unwrap();
        for address in &redis.addresses {
            let (host, _) = address.rsplit_once(':').unwrap();
            let node = host.split_once('.').unwrap().0;
            assert_eq!(words(&compose["services"][node], "/networks/default/aliases"), [host], "{name}");
        }
        let mounted = list(&compose["services"][name], "/secrets");
        let target = redis.password_file.unwrap().display().to_string();
        assert_eq!(word(named(mounted, "target", &target), "/source"), format!("redis-{name}"));
    }
}

#[test]
fn what_is_mounted_is_there_or_made_by_the_script() {
    let compose = compose();
    for (name, file) in compose["configs"].as_object().unwrap() {
        assert!(deploy().join(word(file, "/file")).is_file(), "{name}");
    }
    let script = text("secrets.sh");
    for (name, file) in compose["secrets"].as_object().unwrap() {
        assert_eq!(word(file, "/file"), format!("secrets/{name}"));
        let of_domain = name.strip_prefix("redis-").is_some_and(|domain| DOMAINS.contains(&domain));
        assert!(of_domain || script.contains(name), "secrets.sh makes no {name}");
    }
    for domain in DOMAINS {
        assert!(script.contains(domain), "secrets.sh makes no user {domain}");
    }
    let ignored = std::fs::read_to_string(deploy().join("../.gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "/deploy/secrets"), "secrets could be committed");
}

#[test]
fn containers_may_do_nothing_more_and_are_reached_from_this_machine_alone() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert!(!word(service, "/user").starts_with('0'), "{name}");
        let (_, tag) = word(service, "/image").rsplit_once(':').unwrap_or_else(|| panic!("{name} has no tag"));
        assert_ne!(tag, "latest", "{name}");
        for port in words(service, "/ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
    for name in PROCESSES {
        assert_eq!(word(&compose["services"][name], "/user"), "65532:65532");
        assert_eq!(word(&compose["services"][name], "/stop_grace_period"), "45s");
    }
}

#[test]
fn redis_replays_its_log_as_a_default_user_who_may_do_everything_and_whom_nobody_can_be() {
    // Redis 7.0 drops, at its start, what the default user may not do: every commit (docs/durability.md).
    assert!(text("secrets.sh").contains("'user default off resetpass ~* &* +@all\\n"));
}
