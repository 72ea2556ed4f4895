//! OAuth 2.0 client credentials: "POST Request to the Token Endpoint and the Access Token Response".

use std::time::Duration;

use http::Method;
use retail_connect::jwt::Signer;
use retail_connect::{Call, CallFault, Http, Lane, Token, TokenSource};
use retail_runtime::{Clock, Ids};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::wire::TokenAnswer;

/// The token endpoint below the account's address.
pub(crate) const TOKEN_PATH: &str = "/services/rest/auth/oauth2/v1/token";
const OPERATION: &str = "token.post";
/// NetSuite takes assertions of less than 60 minutes; five bound the harm of a leaked one.
const ASSERTION_SECONDS: i64 = 300;

/// Signs an assertion and exchanges it for an access token. There is no refresh token in this flow.
pub(crate) struct ClientCredentials {
    pub(crate) http: Http,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) signer: Signer,
    pub(crate) client_id: String,
    pub(crate) audience: String,
}

#[tonic::async_trait]
impl TokenSource for ClientCredentials {
    async fn fetch(&self) -> Result<Token, CallFault> {
        let unusable = |why: &str| CallFault::NoAnswer { operation: OPERATION, why: why.to_owned() };
        let issued_at = self.clock.now().as_second();
        let claims = json!({
            "iss": self.client_id,
            "scope": ["rest_webservices"],
            "aud": self.audience,
            "iat": issued_at,
            "exp": issued_at.saturating_add(ASSERTION_SECONDS),
            "jti": self.ids.next().to_string(),
        });
        let assertion = self.signer.sign(&claims).map_err(|err| unusable(&err.to_string()))?;
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.expose_secret()),
        ])
        .map_err(|err| unusable(&err.to_string()))?;
        // Asking twice only makes a second token: a read as far as repeating goes.
        let call = Call::read(OPERATION, Method::POST, TOKEN_PATH)
            .lane(Lane::Critical)
            .body("application/x-www-form-urlencoded", form);
        let reply = self.http.send(call).await?;
        if reply.status.is_server_error() {
            return Err(unusable(&format!("status {}", reply.status.as_u16())));
        }
        if !reply.status.is_success() {
            tracing::error!(
                status = reply.status.as_u16(),
                "netsuite refused our assertion; see the login audit trail"
            );
            return Err(CallFault::Credentials { operation: OPERATION });
        }
        let answer: TokenAnswer = serde_json::from_slice(&reply.body).map_err(|_| unusable("not a token answer"))?;
        let lives = seconds(&answer.expires_in).ok_or_else(|| unusable("expires_in is no number"))?;
        Ok(Token { secret: answer.access_token, lives })
    }
}

/// A number, or from older accounts a string.
fn seconds(value: &Value) -> Option<Duration> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_token_is_read_as_number_and_as_string() {
        assert_eq!(seconds(&json!(3600)), Some(Duration::from_secs(3600)));
        assert_eq!(seconds(&json!("3600")), Some(Duration::from_secs(3600)));
        assert_eq!(seconds(&json!(null)), None);
    }
}
