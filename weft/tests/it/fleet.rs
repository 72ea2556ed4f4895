//! A mesh of real processes over one Redis: several replicas of every service and of the gateway, a connector each, the
//! twins, and a door in front of the gateways.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use retail_runtime::Runtime;
use retail_runtime::config::Span;
use retail_store::{BackendConfig, Durability, Partition, RedisConfig, Store};
use retail_weft::feeding::Reach;
use retail_weft::mesh::url;
use retail_weft::wire::Wire;
use serde_json::{Value, json};

use crate::door;
use crate::process::WEFT;
use crate::servers::{Cluster, Kind, Server};

/// Every part that has several replicas.
pub(crate) const REPLICATED: [&str; 6] = ["orders", "inventory", "customers", "returns", "cases", "gateway"];
const CONNECTORS: [&str; 3] = ["shopify", "netsuite", "salesforce"];
/// Replicas of each.
const REPLICAS: usize = 2;

/// Where everything is kept.
enum Servers {
    Cluster(Cluster),
    One(Server),
}

impl Servers {
    /// A Cluster of Valkey, else one Redis; `None` when neither is installed.
    fn start() -> Option<Self> {
        let options = ["--appendonly", "yes"];
        let cluster = Cluster::start(Kind::Valkey, &options).map(Self::Cluster);
        cluster.or_else(|| Server::start(Kind::Redis, &options).map(Self::One))
    }

    fn config(&self) -> RedisConfig {
        match self {
            Self::Cluster(cluster) => RedisConfig::at(cluster.addresses(), Durability::R4),
            Self::One(server) => RedisConfig::at(vec![server.address.clone()], Durability::R1),
        }
    }
}

/// A process.
pub(crate) struct Part {
    /// For example `orders-1`.
    pub(crate) name: String,
    what: &'static str,
    at: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

/// All of it.
pub(crate) struct Fleet {
    pub(crate) runtime: Runtime,
    servers: Servers,
    dir: tempfile::TempDir,
    pub(crate) parts: Vec<Part>,
    twins: [SocketAddr; 4],
    sandbox: Option<Child>,
    door: SocketAddr,
}

impl Fleet {
    /// Servers and addresses; no process runs yet. `None` when there is no server to be had.
    pub(crate) async fn new() -> Option<Self> {
        let servers = Servers::start()?;
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::system("fleet");
        let mut ports = lasting_ports(REPLICATED.len() * REPLICAS + CONNECTORS.len() + 4).into_iter();
        let replicated = REPLICATED.iter().flat_map(|what| (1..=REPLICAS).map(move |number| (*what, number)));
        let single = CONNECTORS.iter().map(|what| (*what, 1));
        let part = |(what, number): (&'static str, usize)| {
            let name = format!("{what}-{number}");
            let log = dir.path().join(format!("{name}.log"));
            Part { name, what, at: ports.next().unwrap(), log, child: None }
        };
        let parts: Vec<Part> = replicated.chain(single).map(part).collect();
        let twins = [(); 4].map(|()| ports.next().unwrap());
        let gateways = parts.iter().filter(|part| part.what == "gateway").map(|part| part.at).collect();
        let door = door::open(&runtime, gateways).await;
        let fleet = Self { runtime, servers, dir, parts, twins, sandbox: None, door };
        fleet.write(&Value::Null);
        Some(fleet)
    }

    /// Starts the twins, then everything else, and waits until all of it answers.
    pub(crate) async fn start(&mut self) {
        let mut sandbox = self.command("sandbox", None);
        self.sandbox = Some(sandbox.arg("sandbox").spawn().unwrap());
        let control = Wire::to(&self.runtime, &url(self.twins[0])).unwrap().patient(Duration::from_secs(60));
        // The ERP's twin makes a key for itself, and hands it out.
        self.write(&control.get("/__sandbox/netsuite/certificate").await.unwrap());
        // A webhook that met a dying gateway comes again soon, not in a minute.
        control.post("/__sandbox/shopify/webhooks", &json!({"retry_gap_ms": 250})).await.unwrap();
        let names: Vec<String> = self.parts.iter().map(|part| part.name.clone()).collect();
        for name in &names {
            self.launch(name);
        }
        for name in &names {
            self.until_up(name).await;
        }
    }

    /// What a feed needs to know.
    pub(crate) fn reach(&self) -> Reach {
        let gateway = url(self.door);
        Reach { webhooks: gateway.clone(), gateway, twins: url(self.twins[0]), orders: self.all("orders") }
    }

    pub(crate) fn gateway(&self) -> String {
        url(self.door)
    }

