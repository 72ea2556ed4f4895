//! A `weft all` of one's own, as a real process that can be killed.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use retail_runtime::Runtime;
use retail_weft::mesh::{Addresses, url};
use retail_weft::wire::Wire;

/// A data directory with fixed ports, and the process that works on it now.
#[derive(Debug)]
pub struct Mesh {
    weft: PathBuf,
    dir: tempfile::TempDir,
    /// Its addresses.
    pub at: Addresses,
    child: Option<Child>,
}

impl Mesh {
    /// For this binary.
    pub fn new(weft: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = free_ports(14);
        let at = Addresses {
            gateway: ports[0],
            orders: ports[1],
            inventory: ports[2],
            customers: ports[3],
            returns: ports[11],
            cases: ports[12],
            messages: None,
            shopify: ports[4],
            netsuite: ports[5],
            salesforce: ports[6],
            stripe: None,
            smtp: None,
            sandbox: ports[7],
            metrics: ports[13],
        };
        let text = format!(
            "[gateway]\nlisten = \"{}\"\n[listen]\norders = \"{}\"\ninventory = \"{}\"\ncustomers = \"{}\"\n\
             returns = \"{}\"\ncases = \"{}\"\nshopify = \"{}\"\nnetsuite = \"{}\"\nsalesforce = \"{}\"\nmetrics = \"{}\"\n[sandbox.listen]\ncontrol = \"{}\"\n\
             shopify = \"{}\"\nnetsuite = \"{}\"\nsalesforce = \"{}\"\n[telemetry]\nlevel = \"error\"\n",
            at.gateway,
            at.orders,
            at.inventory,
            at.customers,
            at.returns,
            at.cases,
            at.shopify,
            at.netsuite,
            at.salesforce,
            at.metrics,
            at.sandbox,
            ports[8],
            ports[9],
            ports[10],
        );
        std::fs::write(dir.path().join("weft.toml"), text).unwrap();
        Self { weft: weft.to_owned(), dir, at, child: None }
    }

    /// Where everything lies.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The binary with its configuration; the verb comes behind.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.weft);
        command.arg("--config").arg(self.dir().join("weft.toml")).arg("--data-dir").arg(self.dir().join("data"));
        command.env_remove("WEFT_CONFIG").stdout(Stdio::null());
        command
    }

    /// Starts the process and waits until its edge answers.
    pub async fn start(&mut self, runtime: &Runtime) {
        self.child = Some(self.command().arg("all").spawn().unwrap());
        let gateway = Wire::to(runtime, &url(self.at.gateway)).unwrap();
        for _ in 0..600 {
            if gateway.raw("GET", "/healthz", None, &[]).await.is_ok_and(|(status, _)| status == 200) {
                return;
            }
            runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("the mesh did not come up within 30 s");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process of a test's own, gone with it.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has ended already cannot be ended again.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Ports that were free a moment ago.
pub fn free_ports(count: usize) -> Vec<SocketAddr> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap()).collect()
}
