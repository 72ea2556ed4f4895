//! One connection to one node: over the runtime's network, encrypted when configured, its answers within a time.

use std::io;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, Value};
use retail_runtime::config::ExposeSecret as _;
use retail_runtime::{Io, Runtime};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;

use super::settings::RedisConfig;
use super::slots::host_of;
use crate::fault::Error;

/// Makes connections.
pub(super) struct Connector {
    pub(super) runtime: Runtime,
    pub(super) config: RedisConfig,
    tls: Option<TlsConnector>,
}

/// A connection; the last clone dropped ends it. Clones share it and are answered in the order they asked.
#[derive(Clone)]
pub(super) struct Connection {
    inner: MultiplexedConnection,
    _alive: Arc<oneshot::Sender<()>>,
}

/// What each command was answered; `Err` outside: nobody knows what was done.
pub(super) type Answers = Result<Vec<Result<Value, RedisError>>, String>;

impl Connector {
    pub(super) fn new(runtime: &Runtime, config: RedisConfig) -> Result<Self, Error> {
        let tls = config.ca_file.as_ref().map(|file| {
            trusting(file).map_err(|why| Error::Unfit(format!("certificates of {}: {why}", file.display())))
        });
        config.password()?;
        Ok(Self { runtime: runtime.clone(), tls: tls.transpose()?, config })
    }

    /// Opens a connection. `pushes`: where what the server says unasked goes.
    pub(super) async fn connect(
        &self,
        address: &str,
        pushes: Option<mpsc::UnboundedSender<PushInfo>>,
    ) -> Result<Connection, String> {
        let opened = self.runtime.clock().timeout(self.config.timeout.get(), self.open(address, pushes)).await;
        opened.unwrap_or_else(|_| Err(format!("{address} does not answer")))
    }

    async fn open(&self, address: &str, pushes: Option<mpsc::UnboundedSender<PushInfo>>) -> Result<Connection, String> {
        let failed = |why: &dyn std::fmt::Display| format!("cannot connect to {address}: {why}");
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| failed(&"it has no port"))?;
        let plain = self.runtime.net().connect(host_of(address), port).await.map_err(|error| failed(&error))?;
        let stream = self.secured(plain, host_of(address)).await.map_err(|error| failed(&error))?;
        let mut info = RedisConnectionInfo::default();
        if let Some(user) = &self.config.user {
            info = info.set_username(user);
        }
        if let Some(password) = self.config.password().map_err(|error| failed(&error))? {
            info = info.set_password(password.expose_secret());
        }
        let mut options = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        if let Some(pushes) = pushes {
            info = info.set_protocol(ProtocolVersion::RESP3);
            options = options.set_push_sender(pushes);
        }
        let opened = MultiplexedConnection::new_with_config(&info, stream, options).await;
        let (inner, driver) = opened.map_err(|error| failed(&error))?;
        let (alive, gone) = oneshot::channel();
        self.runtime.spawn("store.redis.connection", async move {
            tokio::select! {
                () = driver => {}
                _ = gone => {}
            }
        });
        Ok(Connection { inner, _alive: Arc::new(alive) })
    }

    async fn secured(&self, plain: Io, host: &str) -> io::Result<Io> {
        let Some(tls) = &self.tls else { return Ok(plain) };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Io::new(tls.connect(name, plain).await?))
    }

    /// Asks over a connection within the configured time.
    pub(super) async fn ask(&self, connection: &Connection, commands: Vec<Cmd>) -> Answers {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command);
        }
        pipeline.ignore_errors();
        let mut inner = connection.inner.clone();
        let asked = pipeline.query_async(&mut inner);
        match self.runtime.clock().timeout(self.config.answer_within(), asked).await {
            Ok(answered) => answered.map_err(|error: RedisError| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

fn trusting(roots: &std::path::Path) -> Result<TlsConnector, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(roots).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    if store.is_empty() {
        return Err("the file holds no certificate".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
