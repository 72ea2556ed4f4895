//! OAuth 2.0 client credentials with a signed assertion ("POST Request to the Token Endpoint").

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{desk::Desk, fault::Fault, keys, wire};
use crate::twin::{Answer, Seen};

/// The certificate id of the key the twin makes for itself.
pub(super) const DEVELOPMENT: &str = "weft-sandbox-development";
const LIFETIME_SECONDS: i64 = 3600;
const ALGORITHMS: [&str; 6] = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

/// An OAuth refusal: status, error, description.
type Refusal = (u16, &'static str, &'static str);

/// Answers `POST /auth/oauth2/v1/token`.
pub(super) fn issue(desk: &Desk<'_>, request: &Seen) -> Result<Answer, Fault> {
    let answer = match grant(desk, request)? {
        Ok(token) => {
            Answer::json(200, &json!({"access_token": token, "expires_in": LIFETIME_SECONDS, "token_type": "Bearer"}))
        }
        Err((status, error, description)) => {
            Answer::json(status, &json!({"error": error, "error_description": description}))
        }
    };
    Ok(answer.header("Cache-Control", "no-store"))
}

fn grant(desk: &Desk<'_>, request: &Seen) -> Result<Result<String, Refusal>, Fault> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&request.body).unwrap_or_default();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if request.method != http::Method::POST || field("grant_type") != "client_credentials" {
        return Ok(Err((400, "unsupported_grant_type", "grant_type must be client_credentials")));
    }
    if field("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
        return Ok(Err((400, "invalid_request", "client_assertion_type must be jwt-bearer")));
    }
    let assertion = field("client_assertion");
    let parts: Vec<&str> = assertion.split('.').collect();
    let [head, payload, signature] = parts.as_slice() else {
        return Ok(Err((400, "invalid_request", "client_assertion is not a JWT")));
    };
    let read =
        |part: &str| URL_SAFE_NO_PAD.decode(part).ok().and_then(|raw| serde_json::from_slice::<Value>(&raw).ok());
    let (Some(header), Some(claims), Ok(signature)) = (read(head), read(payload), URL_SAFE_NO_PAD.decode(signature))
    else {
        return Ok(Err((400, "invalid_request", "client_assertion is not a JWT")));
    };
    let algorithm = text(&header, "alg");
    if !ALGORITHMS.contains(&algorithm) {
        return Ok(Err((400, "invalid_request", "alg must be one of PS256, PS384, PS512, ES256, ES384, ES512")));
    }
    let pem: Option<String> =
        desk.row("SELECT public_key FROM ns_certificate WHERE id = ?1", [text(&header, "kid")], |row| row.get(0))?;
    let Some(key) = pem.as_deref().and_then(keys::PublicKey::from_pem) else {
        return Ok(Err((401, "invalid_client", "no such certificate")));
    };
    if text(&claims, "iss") != desk.config.client_id {
        return Ok(Err((401, "invalid_client", "no such integration")));
    }
    let message = format!("{head}.{payload}");
    if key.verify(algorithm, message.as_bytes(), &signature) != Some(true) {
        return Ok(Err((400, "invalid_grant", "the signature does not fit the certificate")));
    }
    if let Some(refusal) = refuse_claims(desk, &claims) {
        return Ok(Err(refusal));
    }
    sign_in(desk, &signature).map(Ok)
}

fn refuse_claims(desk: &Desk<'_>, claims: &Value) -> Option<Refusal> {
    let now = desk.now.as_second();
    let (Some(issued), Some(expires)) = (seconds(claims, "iat"), seconds(claims, "exp")) else {
        return Some((400, "invalid_grant", "iat and exp are required"));
    };
    if expires <= now || issued > now.saturating_add(60) {
        return Some((400, "invalid_grant", "the assertion is not valid now"));
    }
    if expires.saturating_sub(issued) > LIFETIME_SECONDS {
        return Some((400, "invalid_grant", "exp must be at most 60 minutes after iat"));
    }
    let path = "/services/rest/auth/oauth2/v1/token";
    let account = desk.config.account.to_lowercase().replace('_', "-");
    let audiences = [
        format!("{}{path}", desk.base),
        format!("https://{account}.suitetalk.api.netsuite.com{path}"),
        format!("https://{account}.restlets.api.netsuite.com{path}"),
    ];
    let named = |value: &Value| value.as_str().is_some_and(|aud| audiences.iter().any(|known| known == aud));
    let meant =
        claims.get("aud").is_some_and(|aud| named(aud) || aud.as_array().is_some_and(|all| all.iter().any(named)));
    if !meant {
        return Some((400, "invalid_grant", "aud is not this account's token endpoint"));
    }
    let scopes: Vec<String> = match claims.get("scope") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(all)) => all.split([' ', ',']).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if !scopes.iter().any(|scope| scope == "rest_webservices") {
        return Some((400, "invalid_scope", "scope must name rest_webservices"));
    }
    None
}

