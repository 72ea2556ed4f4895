//! The operator's door of the vendors' twins: it is always open.

use retail_runtime::Runtime;
use retail_weft::wire::Wire;
use serde_json::Value;

use crate::hosts::VENDORS;
use crate::people::{PATIENCE, People};

pub(crate) struct Twins<'a>(&'a Runtime);

impl People {
    pub(crate) fn twins(&self) -> Twins<'_> {
        Twins(&self.runtime)
    }
}

impl Twins<'_> {
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call("POST", path, Some(body), &[]).await
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, None, &[]).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let wire = Wire::to(self.0, &format!("http://{VENDORS}:9100"))?;
        self.0.clock().timeout(PATIENCE, wire.call(method, path, body, headers)).await?
    }
}
