//! TLS towards vendors: ring, and the roots of one configured file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use retail_runtime::Io;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::http::SetupError;
use crate::stream::Stream;

#[derive(Clone)]
pub(crate) struct Secure(TlsConnector);

impl Secure {
    /// Trusts the certificates of a PEM file and nobody else.
    pub(crate) fn new(roots: &Path) -> Result<Self, SetupError> {
        let bad = |why: String| SetupError::Roots { file: roots.to_path_buf(), why };
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(roots).map_err(|err| bad(err.to_string()))? {
            let certificate = certificate.map_err(|err| bad(err.to_string()))?;
            store.add(certificate).map_err(|err| bad(err.to_string()))?;
        }
        if store.is_empty() {
            return Err(bad("it holds no certificate".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|err| bad(err.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(crate) async fn wrap(&self, io: Io, host: &str) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tls = self.0.connect(name, io).await?;
        Ok(Stream::Tls(Box::new(tls)))
    }
}
