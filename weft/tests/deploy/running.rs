//! The composed mesh in processes of this machine, on real servers: command lines, configuration and secrets are those of
//! `deploy/`, only addresses and folders are others.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use retail_runtime::{LIVE, Runtime};
use retail_sandbox::orderbook::OrderBook;
use retail_weft::mesh::url;
use retail_weft::wire::Wire;
use serde_json::{Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::compose::{compose, deployed};
use crate::manifest::{deploy, text, words};
use crate::process::{DOMAINS, PROCESSES};

/// Servers of the composed Redis, the primary first.
const NODES: [&str; 3] = ["redis-0", "redis-1", "redis-2"];
/// Addresses of `deploy/` that others call, as they are written there.
const ADDRESSES: [&str; 17] = [
    "gateway:8080",
    "orders:7101",
    "inventory:7102",
    "customers:7103",
    "returns:7104",
    "cases:7105",
    "shopify:7201",
    "netsuite:7202",
    "salesforce:7203",
    "sandbox:9100",
    "sandbox:9101",
    "sandbox:9102",
    "sandbox:9103",
    "jaeger:4317",
    "redis-0.redis:6379",
    "redis-1.redis:6379",
    "redis-2.redis:6379",
];
/// How often something that must become true is looked at; the test's own patience, not a promise.
const LOOKS: u32 = 1_200;

/// The server's program. Without it the test is skipped, or with WEFT_REDIS_TESTS=required fails.
fn redis() -> Option<PathBuf> {
    let named = std::env::var_os("WEFT_REDIS_SERVER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        named.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("redis-server")).find(|at| at.is_file()));
    let required = std::env::var("WEFT_REDIS_TESTS").is_ok_and(|word| word == "required");
    assert!(found.is_some() || !required, "no redis-server: apt-get install redis-server, or set WEFT_REDIS_SERVER");
    if found.is_none() {
        // Not through the print macros: those are swallowed for tests that pass.
        let _said = writeln!(std::io::stderr(), "skipped: no redis-server (apt-get install redis-server)");
    }
    found
}

struct Mesh {
    runtime: Runtime,
    redis: PathBuf,
    dir: tempfile::TempDir,
    compose: Value,
    at: BTreeMap<&'static str, SocketAddr>,
    children: BTreeMap<String, Child>,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            // What has ended already cannot be ended again.
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

impl Mesh {
    fn new(redis: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new(deploy().join("secrets.sh")).arg(dir.path().join("secrets")).output().unwrap();
        assert!(made.status.success(), "secrets.sh: {}", String::from_utf8_lossy(&made.stderr));
        let held: Vec<TcpListener> = ADDRESSES.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let at = ADDRESSES.into_iter().zip(held.iter().map(|listener| listener.local_addr().unwrap())).collect();
        Self { runtime: Runtime::system("deployed"), redis, dir, compose: compose(), at, children: BTreeMap::new() }
    }

    /// A text of `deploy/` with the addresses and folders of this machine.
    fn here(&self, process: &str, text: &str) -> String {
        let mut here = text.to_owned();
        for (name, at) in &self.at {
            let port = name.rsplit_once(':').unwrap().1;
            here = here.replace(&format!("http://{name}"), &url(*at)).replace(*name, &at.to_string());
            if name.starts_with(&format!("{process}:")) {
                here = here.replace(&format!("0.0.0.0:{port}"), &at.to_string());
            }
        }
        let secrets = self.dir.path().join("secrets");
        let secret = |name: &str| secrets.join(name).display().to_string();
        here.replace("/run/secrets/redis/password", &secret(&format!("redis-{process}")))
            .replace("/run/secrets/netsuite/private_key.pem", &secret("netsuite.pem"))
            .replace("/run/secrets/redis", &secrets.display().to_string())
    }

    fn start_redis(&mut self, node: &str) {
        let data = self.dir.path().join(node);
        std::fs::create_dir_all(&data).unwrap();
        let said = self.here(node, &text("kubernetes/redis/redis.conf"));
        let said = said.replace("dir /data", &format!("dir {}", data.display()));
        let file = data.join("redis.conf");
        std::fs::write(&file, said).unwrap();
        let mut server = Command::new(&self.redis);
        server.arg(&file).arg("--port").arg(self.node(node).port().to_string());
        let entry = words(&self.compose, &format!("/services/{node}/entrypoint"));
        if let [_, _, follow, host, port] = &entry[..] {
            let primary = self.at[format!("{host}:{port}").as_str()];
            server.arg(follow).arg(primary.ip().to_string()).arg(primary.port().to_string());
        }
        let log = std::fs::File::create(data.join("log")).unwrap();
        self.children.insert(node.to_owned(), server.stdout(log).spawn().unwrap());
    }

    fn node(&self, node: &str) -> SocketAddr {
        self.at[format!("{node}.redis:6379").as_str()]
    }

    fn start(&mut self, process: &str) {
        let deployed = deployed(&self.compose, process);
        let secret = deployed.env.get("WEFT_CONFIG").and_then(|path| path.strip_prefix("/run/secrets/"));
        let toml = secret.map_or_else(
            || self.here(process, &deployed.toml),
            |name| std::fs::read_to_string(self.dir.path().join("secrets").join(name)).unwrap(),
        );
        let file = self.dir.path().join(format!("{process}.toml"));
        std::fs::write(&file, toml).unwrap();
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.args(&deployed.args).env_clear();
        weft.envs(deployed.env.iter().map(|(name, value)| (name, self.here(process, value))));
        weft.env("WEFT_CONFIG", file).env("WEFT__DATA_DIR", self.dir.path().join("data"));
        // One port for all of them is for processes that have an address each; and here nobody has to turn away.
        weft.env("WEFT__LISTEN__METRICS", "127.0.0.1:0").env("WEFT__ANNOUNCE", "0s");
        let log =
            std::fs::File::options().create(true).append(true).open(self.dir.path().join(format!("{process}.log")));
        self.children.insert(process.to_owned(), weft.stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap());
    }

    fn wire(&self, name: &str) -> Wire<'_> {
        Wire::to(&self.runtime, &url(self.at[name])).unwrap()
    }

    async fn health(&self, name: &str, service: &str) -> Option<ServingStatus> {
        let mut client = HealthClient::new(self.runtime.peer(&url(self.at[name])).unwrap());
        let asked = HealthCheckRequest { service: service.to_owned() };
        client.check(asked).await.ok().map(|answer| answer.into_inner().status())
    }

    async fn ready(&self) -> bool {
        for name in self.grpc() {
            if self.health(name, "").await != Some(ServingStatus::Serving) {
                return false;
            }
        }
        let edge = self.wire("gateway:8080").raw("GET", "/readyz", None, &[]).await;
        let twins = self.wire("sandbox:9100").raw("GET", "/__sandbox/health", None, &[]).await;
        edge.is_ok_and(|(status, _)| status == 200) && twins.is_ok_and(|(status, _)| status == 200)
    }

    fn grpc(&self) -> Vec<&'static str> {
        self.at.keys().copied().filter(|name| name.contains(":7")).collect()
    }

    fn of(&self, names: &[&str]) -> Vec<&'static str> {
        self.grpc().into_iter().filter(|at| names.contains(&at.split_once(':').unwrap().0)).collect()
    }

    /// Starts again what has ended, as `restart: unless-stopped` does, until everything is ready.
    async fn until_ready(&mut self) {
        for _ in 0..LOOKS {
            for name in PROCESSES.into_iter().chain(["sandbox"]) {
                let ended = self.children.get_mut(name).is_none_or(|child| child.try_wait().unwrap().is_some());
                if ended {
                    self.start(name);
                }
            }
            if self.ready().await {
                return;
            }
            self.pause().await;
        }
        panic!("the mesh did not become ready; {}", self.said());
    }

    async fn pause(&self) {
        self.runtime.clock().sleep(Duration::from_millis(250)).await;
    }

    /// The last line of every process.
    fn said(&self) -> String {
        let last = |name: &str| {
            let said = std::fs::read_to_string(self.dir.path().join(format!("{name}.log"))).unwrap_or_default();
            format!("{name}: {}", said.lines().last().unwrap_or_default())
        };
        PROCESSES.map(last).join("\n")
    }

    /// Sells one piece of something and waits until all of it is done; the order's id.
    async fn sell(&self, number: &str) -> String {
        let order = json!({
            "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
            "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
            "lines": [{"kind": "LINE_KIND_GOODS", "sku": "10001", "quantity": "1", "unitPrice": "2.55"}],
            "total": {"minorUnits": "255", "currency": "GBP"},
        });
        let gateway = self.wire("gateway:8080");
        let headers = [("idempotency-key", number)];
        let placed = gateway.call("POST", "/v1/orders", Some(&order), &headers).await.unwrap();
        let id = placed["order"]["orderId"].as_str().unwrap().to_owned();
        for _ in 0..LOOKS {
            let order = gateway.get(&format!("/v1/orders/{id}")).await.unwrap();
            if order["order"]["state"] == "ORDER_STATE_COMPLETED" {
                return id;
            }
            self.pause().await;
        }
        panic!("order {number} was not completed; {}", self.said());
    }

    async fn end(&mut self, name: &str) -> ExitStatus {
        let mut child = self.children.remove(name).unwrap();
        let told = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status().unwrap();
        assert!(told.success(), "{name} was over already; {}", self.said());
        for _ in 0..LOOKS {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            self.pause().await;
        }
        child.kill().unwrap();
        panic!("{name} did not end; {}", self.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_composed_mesh_sells_survives_its_redis_killed_and_ends_cleanly() {
    let Some(redis) = redis() else { return };
    let mut mesh = Mesh::new(redis);
    NODES.iter().for_each(|node| mesh.start_redis(node));
    mesh.until_ready().await;
    let book = serde_json::to_value(&OrderBook::small().unwrap().seed).unwrap();
    mesh.wire("sandbox:9100").post("/__sandbox/seed", &book).await.unwrap();
    let (read, headers) = (json!({"includeStock": true}), [("idempotency-key", "seed")]);
    mesh.wire("gateway:8080").call("POST", "/v1/reference:sync", Some(&read), &headers).await.unwrap();
    let first = mesh.sell("#1").await;

    // Liveness never depends on another system; readiness does.
    let mut primary = mesh.children.remove(NODES[0]).unwrap();
    primary.kill().unwrap();
    primary.wait().unwrap();
    for name in mesh.of(&DOMAINS) {
        let mut looks = 0;
        while mesh.health(name, "").await != Some(ServingStatus::NotServing) {
            looks += 1;
            assert!(looks < LOOKS, "{name} calls itself ready without its store");
            mesh.pause().await;
        }
        assert_eq!(mesh.health(name, LIVE).await, Some(ServingStatus::Serving), "{name}");
    }
    assert_eq!(mesh.health("netsuite:7202", "").await, Some(ServingStatus::Serving));

    mesh.start_redis(NODES[0]);
    mesh.until_ready().await;
    assert_eq!(mesh.sell("#1").await, first, "what was acknowledged is known after the restart of the server");
    mesh.sell("#2").await;
    let books = mesh.wire("sandbox:9100").get("/__sandbox/books").await.unwrap();
    assert_eq!(books["netsuite"]["sales_orders"]["count"], 2, "{books}");

    for name in PROCESSES.into_iter().chain(["sandbox"]) {
        let status = mesh.end(name).await;
        assert_eq!(status.code(), Some(0), "{name} after SIGTERM; {}", mesh.said());
    }
}
