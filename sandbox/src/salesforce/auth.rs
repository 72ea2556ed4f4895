//! Tokens: client credentials and JWT bearer, sessions that die of inactivity, and who a token belongs to.

mod jwt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::fault::Problem;
use super::{org, rows};
use crate::twin::{Answer, Seen};

/// Tables of apps and sessions.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS app (
  client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, username TEXT NOT NULL, public_key TEXT, api INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
  token TEXT PRIMARY KEY, client_id TEXT NOT NULL, username TEXT NOT NULL, user TEXT NOT NULL, api INTEGER NOT NULL,
  used INTEGER NOT NULL) WITHOUT ROWID;
";

/// An app of the org that may ask for tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Consumer key.
    pub client_id: String,
    /// Consumer secret.
    pub client_secret: String,
    /// The user the app runs as.
    pub username: String,
    /// PEM of the public key or certificate that JWT assertions are verified with.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Whether its tokens may use the REST API.
    #[serde(default = "yes")]
    pub api: bool,
}

fn yes() -> bool {
    true
}

/// Who a token stands for.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) token: String,
    pub(super) username: String,
    /// The user's record id.
    pub(super) user: String,
}

/// The org a token is asked of.
pub(super) struct Door<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) org_id: &'a str,
    /// Where the token's holder shall send data calls.
    pub(super) instance_url: &'a str,
    pub(super) idle_minutes: i64,
    pub(super) jwt_style: bool,
}

/// A refusal of the token endpoint.
struct Denied(&'static str, &'static str);

impl Denied {
    fn answer(&self) -> Answer {
        Answer::json(400, &json!({"error": self.0, "error_description": self.1}))
    }
}

/// Makes an app known, or changes it.
pub(super) fn register(db: &Connection, app: &App) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO app (client_id, secret, username, public_key, api) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![app.client_id, app.client_secret, app.username, app.public_key, app.api])?;
    Ok(())
}

