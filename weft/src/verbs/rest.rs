//! The operator's way through the gateway: the same REST that everybody uses, its problems told as people read them.

use anyhow::{anyhow, bail};
use retail_runtime::Runtime;
use serde_json::Value;

use crate::answer::{list, word};
use crate::config::Config;
use crate::console;
use crate::mesh::{Addresses, url};
use crate::verbs::Output;
use crate::wire::Wire;

/// Speaks to the gateway.
pub(crate) struct Rest<'a> {
    runtime: &'a Runtime,
    wire: Wire<'a>,
}

impl<'a> Rest<'a> {
    /// To the gateway of a running mesh.
    pub(crate) fn open(runtime: &'a Runtime, config: &Config) -> anyhow::Result<Self> {
        let wire = Wire::to(runtime, &url(Addresses::known(config).gateway))?;
        Ok(Self { runtime, wire })
    }

    /// Reads; `query` leaves out what is empty.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let given: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        let path =
            if given.is_empty() { path.to_owned() } else { format!("{path}?{}", serde_urlencoded::to_string(given)?) };
        self.send("GET", &path, None, None).await
    }

    /// Changes something, under the key that was given or a new one.
    pub(crate) async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> anyhow::Result<Value> {
        let fresh = self.runtime.ids().next().to_string();
        self.send("POST", path, Some(key.unwrap_or(&fresh)), Some(body)).await
    }

    async fn send(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> anyhow::Result<Value> {
        let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let (status, text) = self.wire.raw(method, path, body, &headers).await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        if answer.get("reason").is_none() {
            bail!("{method} {path} answered {status}: {text}");
        }
        let mut told = format!("{} ({})", word(&answer, "/detail"), word(&answer, "/reason"));
        for wrong in list(&answer, "/fields") {
            told.push_str(&format!("\n  {}: {}", word(wrong, "/field"), word(wrong, "/description")));
        }
        Err(anyhow!(told))
    }
}

/// A path segment as it may stand in an address.
pub(crate) fn segment(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Prints an answer for machines, or what `rows` makes of it for people.
pub(crate) fn tell(output: Output, answer: &Value, table: impl FnOnce(&Value)) -> anyhow::Result<()> {
    match output {
        Output::Json => console::say(&serde_json::to_string(answer)?),
        Output::Table => table(answer),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_keeps_its_slashes_to_itself() {
        assert_eq!(segment("R-1/2 #3"), "R-1%2F2%20%233");
    }
}
