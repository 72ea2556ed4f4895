//! TLS towards the relay: ring, and the roots of one configured file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use retail_runtime::Io;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
#[error("relay.roots: {}: {why}", file.display())]
pub struct BadRoots {
    file: PathBuf,
    why: String,
}

/// Whom we trust, and by which name the relay must be known to them.
#[derive(Clone)]
pub(crate) struct Secure {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Secure {
    /// Trusts the certificates of a PEM file and nobody else.
    pub(crate) fn new(roots: &Path, host: &str) -> Result<Self, BadRoots> {
        let bad = |why: String| BadRoots { file: roots.to_path_buf(), why };
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(roots).map_err(|error| bad(error.to_string()))? {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            store.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
        if store.is_empty() {
            return Err(bad("it holds no certificate".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| bad(error.to_string()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Makes the handshake.
    pub(crate) async fn wrap(&self, io: Io) -> io::Result<Io> {
        Ok(Io::new(self.connector.connect(self.name.clone(), io).await?))
    }
}
