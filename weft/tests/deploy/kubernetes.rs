//! The composed mesh of `deploy/kubernetes`.

use std::collections::{BTreeMap, BTreeSet};

use retail_weft::config::Backend;
use serde_json::{Value, json};

use crate::manifest::{composed, list, named, text, word, words};
use crate::process::{CONFIG, DOMAINS, Deployed, PROCESSES, listens, run};

/// Everything of the overlay, by kind.
struct Mesh(Vec<Value>);

impl Mesh {
    fn read() -> Option<Self> {
        composed("kubernetes/overlays/mesh").map(Self)
    }

    fn all(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|one| one["kind"] == kind).collect()
    }

    fn one(&self, kind: &str, name: &str) -> &Value {
        let found = self.all(kind).into_iter().find(|one| one["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// Deployments that run our image.
    fn processes(&self) -> Vec<(String, &Value)> {
        let ours = self.all("Deployment").into_iter().filter(|one| {
            list(one, "/spec/template/spec/containers").iter().any(|container| container["name"] == "weft")
        });
        ours.map(|one| (word(one, "/metadata/name").to_owned(), one)).collect()
    }

    /// What a Deployment gives to the binary.
    fn deployed(&self, name: &str, deployment: &Value) -> Deployed {
        let container = container(deployment);
        let env = list(container, "/env").iter().map(|one| {
            let value = one["value"].as_str().unwrap_or("from-a-secret");
            (word(one, "/name").to_owned(), value.to_owned())
        });
        let volume = named(list(deployment, "/spec/template/spec/volumes"), "name", "config");
        let map = self.one("ConfigMap", word(volume, "/configMap/name"));
        let args = words(container, "/args");
        Deployed { name: name.to_owned(), args, env: env.collect(), toml: word(map, "/data/weft.toml").to_owned() }
    }

    /// Ports of every Service by its name.
    fn services(&self) -> BTreeMap<String, Vec<u16>> {
        let ports = |service: &Value| list(service, "/spec/ports").iter().map(|port| number(&port["port"])).collect();
        self.all("Service").into_iter().map(|one| (word(one, "/metadata/name").to_owned(), ports(one))).collect()
    }
}

fn container(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]["containers"][0]
}

fn number(value: &Value) -> u16 {
    value.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_else(|| panic!("{value} is no port"))
}

/// Does this selector take the pods of this workload?
fn selects(selector: &Value, workload: &Value) -> bool {
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    let selector = selector.as_object().unwrap();
    !selector.is_empty() && selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[test]
fn every_process_runs_a_verb_of_the_binary_with_a_configuration_that_it_reads() {
    let Some(mesh) = Mesh::read() else { return };
    let names: BTreeSet<String> = mesh.processes().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, BTreeSet::from(PROCESSES.map(str::to_owned)));
    for (name, deployment) in mesh.processes() {
        let deployed = mesh.deployed(&name, deployment);
        assert_eq!(deployed.args, run(&name), "{name}");
        assert_eq!(deployed.env["WEFT_CONFIG"], CONFIG, "{name}");
        let mount = named(list(container(deployment), "/volumeMounts"), "name", "config");
        assert_eq!(word(mount, "/mountPath"), "/etc/weft", "{name}");
        let config = deployed.accepted();
        assert!(config.telemetry.otlp.is_some(), "{name} sends no traces");
        if DOMAINS.contains(&name.as_str()) {
            assert_eq!(config.store.backend, Backend::Redis, "{name}: replicas share what they know");
        }
    }
}

#[test]
fn containers_probes_and_services_agree_with_where_the_process_listens() {
    let Some(mesh) = Mesh::read() else { return };
    for (name, deployment) in mesh.processes() {
        let at = listens(&mesh.deployed(&name, deployment).accepted(), &name);
        assert!(at.ip().is_unspecified(), "{name} listens on {at}, where nobody reaches it");
        let container = container(deployment);
        let port = list(container, "/ports").iter().find(|port| port["name"] != "metrics").unwrap();
        assert_eq!(number(&port["containerPort"]), at.port(), "{name}");
        let service = mesh.one("Service", &name);
        let served = &list(service, "/spec/ports")[0];
        assert_eq!(served["targetPort"], port["name"], "{name}");
        assert!(selects(&service["spec"]["selector"], deployment), "the Service of {name} finds no pod");
        let probes = ["startupProbe", "livenessProbe", "readinessProbe"].map(|probe| container[probe].clone());
        let asked = |probe: &Value| json!({"grpc": probe["grpc"], "http": probe["httpGet"]});
        let http = |path: &str| json!({"grpc": null, "http": {"path": path, "port": port["name"]}});
        let live = json!({"grpc": {"port": at.port(), "service": retail_runtime::LIVE}, "http": null});
        let ready = json!({"grpc": {"port": at.port()}, "http": null});
        let expected = if name == "gateway" {
            [http("/healthz"), http("/healthz"), http("/readyz")]
        } else {
            // Its calls are HTTP/2 connections that last: they go to pods, not to one address for all of them.
            assert_eq!(word(service, "/spec/clusterIP"), "None", "{name}");
            assert_eq!(number(&served["port"]), at.port(), "{name}");
            [live.clone(), live, ready]
        };
        assert_eq!(probes.each_ref().map(asked), expected, "{name}");
    }
}

#[test]
fn the_figures_of_every_process_are_where_prometheus_is_told_to_look() {
    let Some(mesh) = Mesh::read() else { return };
    for (name, deployment) in mesh.processes() {
        let at = mesh.deployed(&name, deployment).accepted().listen.metrics;
        assert!(at.ip().is_unspecified(), "{name} shows its figures on {at}, where nobody reaches it");
        let port = named(list(container(deployment), "/ports"), "name", "metrics");
        assert_eq!(number(&port["containerPort"]), at.port(), "{name}");
        let told = &deployment["spec"]["template"]["metadata"]["annotations"];
        let told = ["scrape", "port", "path"].map(|what| told[format!("prometheus.io/{what}")].clone());
        assert_eq!(told, [json!("true"), json!(at.port().to_string()), json!("/metrics")], "{name}");
    }
}

#[test]
fn every_address_in_a_configuration_is_a_service_of_the_mesh() {
    let Some(mesh) = Mesh::read() else { return };
    let services = mesh.services();
    let redis = mesh.one("StatefulSet", "redis");
    let nodes: Vec<String> = (0..redis["spec"]["replicas"].as_u64().unwrap())
        .map(|node| format!("redis-{node}.{}:{}", word(redis, "/spec/serviceName"), services["redis"][0]))
        .collect();
    for (name, deployment) in mesh.processes() {
        let deployed = mesh.deployed(&name, deployment);
        for (host, port) in deployed.calls() {
            let known = services.get(&host).is_some_and(|ports| ports.contains(&port));
            assert!(known, "{name} calls {host}:{port}, which no Service is");
        }
        if let Some(redis) = deployed.accepted().store.redis.filter(|_| DOMAINS.contains(&name.as_str())) {
            assert_eq!(redis.addresses, nodes, "{name}");
            assert_eq!(redis.user.as_deref(), Some(name.as_str()), "a domain's store is its own");
        }
    }
    let followed = list(container(redis), "/env").iter().find(|one| one["name"] == "PRIMARY").unwrap();
    assert!(nodes.iter().any(|node| node.starts_with(&format!("{}.", word(followed, "/value")))), "{followed}");
}

#[test]
fn redis_is_what_the_class_asks_for() {
    let Some(mesh) = Mesh::read() else { return };
    let redis = mesh.one("StatefulSet", "redis");
    let map = named(list(redis, "/spec/template/spec/volumes"), "name", "config");
    let said = word(mesh.one("ConfigMap", word(map, "/configMap/name")), "/data/redis.conf");
    let settings: BTreeSet<&str> = said.lines().collect();
    for needed in ["appendonly yes", "appendfsync always", "maxmemory-policy noeviction"] {
        assert!(settings.contains(needed), "{needed}");
    }
    let orders = mesh.deployed("orders", mesh.one("Deployment", "orders")).accepted().store.redis.unwrap();
    assert!(orders.class.waits() && orders.class.on_disk(), "{}", orders.class);
    // One replica may be away.
    assert!(redis["spec"]["replicas"].as_u64().unwrap() > 1 + u64::from(orders.replicas));
    assert!(selects(&mesh.one("Service", "redis")["spec"]["selector"], redis));
    assert_eq!(mesh.one("Service", "redis")["spec"]["publishNotReadyAddresses"], true);
    let mount = named(list(container(redis), "/volumeMounts"), "name", "secrets");
    for file in ["users.acl", "replication.conf"] {
        let path = format!("{}/{file}", word(mount, "/mountPath"));
        assert!(said.lines().any(|line| line.ends_with(&path)), "nothing reads {path}");
    }
}

#[test]
fn a_secret_comes_from_a_secret_and_never_from_a_config_map() {
    let Some(mesh) = Mesh::read() else { return };
    assert!(mesh.all("Secret").is_empty(), "no secret is committed");
    for map in mesh.all("ConfigMap") {
        for (file, said) in map["data"].as_object().unwrap() {
            let secret = ["client_secret =", "password =", "private_key =", "masterauth ", "PRIVATE KEY"];
            let found = secret.iter().find(|word| said.as_str().unwrap().contains(**word));
            assert_eq!(found, None, "{file} of {}", map["metadata"]["name"]);
        }
    }
    for (name, deployment) in mesh.processes() {
        let volumes = list(deployment, "/spec/template/spec/volumes");
        let mounts = list(container(deployment), "/volumeMounts");
        let secrets: Vec<String> = mounts
            .iter()
            .filter(|mount| named(volumes, "name", word(mount, "/name")).get("secret").is_some())
            .map(|mount| format!("{}/", word(mount, "/mountPath")))
            .collect();
        for text in mesh.deployed(&name, deployment).texts().iter().filter(|text| text.starts_with("/run/secrets/")) {
            assert!(secrets.iter().any(|folder| text.starts_with(folder)), "{name} has no {text}");
        }
        for variable in list(container(deployment), "/env") {
            let variable_name = word(variable, "/name");
            let secret = variable_name.ends_with("_SECRET") || variable_name.ends_with("_KEY");
            assert_eq!(secret, variable.pointer("/valueFrom/secretKeyRef").is_some(), "{name}: {variable_name}");
        }
    }
}

#[test]
fn pods_run_as_nobody_on_a_read_only_root_and_may_do_nothing_more() {
    let Some(mesh) = Mesh::read() else { return };
    let workloads = [mesh.all("Deployment"), mesh.all("StatefulSet")].concat();
    for workload in workloads {
        let name = word(workload, "/metadata/name");
        let pod = &workload["spec"]["template"]["spec"];
        assert!(selects(&workload["spec"]["selector"]["matchLabels"], workload), "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(word(pod, "/serviceAccountName"), name);
        assert_eq!(mesh.one("ServiceAccount", name)["automountServiceAccountToken"], false, "{name}");
        let user = &pod["securityContext"];
        assert_eq!((&user["runAsUser"], &user["runAsGroup"]), (&json!(65532), &json!(65532)), "{name}");
        assert_eq!(user["runAsNonRoot"], true, "{name}");
        assert_eq!(word(user, "/seccompProfile/type"), "RuntimeDefault", "{name}");
        for container in list(pod, "/containers") {
            let held = &container["securityContext"];
            assert_eq!(held["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(held["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(held["capabilities"], json!({"drop": ["ALL"]}), "{name}");
            assert!(container.pointer("/resources/requests/memory").is_some(), "{name} asks for no memory");
            assert!(container.pointer("/resources/limits/memory").is_some(), "{name} may take all memory");
            let (_, tag) = word(container, "/image").rsplit_once(':').unwrap_or_else(|| panic!("{name} has no tag"));
            assert_ne!(tag, "latest", "{name}");
        }
    }
    let namespace = &mesh.all("Namespace")[0]["metadata"]["labels"];
    assert_eq!(namespace["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn a_pod_that_leaves_is_given_the_time_that_the_process_takes() {
    let Some(mesh) = Mesh::read() else { return };
    for (name, deployment) in mesh.processes() {
        let pod = &deployment["spec"]["template"]["spec"];
        let config = mesh.deployed(&name, deployment).accepted();
        let (announce, grace) = (config.announce.as_secs(), config.grace.as_secs());
        assert_eq!((announce, pod["terminationGracePeriodSeconds"].as_u64()), (5, Some(45)), "{name}");
        assert_eq!(container(deployment).get("lifecycle"), None, "{name} announces its end by itself");
        assert!(announce + grace < 45, "{name}: spans could not be sent any more");
        assert_eq!(word(container(deployment), "/image"), format!("weft:{}", env!("CARGO_PKG_VERSION")));
        let budget = &mesh.one("PodDisruptionBudget", &name)["spec"];
        assert!(selects(&budget["selector"]["matchLabels"], deployment), "{name}");
        assert_eq!((&budget["minAvailable"], word(budget, "/unhealthyPodEvictionPolicy")), (&json!(1), "AlwaysAllow"));
        assert!(
            deployment["spec"]["replicas"].as_u64().unwrap() > 1,
            "{name}: its budget would hold up every eviction"
        );
        let spread = &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"];
        assert!(selects(spread, deployment), "{name}");
    }
}

#[test]
fn every_configuration_of_a_base_is_in_the_mesh_as_it_lies() {
    let Some(mesh) = Mesh::read() else { return };
    for (name, deployment) in mesh.processes() {
        assert_eq!(mesh.deployed(&name, deployment).toml, text(&format!("kubernetes/base/{name}/weft.toml")), "{name}");
    }
}
