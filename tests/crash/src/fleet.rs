//! A mesh of real processes: every service, gateway and connector one of its own, on the embedded store, or with two
//! replicas of each service and of the gateway on Redis; the twins; and a door in front of the gateways.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use retail_runtime::Runtime;
use retail_runtime::config::Span;
use retail_store::{BackendConfig, Durability, Partition, RedisConfig, Store};
use retail_weft::feeding::Reach;
use retail_weft::mesh::url;
use retail_weft::wire::Wire;
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::servers::{Cluster, Kind, Server};

/// Every part that may have several replicas.
pub const REPLICATED: [&str; 6] = ["orders", "inventory", "customers", "returns", "cases", "gateway"];
const CONNECTORS: [&str; 3] = ["shopify", "netsuite", "salesforce"];
/// Replicas of each, on Redis.
const REPLICAS: usize = 2;

/// What the mesh keeps its state in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Stored {
    /// A directory for each service, one replica of each.
    Embedded,
    /// A Valkey Cluster with class R4, else one Redis; two replicas of each service.
    Redis,
}

/// How the parts reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    /// Directly.
    Plain,
    /// Through a [`Proxy`] in front of each part; vendors have faults of their own.
    Weather,
}

enum Servers {
    None,
    Cluster(Cluster),
    One(Server),
}

impl Servers {
    fn start(stored: Stored) -> Option<Self> {
        let options = ["--appendonly", "yes"];
        if stored == Stored::Embedded {
            return Some(Self::None);
        }
        let cluster = Cluster::start(Kind::Valkey, &options).map(Self::Cluster);
        cluster.or_else(|| Server::start(Kind::Redis, &options).map(Self::One))
    }

    fn config(&self) -> Option<RedisConfig> {
        match self {
            Self::None => None,
            Self::Cluster(cluster) => Some(RedisConfig::at(cluster.addresses(), Durability::R4)),
            Self::One(server) => Some(RedisConfig::at(vec![server.address.clone()], Durability::R1)),
        }
    }
}

/// A process.
struct Part {
    /// For example `orders-1`.
    name: String,
    what: &'static str,
    /// Where it listens.
    at: SocketAddr,
    /// Where others believe it to be.
    seen: SocketAddr,
    child: Option<Child>,
}

/// All of it.
pub struct Fleet {
    /// For those who work with it.
    pub runtime: Runtime,
    weft: PathBuf,
    servers: Servers,
    dir: tempfile::TempDir,
    parts: Vec<Part>,
    twins: [SocketAddr; 4],
    sandbox: Option<Child>,
    door: Proxy,
    wires: Vec<Proxy>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Servers and addresses for this binary; no process runs yet. `None` when there is no server to be had.
    pub async fn new(weft: &Path, stored: Stored, wires: Wires) -> Option<Self> {
        let servers = Servers::start(stored)?;
        let runtime = Runtime::system("fleet");
        let replicas = if stored == Stored::Redis { REPLICAS } else { 1 };
        let mut ports = lasting_ports(2 * (REPLICATED.len() * replicas + CONNECTORS.len() + 4)).into_iter();
        let mut next = || ports.next().unwrap();
        let replicated = REPLICATED.iter().flat_map(|what| (1..=replicas).map(move |number| (*what, number)));
        let mut parts = Vec::new();
        for (what, number) in replicated.chain(CONNECTORS.iter().map(|what| (*what, 1))) {
            let at = next();
            parts.push(Part { name: format!("{what}-{number}"), what, at, seen: at, child: None });
        }
        let twins = [(); 4].map(|()| next());
        let mut between = Vec::new();
        if wires == Wires::Weather {
            for part in &mut parts {
                let wire = Proxy::open(&runtime, next(), vec![part.at]).await;
                part.seen = wire.at();
                between.push(wire);
            }
        }
        let gateways = parts.iter().filter(|part| part.what == "gateway").map(|part| part.seen).collect();
        let door = Proxy::open(&runtime, ([127, 0, 0, 1], 0).into(), gateways).await;
        let (weft, dir) = (weft.to_owned(), tempfile::tempdir().unwrap());
        let fleet = Self { runtime, weft, servers, dir, parts, twins, sandbox: None, door, wires: between };
        fleet.write(&Value::Null);
        Some(fleet)
    }