    /// Starts a process.
    pub(crate) fn launch(&mut self, name: &str) {
        let (what, at) = self.parts.iter().find(|part| part.name == name).map(|part| (part.what, part.at)).unwrap();
        let mut command = self.command(name, Some((what, at)));
        command.arg("run");
        if CONNECTORS.contains(&what) {
            command.arg("connector");
        }
        let child = command.arg(what).spawn().unwrap();
        self.part(name).child = Some(child);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, name: &str) {
        let mut child = self.part(name).child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks a process to end and waits for that.
    pub(crate) async fn end(&mut self, name: &str) -> ExitStatus {
        self.signal(name, "-TERM");
        let mut child = self.part(name).child.take().unwrap();
        for _ in 0..1_200 {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            self.runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} does not end: {}", self.log(name));
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, name: &str, signal: &str) {
        let pid = self.part(name).child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// What a process has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        let part = self.parts.iter().find(|part| part.name == name).unwrap();
        std::fs::read_to_string(&part.log).unwrap_or_default()
    }

    /// How many partitions of a domain each living holder has now.
    pub(crate) async fn holders(&self, store: &Store) -> BTreeMap<[u8; 16], usize> {
        let now = self.runtime.clock().now();
        let mut holders = BTreeMap::new();
        for partition in Partition::all() {
            if let Some(lease) = store.lease(partition).await.unwrap().filter(|lease| lease.until > now) {
                *holders.entry(lease.fence.nonce).or_default() += 1;
            }
        }
        holders
    }

    /// A domain's store, to look into.
    pub(crate) async fn store(&self, domain: &str) -> Store {
        let backend = BackendConfig::Redis(Box::new(self.servers.config()));
        let (region, groups, keep) = ("local".into(), Vec::new(), Span::from_secs(3_600));
        let config = retail_store::Config { backend, domain: domain.into(), region, groups, keep };
        Store::open(&self.runtime, &config).await.unwrap()
    }

    pub(crate) async fn until_up(&self, name: &str) {
        let part = self.parts.iter().find(|part| part.name == name).unwrap();
        for _ in 0..1_200 {
            if self.runtime.net().connect("127.0.0.1", part.at.port()).await.is_ok() {
                return;
            }
            self.runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} does not come up: {}", self.log(name));
    }

    fn part(&mut self, name: &str) -> &mut Part {
        self.parts.iter_mut().find(|part| part.name == name).unwrap()
    }

    fn command(&self, name: &str, listen: Option<(&str, SocketAddr)>) -> Command {
        let log = File::options().create(true).append(true).open(self.dir.path().join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(WEFT);
        command.arg("--config").arg(self.dir.path().join("weft.toml"));
        command.arg("--data-dir").arg(self.dir.path().join("data"));
        command.env_remove("WEFT_CONFIG").stdout(log.try_clone().unwrap()).stderr(log);
        // Callers turn away at once when they are told to; nobody has to be waited for.
        command.env("WEFT__ANNOUNCE", "0s");
        if let Some((what, at)) = listen {
            let key =
                if what == "gateway" { "GATEWAY__LISTEN".into() } else { format!("LISTEN__{}", what.to_uppercase()) };
            command.env(format!("WEFT__{key}"), at.to_string());
        }
        command
    }

    /// All replicas of a part, as a peer is written.
    fn all(&self, what: &str) -> String {
        let all: Vec<String> = self.parts.iter().filter(|part| part.what == what).map(|part| url(part.at)).collect();
        all.join(",")
    }

    fn write(&self, key: &Value) {
        let redis = self.servers.config();
        let word = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let [orders, inventory, customers, returns, cases, _] = REPLICATED.map(|what| self.all(what));
        let [shopify, netsuite, salesforce] = CONNECTORS.map(|what| self.all(what));
        let [control, shop, erp, crm] = self.twins;
        let door = url(self.door);
        let class = redis.class.to_string().to_lowercase();
        let private =
            if key.is_null() { String::new() } else { format!("private_key = '''{}'''", word("private_key_pem")) };
        let text = format!(
            r#"
[telemetry]
level = "info"
[store]
backend = "redis"
[store.redis]
addresses = {addresses:?}
class = "{class}"
[gateway]
public_url = "{door}"
[gateway.upstreams]
"retail.orders.v1.OrdersService" = "{orders}"
"retail.inventory.v1.InventoryService" = "{inventory}"
"retail.inventory.v1.ReferenceService" = "{inventory}"
"retail.customers.v1.CustomersService" = "{customers}"
"retail.returns.v1.ReturnsService" = "{returns}"
"retail.cases.v1.CasesService" = "{cases}"
[gateway.webhooks.shop]
kind = "commerce"
upstream = "{shopify}"
[orders]
inventory = "{inventory}"
customers = "{customers}"
channels.shop.address = "{shopify}"
erps.erp.address = "{netsuite}"
crms.crm.address = "{salesforce}"
[inventory.erp]
instance = "erp"
address = "{netsuite}"
[[inventory.channels]]
instance = "shop"
address = "{shopify}"
subtracts_own_sales = true
[customers]
erps.erp.address = "{netsuite}"
crms.crm.address = "{salesforce}"
[returns]
orders = "{orders}"
customers = "{customers}"
inventory = "{inventory}"
channels.shop.address = "{shopify}"
erps.erp.address = "{netsuite}"
[cases]
orders = "{orders}"
returns = "{returns}"
customers = "{customers}"
inventory = "{inventory}"
crms.crm.address = "{salesforce}"
[shopify]
orders = "{orders}"
returns = "{returns}"
customers = "{customers}"
http = {{ base_url = "http://{shop}" }}
[netsuite]
client_id = "{client}"
certificate_id = "{certificate}"
http = {{ base_url = "http://{erp}" }}
{private}
[salesforce]
http = {{ base_url = "http://{crm}" }}
[sandbox.listen]
control = "{control}"
shopify = "{shop}"
netsuite = "{erp}"
salesforce = "{crm}"
"#,
            addresses = redis.addresses,
            client = word("client_id"),
            certificate = word("certificate_id"),
        );
        std::fs::write(self.dir.path().join("weft.toml"), text).unwrap();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.runtime.stop();
        for child in self.parts.iter_mut().filter_map(|part| part.child.as_mut()).chain(self.sandbox.as_mut()) {
            // It may have ended by itself.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

/// Ports that are free, and that nobody gets who asks for any: those of a killed replica stay its own.
fn lasting_ports(count: usize) -> Vec<SocketAddr> {
    let begin = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    let all = (begin..32_000).chain(10_000..begin).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let free: Vec<SocketAddr> = all.filter(|at| TcpListener::bind(at).is_ok()).take(count).collect();
    assert_eq!(free.len(), count, "too few free ports");
    free
}
