//! From configuration to a connector: what would fail at the first message fails here.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use retail_proto::notify::v1::notify_service_server::NotifyServiceServer;
use retail_runtime::config::{ExposeSecret as _, SecretString};
use retail_runtime::{Listener, Runtime, ServeError};
use tokio::sync::Semaphore;
use tonic::service::Routes;

use crate::address::{Sender, address};
use crate::config::{self, Config, Tls};
use crate::locale::Locale;
use crate::notify::{Carrier, Connector};
use crate::relay::{Connections, Login};
use crate::secure::{BadRoots, Secure};
use crate::words::{BadWords, Words};

/// Longest domain, so that a Message-ID stays on one line.
const LONGEST_DOMAIN: usize = 100;

/// Why the connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not a domain of ours.
    #[error("domain {0:?} is no domain name such as mail.example.com, of at most 100 characters")]
    Domain(String),
    /// Not a name to greet with.
    #[error("relay.hello {0:?} is no host name of at most 100 characters")]
    Hello(String),
    /// Not a locale.
    #[error("default_locale {0:?} is no BCP 47 locale such as en or de-AT")]
    Locale(String),
    /// Not a time zone of this machine.
    #[error("time_zone {0:?} is not known here; give an IANA name such as Europe/London")]
    TimeZone(String),
    /// A sender is not one.
    #[error("{whose}.{field} is no address; give `Name <address>` or an address, return_path without a name")]
    Sender {
        /// Section.
        whose: String,
        /// Field in it.
        field: &'static str,
    },
    /// The way to the relay would be open to anybody.
    #[error("relay.tls = \"none\" sends customers' mail in the clear to {0}; use starttls, or say allow_plaintext")]
    Plaintext(String),
    /// Nobody is trusted.
    #[error("relay.roots is missing; name a PEM file of certificates to trust")]
    NoRoots,
    /// The certificates cannot be used.
    #[error(transparent)]
    Roots(#[from] BadRoots),
    /// The password's file cannot be read.
    #[error("relay.password_file {0}")]
    PasswordFile(PathBuf, #[source] std::io::Error),
    /// Half of a login.
    #[error("relay.user and relay.password (or password_file) go together, and neither has control characters")]
    Login,
    /// No time or no connection.
    #[error("relay.timeout must be longer than relay.reply_wait, reply_wait longer than 0s, connections 1 to 100")]
    Limits,
    /// A template cannot be used.
    #[error("words")]
    Words(#[from] BadWords),
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl Connector {
    /// A connector of one relay. Templates are read and tried; the relay is not called before the first message.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: &Config, runtime: &Runtime) -> Result<Self, StartError> {
        if !is_domain(&config.domain) {
            return Err(StartError::Domain(config.domain.clone()));
        }
        let locale = Locale::read(&config.default_locale);
        let locale = locale.ok_or_else(|| StartError::Locale(config.default_locale.clone()))?;
        let zone = TimeZone::get(&config.time_zone).map_err(|_| StartError::TimeZone(config.time_zone.clone()))?;
        let sender = |whose: &str, given: &config::Sender| {
            Sender::read(given).map_err(|field| StartError::Sender { whose: whose.to_owned(), field })
        };
        let brands = config.brands.iter().map(|(name, brand)| {
            sender(&format!("brands.{name}.sender"), &brand.sender).map(|sender| (name.clone(), sender))
        });
        Ok(Self(Arc::new(Carrier {
            instance: config.instance.clone(),
            domain: config.domain.clone(),
            zone,
            sender: sender("sender", &config.sender)?,
            brands: brands.collect::<Result<_, _>>()?,
            words: Words::load(config, locale)?,
            connections: connections(config, runtime)?,
            clock: runtime.clock().clone(),
        })))
    }

    /// The contract as a gRPC service.
    #[must_use]
    pub fn server(&self) -> NotifyServiceServer<Connector> {
        NotifyServiceServer::new(self.clone())
    }
}

/// Serves the contract until the runtime stops.
///
/// # Errors
/// [`StartError`].
pub async fn run(config: Config, runtime: Runtime, listener: Listener) -> Result<(), StartError> {
    let connector = Connector::new(&config, &runtime)?;
    runtime.serve_grpc(listener, Routes::new(connector.server())).await?;
    Ok(())
}

fn connections(config: &Config, runtime: &Runtime) -> Result<Connections, StartError> {
    let relay = config.relay.clone();
    let hello = relay.hello.clone().unwrap_or_else(|| config.domain.clone());
    if !is_domain(&hello) {
        return Err(StartError::Hello(hello));
    }
    let secure = match (relay.tls, &relay.roots) {
        (Tls::None, _) if relay.allow_plaintext || is_here(&relay.host) => None,
        (Tls::None, _) => return Err(StartError::Plaintext(relay.host)),
        (Tls::Starttls | Tls::Implicit, Some(roots)) => Some(Secure::new(roots, &relay.host)?),
        (Tls::Starttls | Tls::Implicit, None) => return Err(StartError::NoRoots),
    };
    if relay.timeout <= relay.reply_wait || relay.reply_wait.get().is_zero() || !(1..=100).contains(&relay.connections)
    {
        return Err(StartError::Limits);
    }
    Ok(Connections {
        hello,
        secure,
        login: login(&relay)?,
        net: runtime.net().clone(),
        clock: runtime.clock().clone(),
        places: Semaphore::new(relay.connections),
        kept: Mutex::default(),
        relay,
    })
}

fn login(relay: &config::Relay) -> Result<Option<Login>, StartError> {
    let password: SecretString = match &relay.password_file {
        None => relay.password.clone(),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| StartError::PasswordFile(file.clone(), error))?;
            text.trim_end_matches(['\r', '\n']).to_owned().into()
        }
    };
    let secret = password.expose_secret();
    let user = relay.user.clone().unwrap_or_default();
    if user.is_empty() && secret.is_empty() {
        return Ok(None);
    }
    if user.is_empty() || secret.is_empty() || user.chars().chain(secret.chars()).any(char::is_control) {
        return Err(StartError::Login);
    }
    Ok(Some(Login { user, password }))
}

fn is_domain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.is_empty()
        && text.len() <= LONGEST_DOMAIN
        && text.bytes().all(plain)
        && address(&format!("a@{text}")).is_some()
}

/// True for this machine.
fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
