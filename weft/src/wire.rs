//! A plain HTTP client for the operator's verbs: to the gateway and to the twins' control, always on this machine or
//! inside the mesh, never to a vendor.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use retail_runtime::{Runtime, trace};
use serde_json::Value;

/// Between two tries of one who is patient.
const PAUSE: Duration = Duration::from_millis(200);

/// Speaks to one address.
pub struct Wire<'a> {
    runtime: &'a Runtime,
    base: http::Uri,
    patience: Duration,
}

impl<'a> Wire<'a> {
    /// To this address, `http://host:port`.
    pub fn to(runtime: &'a Runtime, base: &str) -> anyhow::Result<Self> {
        let base: http::Uri = base.parse().with_context(|| format!("{base:?} is not an address"))?;
        Ok(Self { runtime, base, patience: Duration::ZERO })
    }

    /// The same, repeating for so long what found nobody or nobody could answer now. Only for what may be repeated.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// GET, JSON out.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, None, &[]).await
    }

    /// POST, JSON in and out.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call("POST", path, Some(body), &[]).await
    }

    /// Any method.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let (status, text) = self.raw(method, path, body, headers).await?;
        if !(200..300).contains(&status) {
            bail!("{method} {path} answered {status}: {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path} did not answer JSON"))
    }

    /// Status and body as they are.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let clock = self.runtime.clock();
        let begun = clock.monotonic();
        loop {
            let answer = self.once(method, path, body, headers).await;
            let passes = answer.as_ref().map_or(true, |(status, _)| [502, 503, 504].contains(status));
            if !passes || clock.monotonic().saturating_sub(begun) >= self.patience {
                return answer;
            }
            clock.sleep(PAUSE).await;
        }
    }

    async fn once(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let host = self.base.host().ok_or_else(|| anyhow!("{} has no host", self.base))?;
        let port = self.base.port_u16().unwrap_or(80);
        let io = self.runtime.net().connect(host, port).await;
        let io = io.with_context(|| format!("nobody answers at {}; is weft running?", self.base))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await?;
        self.runtime.spawn("wire", async move {
            // The answer, or its absence, tells the caller what he needs.
            let _ended = connection.await;
        });
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let mut request = http::Request::builder().method(method).uri(path).header("host", format!("{host}:{port}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(headers) = request.headers_mut() {
            trace::inject(headers);
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(bytes)))?).await?;
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}
