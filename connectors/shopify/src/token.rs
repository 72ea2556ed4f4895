//! Access tokens by the client credentials grant, for an app of the shop's own organisation.

use std::time::Duration;

use http::Method;
use retail_connect::{Call, CallFault, Http, Lane, Token, TokenSource};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::wire::admin::Granted;

const PATH: &str = "/admin/oauth/access_token";
const OPERATION: &str = "token.post";

/// Buys tokens with the app's secret.
pub(crate) struct ClientCredentials {
    pub(crate) http: Http,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

#[tonic::async_trait]
impl TokenSource for ClientCredentials {
    async fn fetch(&self) -> Result<Token, CallFault> {
        let unusable = |why: String| CallFault::NoAnswer { operation: OPERATION, why };
        let ask = json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret.expose_secret(),
            "grant_type": "client_credentials",
        });
        // Asking twice only makes a second token: a read as far as repeating goes.
        let call =
            Call::read(OPERATION, Method::POST, PATH).lane(Lane::Critical).body("application/json", ask.to_string());
        let reply = self.http.send(call).await?;
        if reply.status.is_server_error() {
            return Err(unusable(format!("status {}", reply.status.as_u16())));
        }
        if !reply.status.is_success() {
            tracing::error!(
                status = reply.status.as_u16(),
                "the shop gives us no token; see client_id, client_secret and the app's installation"
            );
            return Err(CallFault::Credentials { operation: OPERATION });
        }
        let granted: Granted =
            serde_json::from_slice(&reply.body).map_err(|_| unusable("not a token answer".to_owned()))?;
        Ok(Token { secret: granted.access_token, lives: Duration::from_secs(granted.expires_in) })
    }
}