    /// Starts the twins, then everything else, and waits until all of it answers.
    pub async fn start(&mut self) {
        let mut sandbox = self.command("sandbox", None);
        self.sandbox = Some(sandbox.arg("sandbox").spawn().unwrap());
        let control = Wire::to(&self.runtime, &url(self.twins[0])).unwrap().patient(Duration::from_secs(60));
        // The ERP's twin makes a key for itself, and hands it out.
        self.write(&control.get("/__sandbox/netsuite/certificate").await.unwrap());
        // A webhook that met a dying gateway comes again soon, not in a minute.
        control.post("/__sandbox/shopify/webhooks", &json!({"retry_gap_ms": 250})).await.unwrap();
        let names = self.names();
        for name in &names {
            self.launch(name);
        }
        for name in &names {
            self.until_up(name).await;
        }
    }

    /// What a feed needs to know.
    pub fn reach(&self) -> Reach {
        let gateway = self.gateway();
        Reach { webhooks: gateway.clone(), gateway, twins: self.twins(), orders: self.all("orders") }
    }

    /// The door of the gateways.
    pub fn gateway(&self) -> String {
        url(self.door.at())
    }

    /// The control of the twins.
    pub fn twins(&self) -> String {
        url(self.twins[0])
    }

    /// Every part, as `orders-1`.
    pub fn names(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.name.clone()).collect()
    }

    /// The wires between the parts, when there is weather.
    pub fn wires(&self) -> &[Proxy] {
        &self.wires
    }

    /// Starts a process.
    pub fn launch(&mut self, name: &str) {
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
    pub fn kill(&mut self, name: &str) {
        let mut child = self.part(name).child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks a process to end and waits for that.
    pub async fn end(&mut self, name: &str) -> ExitStatus {
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
    pub fn signal(&mut self, name: &str, signal: &str) {
        let pid = self.part(name).child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// What a process has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }

    /// What all of them have logged.
    pub fn logs(&self) -> String {
        self.parts.iter().map(|part| format!("--- {}\n{}", part.name, self.log(&part.name))).collect()
    }

    /// How many partitions of a domain each living holder has now.
    pub async fn holders(&self, store: &Store) -> BTreeMap<[u8; 16], usize> {
        let now = self.runtime.clock().now();
        let mut holders = BTreeMap::new();
        for partition in Partition::all() {
            if let Some(lease) = store.lease(partition).await.unwrap().filter(|lease| lease.until > now) {
                *holders.entry(lease.fence.nonce).or_default() += 1;
            }
        }
        holders
    }

    /// A domain's store on Redis, to look into.
    pub async fn store(&self, domain: &str) -> Store {
        let backend = BackendConfig::Redis(Box::new(self.servers.config().unwrap()));
        let (region, groups, keep) = ("local".into(), Vec::new(), Span::from_secs(3_600));
        let config = retail_store::Config { backend, domain: domain.into(), region, groups, keep };
        Store::open(&self.runtime, &config).await.unwrap()
    }

    /// Waits until a process takes connections.
    pub async fn until_up(&self, name: &str) {
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

    fn log_file(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    fn command(&self, name: &str, listen: Option<(&str, SocketAddr)>) -> Command {
        let log = File::options().create(true).append(true).open(self.log_file(name)).unwrap();
        let mut command = Command::new(&self.weft);
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
        let all: Vec<String> = self.parts.iter().filter(|part| part.what == what).map(|part| url(part.seen)).collect();
        all.join(",")
    }

    fn write(&self, key: &Value) {
        let store = self.servers.config().map_or_else(String::new, |redis| {
            let class = redis.class.to_string().to_lowercase();
            let addresses = redis.addresses;
            format!("[store]\nbackend = \"redis\"\n[store.redis]\naddresses = {addresses:?}\nclass = \"{class}\"")
        });
        let word = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let [orders, inventory, customers, returns, cases, _] = REPLICATED.map(|what| self.all(what));
        let [shopify, netsuite, salesforce] = CONNECTORS.map(|what| self.all(what));
        let [control, shop, erp, crm] = self.twins;
        let door = self.gateway();
        let private =
            if key.is_null() { String::new() } else { format!("private_key = '''{}'''", word("private_key_pem")) };
        let text = format!(
            r#"
[telemetry]
level = "info"
{store}
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
channels.partner = {{ erp = "erp", crm = "crm", brand = "acme", market = "GB", region = "local" }}
erps.erp.address = "{netsuite}"
crms.crm.address = "{salesforce}"
[inventory.erp]
instance = "erp"
address = "{netsuite}"
[[inventory.channels]]
instance = "shop"
address = "{shopify}"
subtracts_own_sales = true
[[inventory.channels]]
instance = "crm"
kind = "crm"
address = "{salesforce}"
every = "5s"
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
