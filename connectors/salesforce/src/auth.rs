//! Tokens of an org: client credentials, or a JWT that our key signs. Neither flow tells a life time or gives a refresh
//! token; a token counts as fresh for as long as configured and is replaced when the org refuses it.

use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, HeaderValue};
use retail_connect::jwt::{Algorithm, JwtError, Signer};
use retail_connect::{Call, CallFault, Held, Http, Token, TokenSource};
use retail_runtime::Clock;
use retail_runtime::config::Span;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::wire::{Granted, NotGranted};

const OPERATION: &str = "crm.token";
/// The service takes assertions that end within a few minutes.
const ASSERTION_SECONDS: i64 = 180;

/// How the connector proves who it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "grant", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// OAuth 2.0 client credentials; works on the My Domain host only.
    ClientCredentials {
        /// Consumer key of the external client app.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
    },
    /// OAuth 2.0 JWT bearer, RS256.
    JwtBearer {
        /// Consumer key of the external client app.
        client_id: String,
        /// User the app runs as; an admin has approved it for the app.
        username: String,
        /// `https://login.salesforce.com`, for sandboxes `https://test.salesforce.com`.
        #[serde(default = "production")]
        audience: String,
        /// PKCS#8 private key in PEM; its certificate is uploaded to the app.
        private_key: SecretString,
    },
}

fn production() -> String {
    "https://login.salesforce.com".to_owned()
}

/// Where an org's tokens come from.
pub(crate) struct Login {
    http: Http,
    clock: Clock,
    auth: Auth,
    signer: Option<Signer>,
    fresh: Duration,
}

impl Login {
    /// Refuses a key that cannot sign before anything is asked.
    pub(crate) fn new(http: &Http, clock: &Clock, auth: Auth, fresh: Span) -> Result<Login, JwtError> {
        let signer = match &auth {
            Auth::ClientCredentials { .. } => None,
            Auth::JwtBearer { private_key, .. } => Some(Signer::new(Algorithm::Rs256, "", private_key)?),
        };
        Ok(Login { http: http.clone(), clock: clock.clone(), auth, signer, fresh: fresh.into() })
    }

    fn form(&self) -> Result<String, CallFault> {
        let malformed = |why: String| CallFault::not_sent(OPERATION, Held::Malformed, why);
        let encoded = match (&self.auth, &self.signer) {
            (Auth::ClientCredentials { client_id, client_secret }, _) => serde_urlencoded::to_string([
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose_secret()),
            ]),
            (Auth::JwtBearer { client_id, username, audience, .. }, Some(signer)) => {
                let ends = self.clock.now().as_second().saturating_add(ASSERTION_SECONDS);
                let claims = json!({"iss": client_id, "sub": username, "aud": audience, "exp": ends});
                let assertion = signer.sign(&claims).map_err(|err| malformed(err.to_string()))?;
                serde_urlencoded::to_string([
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion.expose_secret()),
                ])
            }
            (Auth::JwtBearer { .. }, None) => return Err(malformed("no key to sign with".to_owned())),
        };
        encoded.map_err(|err| malformed(err.to_string()))
    }
}

#[tonic::async_trait]
impl TokenSource for Login {
    async fn fetch(&self) -> Result<Token, CallFault> {
        // Asking for a token changes nothing that a second asking would not: a read.
        let call = Call::read(OPERATION, Method::POST, "/services/oauth2/token")
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .body("application/x-www-form-urlencoded", self.form()?);
        let reply = self.http.send(call).await?;
        if reply.status.is_success() {
            let granted: Granted = serde_json::from_slice(&reply.body).map_err(|err| {
                CallFault::not_sent(OPERATION, Held::Token, format!("the token answer is not readable: {err}"))
            })?;
            let base = self.http.base().to_string();
            if !granted.instance_url.is_empty()
                && granted.instance_url.trim_end_matches('/') != base.trim_end_matches('/')
            {
                tracing::warn!(instance_url = %granted.instance_url, base_url = %base, "the org says it lives elsewhere; correct base_url");
            }
            return Ok(Token { secret: SecretString::from(granted.access_token), lives: self.fresh });
        }
        let said: NotGranted = serde_json::from_slice(&reply.body).unwrap_or_default();
        let passing = reply.status.is_server_error()
            || reply.status.as_u16() == 420
            || said.error == "rate_limit_exceeded"
            || said.error_description.contains("login rate exceeded");
        if passing {
            return Err(CallFault::not_sent(
                OPERATION,
                Held::Token,
                format!("the token endpoint answered {}", reply.status),
            ));
        }
        tracing::error!(error = %said.error, description = %said.error_description, "the org gives us no token");
        Err(CallFault::Credentials { operation: OPERATION })
    }
}
