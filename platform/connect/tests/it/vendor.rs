//! A scripted vendor: a plain HTTP/1.1 server whose every misdeed is under control.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use retail_connect::{Bearer, Budget, Call, Http, HttpConfig, Lanes};
use retail_runtime::{Clock, Io, Net, Rng, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What the vendor does after it has read a request whole.
pub(crate) enum Act {
    /// Answers.
    Answer(u16, &'static str, String),
    /// Closes the connection without a byte.
    Drop,
    /// Promises more bytes than it sends, then closes.
    Truncate,
    /// Answers 200 once the gate opens.
    Wait(Arc<Semaphore>),
}

pub(crate) fn ok() -> Act {
    Act::Answer(200, "", "{}".to_owned())
}

pub(crate) struct Vendor {
    pub(crate) base_url: String,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) connections: Arc<AtomicUsize>,
}

pub(crate) fn runtime() -> Runtime {
    Runtime::new("test", Clock::system(), Rng::seeded(7), Net::tcp())
}

impl Vendor {
    pub(crate) async fn start(runtime: &Runtime, script: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr());
        let (seen, connections) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicUsize>::default());
        let script = Arc::new(script);
        let (log, count, own) = (Arc::clone(&seen), Arc::clone(&connections), runtime.clone());
        runtime.spawn("vendor", async move {
            while let Ok((io, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                own.spawn("vendor.connection", async move { serve(io, &log, &*script).await.unwrap_or_default() });
            }
        });
        Self { base_url, seen, connections }
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn serve(
    mut io: Io,
    log: &Mutex<Vec<Seen>>,
    script: &(impl Fn(usize, &Seen) -> Act + ?Sized),
) -> std::io::Result<()> {
    let mut pending = Vec::new();
    while let Some(request) = read(&mut io, &mut pending).await? {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len()
        };
        match script(number, &request) {
            Act::Answer(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
                io.write_all(head.as_bytes()).await?;
            }
            Act::Wait(gate) => {
                gate.acquire().await.unwrap().forget();
                io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await?;
            }
            Act::Truncate => {
                io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"half\":").await?;
                return Ok(());
            }
            Act::Drop => return Ok(()),
        }
    }
    Ok(())
}

async fn read(io: &mut Io, pending: &mut Vec<u8>) -> std::io::Result<Option<Seen>> {
    let head_end = loop {
        if let Some(at) = pending.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if io.read_buf(pending).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(pending[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    while pending.len() < head_end + length {
        if io.read_buf(pending).await? == 0 {
            return Ok(None);
        }
    }
    let body = pending[head_end..head_end + length].to_vec();
    pending.drain(..head_end + length);
    Ok(Some(Seen { line, headers, body }))
}

pub(crate) fn config(base_url: &str) -> HttpConfig {
    let text = format!(r#"{{"base_url":"{base_url}","backoff":"1ms","backoff_cap":"2ms","max_body":1000}}"#);
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn client(runtime: &Runtime, base_url: &str) -> Http {
    Http::new(runtime, config(base_url), Bearer, Budget::Concurrency(Lanes::new(64, 64))).unwrap()
}

pub(crate) fn get() -> Call {
    Call::read("thing.get", http::Method::GET, "/things/1")
}

pub(crate) fn put() -> Call {
    Call::write("thing.put", http::Method::PUT, "/things/1").body("application/json", "{}")
}
