//! The laptop's way into the NetSuite twin: the twin makes a development key for itself and hands it out. Nothing
//! secret is in the repository; a real account's key comes from its own configuration.

use std::net::SocketAddr;

use anyhow::Context as _;
use retail_runtime::Runtime;
use retail_runtime::config::SecretString;
use serde_json::Value;

use crate::config::Config;
use crate::mesh::url;
use crate::wire::Wire;

/// Gives the connector the twin's development key, unless the configuration has a key of its own.
pub(crate) async fn introduce(config: &mut Config, runtime: &Runtime, sandbox: SocketAddr) -> anyhow::Result<()> {
    if config.netsuite.private_key.is_some() || config.netsuite.private_key_file.is_some() {
        return Ok(());
    }
    let wire = Wire::to(runtime, &url(sandbox))?;
    let offered = wire.get("/__sandbox/netsuite/certificate").await.context("the NetSuite twin offers no key")?;
    let text = |name: &str| offered.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    config.netsuite.client_id = text("client_id");
    config.netsuite.certificate_id = text("certificate_id");
    config.netsuite.private_key = Some(SecretString::from(text("private_key_pem")));
    Ok(())
}
