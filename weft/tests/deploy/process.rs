//! A process of the mesh as something deploys it, held against the binary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

use retail_weft::config::{self, Config};

/// The nine processes of a mesh, by the name that others call them.
pub(crate) const PROCESSES: [&str; 9] =
    ["cases", "customers", "gateway", "inventory", "netsuite", "orders", "returns", "salesforce", "shopify"];
/// Those that keep something in Redis.
pub(crate) const DOMAINS: [&str; 5] = ["cases", "customers", "inventory", "orders", "returns"];
/// Where the configuration lies in a container.
pub(crate) const CONFIG: &str = "/etc/weft/weft.toml";

/// A process and what it is given.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) toml: String,
}

impl Deployed {
    /// The binary takes the command line and the configuration, file and environment; gives back what the file says.
    pub(crate) fn accepted(&self) -> Config {
        let name = &self.name;
        let line: Vec<OsString> =
            std::iter::once("weft").chain(self.args.iter().map(String::as_str)).map(Into::into).collect();
        retail_weft::takes(&line).unwrap_or_else(|error| panic!("{name}: {error}"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("weft.toml");
        std::fs::write(&file, &self.toml).unwrap();
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.arg("check-config").env_clear().envs(&self.env).env("WEFT_CONFIG", &file);
        let output = weft.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {said}");
        config::load(Some(&file), None).unwrap()
    }

    /// Every text of the file and of the environment.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut found: Vec<String> = self.env.values().cloned().collect();
        gather(&toml::Value::Table(self.toml.parse().unwrap()), &mut found);
        found
    }

    /// The addresses it calls: host and port.
    pub(crate) fn calls(&self) -> Vec<(String, u16)> {
        let texts = self.texts();
        let addresses = texts.iter().filter_map(|text| text.strip_prefix("http://"));
        addresses
            .map(|rest| rest.rsplit_once(':').unwrap())
            .map(|(host, port)| (host.to_owned(), port.parse().unwrap()))
            .collect()
    }
}

fn gather(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => found.push(text.clone()),
        toml::Value::Array(all) => all.iter().for_each(|one| gather(one, found)),
        toml::Value::Table(all) => all.values().for_each(|one| gather(one, found)),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {}
    }
}

/// Where a process of this name listens.
pub(crate) fn listens(config: &Config, name: &str) -> std::net::SocketAddr {
    match name {
        "gateway" => config.gateway.listen,
        "orders" => config.listen.orders,
        "inventory" => config.listen.inventory,
        "customers" => config.listen.customers,
        "returns" => config.listen.returns,
        "cases" => config.listen.cases,
        "shopify" => config.listen.shopify,
        "netsuite" => config.listen.netsuite,
        "salesforce" => config.listen.salesforce,
        other => panic!("{other} is no process of the mesh"),
    }
}

/// The arguments that make a process of this name.
pub(crate) fn run(name: &str) -> Vec<&str> {
    match name {
        "shopify" | "netsuite" | "salesforce" | "stripe" | "smtp" => vec!["run", "connector", name],
        _ => vec!["run", name],
    }
}
