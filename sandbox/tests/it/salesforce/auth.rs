//! Auth and limits: rows 1 to 8, 49 and 50.

use http::Method;
use ring::signature::KeyPair as _;
use serde_json::{Value, json};

use super::*;

#[test]
fn row_1_client_credentials_work_in_the_body_and_in_the_basic_header() {
    let org = org();
    let by_body = org.token("grant_type=client_credentials&client_id=weft-sandbox&client_secret=weft-sandbox-secret");
    let basic = "Basic d2VmdC1zYW5kYm94OndlZnQtc2FuZGJveC1zZWNyZXQ=";
    let by_header =
        org.raw(Method::POST, "/services/oauth2/token", b"grant_type=client_credentials", &[("authorization", basic)]);
    for answer in [by_body, by_header] {
        let body = json_of(&answer);
        assert_eq!(answer.status, 200);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["instance_url"], BASE);
        assert_eq!(body["issued_at"], "1795439248000");
        assert!(body["id"].as_str().unwrap().contains("/id/00DSB0000000001"));
        assert!(body.get("expires_in").is_none());
    }
}

#[test]
fn row_2_a_wrong_secret_is_refused_in_the_oauth_shape() {
    let answer = org().token("grant_type=client_credentials&client_id=weft-sandbox&client_secret=no");
    assert_eq!(answer.status, 400);
    assert_eq!(json_of(&answer), json!({"error": "invalid_client", "error_description": "invalid client credentials"}));
}

#[test]
fn row_3_a_jwt_is_verified_claim_by_claim() {
    let org = org();
    let key = ring::signature::RsaKeyPair::from_pkcs8(&pem(include_str!("jwt-key.pem"))).unwrap();
    let public = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.public_key().as_ref());
    let public = format!("-----BEGIN RSA PUBLIC KEY-----\n{public}\n-----END RSA PUBLIC KEY-----\n");
    org.turn(
        "apps",
        json!({"client_id": "jwt", "client_secret": "x", "username": "jwt@weft.example", "public_key": public}),
    );
    let now = org.now.get().as_second();
    let good =
        json!({"iss": "jwt", "sub": "jwt@weft.example", "aud": "https://login.salesforce.com", "exp": now + 180});
    let ask = |claims: &Value, key: &ring::signature::RsaKeyPair| {
        let form =
            [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion(claims, key))];
        let answer = org.token(&serde_urlencoded::to_string(form).unwrap());
        (answer.status, json_of(&answer)["error_description"].as_str().unwrap_or_default().to_owned())
    };
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        ask(&claims, &key)
    };
    assert_eq!(ask(&good, &key).0, 200);
    assert_eq!(with("exp", json!((now + 180).to_string())).0, 200);
    assert_eq!(with("exp", json!(now - 1)), (400, "expired authorization code".to_owned()));
    assert_eq!(with("exp", json!(now + 3600)), (400, "invalid assertion".to_owned()));
    assert_eq!(with("aud", json!("https://example.com")), (400, "audience is invalid".to_owned()));
    assert_eq!(with("sub", json!("other@weft.example")), (400, "user hasn't approved this consumer".to_owned()));
    assert_eq!(with("iss", json!("nobody")), (400, "client identifier invalid".to_owned()));
    // The signature of one assertion under the claims of another.
    let (other, good) = (assertion(&json!({"iss": "jwt"}), &key), assertion(&good, &key));
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", forged.as_str())];
    assert_eq!(
        json_of(&org.token(&serde_urlencoded::to_string(form).unwrap()))["error_description"],
        "invalid assertion"
    );
}

fn pem(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap()
}

fn assertion(claims: &Value, key: &ring::signature::RsaKeyPair) -> String {
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let signed = format!("{}.{}", encode(br#"{"alg":"RS256"}"#), encode(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), signed.as_bytes(), &mut signature)
        .unwrap();
    format!("{signed}.{}", encode(&signature))
}

#[test]
fn row_4_an_expired_token_is_invalid_session_id() {
    let org = org();
    org.twin.expire_tokens();
    let answer = org.get("/limits");
    assert_eq!(refusal(&answer), (401, "INVALID_SESSION_ID".into(), "Session expired or invalid".into()));
    assert_eq!(header(&answer, "www-authenticate"), Some("Token"));
}

#[test]
fn a_token_dies_of_two_idle_hours_and_lives_by_use() {
    let org = org();
    org.later("90m");
    assert_eq!(org.get("/limits").status, 200);
    org.later("90m");
    assert_eq!(org.get("/limits").status, 200);
    org.later("121m");
    assert_eq!(org.get("/limits").status, 401);
}

#[test]
fn row_5_a_stale_jwt_style_token_has_its_own_words() {
    let org = org();
    org.turn("tokens", json!({"jwt": true}));
    org.twin.expire_tokens();
    assert_eq!(refusal(&org.get("/limits")), (401, "INVALID_AUTH_HEADER".into(), "INVALID_JWT_FORMAT".into()));
}

#[test]
fn row_6_a_token_without_the_api_scope_never_works() {
    let org = org();
    org.turn("apps", json!({"client_id": "web", "client_secret": "x", "username": "web@weft.example", "api": false}));
    let token =
        json_of(&org.token("grant_type=client_credentials&client_id=web&client_secret=x"))["access_token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let answer = org.raw(Method::GET, "/services/data/v66.0/limits", b"", &[("authorization", &bearer)]);
    assert_eq!(refusal(&answer).2, "This session is not valid for use with the REST API");
}

#[test]
fn row_7_after_a_migration_the_old_host_has_no_route() {
    let org = org();
    org.turn("move", json!({"instance_url": "http://127.0.0.2:9103"}));
    assert_eq!(org.get("/limits").status, 420);
    let answer = org.token("grant_type=client_credentials&client_id=weft-sandbox&client_secret=weft-sandbox-secret");
    assert_eq!(json_of(&answer)["instance_url"], "http://127.0.0.2:9103");
}

#[test]
fn row_8_userinfo_names_the_organisation_and_the_user() {
    let org = org();
    let bearer = format!("Bearer {}", org.token);
    let body = json_of(&org.raw(Method::GET, "/services/oauth2/userinfo", b"", &[("authorization", &bearer)]));
    assert_eq!(body["preferred_username"], "mesh@weft.example");
    assert_eq!(body["organization_id"].as_str().unwrap().len(), 18);
    assert!(body["user_id"].as_str().unwrap().starts_with("005"));
}

#[test]
fn row_49_beyond_the_daily_allowance_calls_are_refused_until_the_day_moves_on() {
    let org = org_with(Config { daily_requests: 2, ..Config::default() });
    for expected in [200, 200, 403, 403] {
        assert_eq!(org.get("/limits").status, expected);
    }
    assert_eq!(
        refusal(&org.get("/limits")),
        (403, "REQUEST_LIMIT_EXCEEDED".into(), "TotalRequests Limit exceeded.".into())
    );
    let mut org = org;
    org.later("25h");
    org.log_in();
    assert_eq!(org.get("/limits").status, 200);
}

#[test]
fn row_50_too_many_at_once_has_the_same_code_and_other_words() {
    let twin = Salesforce::open(None, Config { concurrent_requests: Some(25), ..Config::default() }).unwrap();
    let (most, answer) = twin.concurrency().unwrap();
    assert_eq!((most, code(&answer)), (25, (403, "REQUEST_LIMIT_EXCEEDED".into())));
    assert!(refusal(&answer).2.contains("ConcurrentRequests"));
}