impl Door<'_> {
    /// `/services/oauth2/<what>`.
    pub(super) fn answer(&self, what: &str, seen: &Seen) -> Result<Answer, Problem> {
        match (seen.method.as_str(), what) {
            ("POST", "token") => self.token(seen),
            ("GET" | "POST", "userinfo") => self.user_info(seen),
            ("POST", "revoke") => {
                let token = form(seen).remove("token").unwrap_or_default();
                self.db.prepare_cached("DELETE FROM session WHERE token = ?1")?.execute([token])?;
                Ok(Answer::empty(200))
            }
            ("POST", "introspect") => {
                let found = self.find(&form(seen).remove("token").unwrap_or_default())?;
                Ok(Answer::json(
                    200,
                    &match found {
                        Some((session, _, used)) => {
                            let until = used.saturating_add(self.idle_ms()).div_euclid(1000);
                            json!({"active": true, "username": session.username, "exp": until})
                        }
                        None => json!({"active": false}),
                    },
                ))
            }
            (_, "token" | "userinfo" | "revoke" | "introspect") => Err(Problem::method(&seen.method)),
            _ => Err(Problem::missing()),
        }
    }

    /// The session behind a data call, or the 401 it deserves.
    pub(super) fn session(&self, seen: &Seen) -> Result<Session, Problem> {
        let header = |message: &str| Problem::new(401, "INVALID_AUTH_HEADER", message);
        let given = seen.headers.get("authorization").and_then(|value| value.to_str().ok());
        let given = given.ok_or_else(|| header("MISSING_OAUTH_TOKEN"))?;
        let token = given
            .split_once(' ')
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("Bearer") || kind.eq_ignore_ascii_case("OAuth"));
        let (_, token) = token.ok_or_else(|| header("INVALID_HEADER_TYPE"))?;
        let expired = || {
            if self.jwt_style {
                header("INVALID_JWT_FORMAT")
            } else {
                Problem::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
            }
        };
        let (session, api, used) = self.find(token.trim())?.ok_or_else(expired)?;
        if !api {
            return Err(Problem::new(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"));
        }
        // Use refreshes a session; a minute's grain spares the books a write a call.
        let now = self.now.as_millisecond();
        if now.saturating_sub(used) > 60_000 {
            self.db
                .prepare_cached("UPDATE session SET used = ?2 WHERE token = ?1")?
                .execute(params![session.token, now])?;
        }
        Ok(session)
    }

    fn token(&self, seen: &Seen) -> Result<Answer, Problem> {
        let form = form(seen);
        let text = |name: &str| form.get(name).map(String::as_str);
        let granted = match text("grant_type") {
            Some("client_credentials") => self.by_secret(seen, text("client_id"), text("client_secret"))?,
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
                self.by_assertion(text("assertion").unwrap_or_default(), seen)?
            }
            Some(_) => Err(Denied("unsupported_grant_type", "grant type not supported")),
            None => Err(Denied("invalid_request", "missing grant_type")),
        };
        match granted {
            Ok(app) => self.issue(&app),
            Err(denied) => Ok(denied.answer()),
        }
    }

    fn by_secret(&self, seen: &Seen, id: Option<&str>, secret: Option<&str>) -> Result<Result<App, Denied>, Problem> {
        let basic = seen
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Basic "));
        let basic = basic.and_then(|coded| String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok());
        let pair = basic.as_deref().and_then(|pair| pair.split_once(':')).or_else(|| Some((id?, secret?)));
        let Some((id, secret)) = pair else { return Ok(Err(Denied("invalid_client", "invalid client credentials"))) };
        let Some(app) = self.app(id)? else { return Ok(Err(Denied("invalid_client_id", "client identifier invalid"))) };
        Ok(if app.client_secret == secret {
            Ok(app)
        } else {
            Err(Denied("invalid_client", "invalid client credentials"))
        })
    }

    fn by_assertion(&self, assertion: &str, seen: &Seen) -> Result<Result<App, Denied>, Problem> {
        let invalid = Denied("invalid_grant", "invalid assertion");
        let Some(token) = jwt::Assertion::read(assertion) else { return Ok(Err(invalid)) };
        let Some(app) = self.app(&token.issuer)? else {
            return Ok(Err(Denied("invalid_client_id", "client identifier invalid")));
        };
        if !app.public_key.as_deref().is_some_and(|key| token.is_signed_by(key)) {
            return Ok(Err(invalid));
        }
        let audiences =
            ["https://login.salesforce.com", "https://test.salesforce.com", seen.base_url.as_str(), self.instance_url];
        let now = self.now.as_second();
        Ok(if !audiences.contains(&token.audience.trim_end_matches('/')) {
            Err(Denied("invalid_grant", "audience is invalid"))
        } else if token.subject != app.username {
            Err(Denied("invalid_grant", "user hasn't approved this consumer"))
        } else if token.expires <= now {
            Err(Denied("invalid_grant", "expired authorization code"))
        } else if token.expires > now.saturating_add(jwt::FURTHEST_SECONDS) {
            Err(invalid)
        } else {
            Ok(app)
        })
    }

    fn issue(&self, app: &App) -> Result<Answer, Problem> {
        let user = self.user(&app.username)?;
        let count: i64 = self.db.prepare_cached("SELECT count(*) FROM session")?.query_row([], |row| row.get(0))?;
        let issued = self.now.as_millisecond();
        let seed = Sha256::digest(format!("{}:{}:{issued}:{count}", app.client_id, app.client_secret));
        let token = format!("{}!{}", self.org_id.get(..15).unwrap_or(self.org_id), URL_SAFE_NO_PAD.encode(seed));
        self.db
            .prepare_cached("INSERT OR REPLACE INTO session (token, client_id, username, user, api, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![token, app.client_id, app.username, user, app.api, issued])?;
        let id = format!("https://login.salesforce.com/id/{}/{user}", self.org_id);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, app.client_secret.as_bytes());
        let signature = STANDARD.encode(ring::hmac::sign(&key, format!("{id}{issued}").as_bytes()));
        Ok(Answer::json(
            200,
            &json!({
                "access_token": token, "signature": signature, "scope": if app.api { "api" } else { "id" },
                "instance_url": self.instance_url, "id": id, "token_type": "Bearer", "issued_at": issued.to_string(),
            }),
        ))
    }

    fn user_info(&self, seen: &Seen) -> Result<Answer, Problem> {
        let given = seen.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = given.split_once(' ').map_or(given, |(_, token)| token);
        let Some((session, ..)) = self.find(token)? else {
            return Ok(Answer { status: 403, headers: Vec::new(), body: "Bad_OAuth_Token".into() });
        };
        Ok(Answer::json(
            200,
            &json!({
                "sub": format!("https://login.salesforce.com/id/{}/{}", self.org_id, session.user),
                "user_id": session.user, "organization_id": self.org_id, "preferred_username": session.username,
                "active": true, "user_type": "STANDARD",
            }),
        ))
    }

    fn app(&self, id: &str) -> Result<Option<App>, Problem> {
        let mut find = self
            .db
            .prepare_cached("SELECT client_id, secret, username, public_key, api FROM app WHERE client_id = ?1")?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(App {
                client_id: row.get(0)?,
                client_secret: row.get(1)?,
                username: row.get(2)?,
                public_key: row.get(3)?,
                api: row.get(4)?,
            })
        };
        Ok(find.query_row([id], read).optional()?)
    }

    /// A living session with its REST right and its last use.
    fn find(&self, token: &str) -> Result<Option<(Session, bool, i64)>, Problem> {
        let oldest = self.now.as_millisecond().saturating_sub(self.idle_ms());
        let mut find =
            self.db.prepare_cached("SELECT username, user, api, used FROM session WHERE token = ?1 AND used >= ?2")?;
        let read = |row: &rusqlite::Row<'_>| {
            let session = Session { token: token.to_owned(), username: row.get(0)?, user: row.get(1)? };
            Ok((session, row.get(2)?, row.get(3)?))
        };
        Ok(find.query_row(params![token, oldest], read).optional()?)
    }

    /// The record of a user, made at the first login.
    fn user(&self, username: &str) -> Result<String, Problem> {
        let object = org::object("User").ok_or_else(Problem::missing)?;
        if let Some(user) =
            rows::all(self.db, object, false)?.into_iter().find(|user| user.text("Username") == username)
        {
            return Ok(user.id);
        }
        let mut body = Map::new();
        body.insert("Username".to_owned(), Value::from(username));
        body.insert("LastName".to_owned(), Value::from("Integration"));
        body.insert("IsActive".to_owned(), Value::Bool(true));
        Ok(rows::insert(self.db, object, body, self.now)?.id)
    }

    fn idle_ms(&self) -> i64 {
        self.idle_minutes.saturating_mul(60_000)
    }
}

fn form(seen: &Seen) -> std::collections::HashMap<String, String> {
    serde_urlencoded::from_bytes(&seen.body).unwrap_or_default()
}