/// Makes and remembers an access token.
fn sign_in(desk: &Desk<'_>, seed: &[u8]) -> Result<String, Fault> {
    let now = desk.now.as_second();
    let expires = now.saturating_add(LIFETIME_SECONDS);
    let count: i64 = desk.row("SELECT COUNT(*) FROM ns_token", [], |row| row.get(0))?.unwrap_or(0);
    let head = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"sandbox"}"#);
    let payload = URL_SAFE_NO_PAD.encode(json!({"exp": expires, "n": count}).to_string());
    let mut digest = Sha256::new();
    digest.update(seed);
    digest.update(payload.as_bytes());
    digest.update(desk.now.as_nanosecond().to_be_bytes());
    let token = format!("{head}.{payload}.{}", URL_SAFE_NO_PAD.encode(digest.finalize()));
    desk.run("DELETE FROM ns_token WHERE expires < ?1", [now.saturating_sub(LIFETIME_SECONDS)])?;
    desk.run("INSERT OR REPLACE INTO ns_token(token, expires) VALUES (?1, ?2)", (&token, expires))?;
    Ok(token)
}

/// Lets a request with a living bearer token pass.
pub(super) fn check(desk: &Desk<'_>, request: &Seen) -> Result<(), Fault> {
    let (scheme, token) = wire::header(request, "authorization").split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Fault::login());
    }
    let expires: Option<i64> =
        desk.row("SELECT expires FROM ns_token WHERE token = ?1", [token.trim()], |row| row.get(0))?;
    if expires.is_some_and(|expires| expires > desk.now.as_second()) { Ok(()) } else { Err(Fault::login()) }
}

/// Registers the configured certificates; without any, makes and registers the development key once.
pub(super) fn register(desk: &Desk<'_>) -> Result<(), Fault> {
    for certificate in &desk.config.certificates {
        enrol(desk, &certificate.id, &certificate.pem)?;
    }
    if desk.row("SELECT 1 FROM ns_certificate LIMIT 1", [], |_| Ok(()))?.is_some() {
        return Ok(());
    }
    let unusable = |_| Fault::new(500, "UNEXPECTED_ERROR", "the development key could not be made");
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(unusable)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .map_err(|_| Fault::new(500, "UNEXPECTED_ERROR", "the development key could not be read"))?;
    let private = keys::pem("PRIVATE KEY", document.as_ref());
    desk.run("INSERT OR REPLACE INTO ns_setting(name, value) VALUES ('development_key', ?1)", [&private])?;
    desk.run(
        "INSERT INTO ns_certificate(id, public_key) VALUES (?1, ?2)",
        (DEVELOPMENT, keys::p256_pem(pair.public_key().as_ref())),
    )?;
    Ok(())
}

/// Adds or replaces a certificate.
pub(super) fn enrol(desk: &Desk<'_>, id: &str, pem: &str) -> Result<(), Fault> {
    if id.is_empty() || keys::PublicKey::from_pem(pem).is_none() {
        return Err(Fault::content("pem", "a certificate needs an id and a PEM public key or certificate"));
    }
    desk.run("INSERT OR REPLACE INTO ns_certificate(id, public_key) VALUES (?1, ?2)", (id, pem))?;
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn seconds(claims: &Value, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    value.as_i64().or_else(|| wire::decimal(value).and_then(|number| wire::scaled(number.trunc(), 1)))
}
