//! Tokens: which assertions are taken and which refused.

use http::Method;
use retail_sandbox::twin::Twin;
use serde_json::{Value, json};

use super::{
    account::{Account, body, code, seen},
    rsa,
};

#[test]
fn a_good_es256_assertion_gets_an_hour() {
    let account = Account::open();
    let answer = account.sign_in(&account.assertion(json!({})));
    assert_eq!((answer.status, &body(&answer)["expires_in"]), (200, &json!(3600)));
}

#[test]
fn assertions_with_one_thing_wrong_are_refused() {
    let account = Account::open();
    let now = account.now.as_second();
    for wrong in [
        json!({"alg": "RS256"}),
        json!({"alg": "PS256"}),
        json!({"kid": "other"}),
        json!({"iss": "other"}),
        json!({"aud": "https://example.com/token"}),
        json!({"exp": now + 3601}),
        json!({"iat": now - 100, "exp": now - 1}),
        json!({"scope": ["restlets"]}),
    ] {
        let answer = account.sign_in(&account.assertion(wrong.clone()));
        assert!([400, 401].contains(&answer.status), "{wrong}");
        assert!(body(&answer)["error"].is_string(), "{wrong}");
    }
    let mut forged = account.assertion(json!({}));
    forged.replace_range(forged.len() - 10..forged.len() - 4, "AAAAAA");
    assert_eq!(body(&account.sign_in(&forged))["error"], "invalid_grant");
}

#[test]
fn an_expired_or_unknown_bearer_is_an_invalid_login() {
    let mut account = Account::open();
    account.now += jiff::SignedDuration::from_secs(3600);
    let answer = account.record(Method::GET, "customer/1", Value::Null);
    assert_eq!((answer.status, code(&answer)), (401, "INVALID_LOGIN".to_owned()));
}

#[test]
fn an_rsa_certificate_may_sign_with_pss_only() {
    let account = Account::open();
    let mapped = seen(Method::POST, "", json!({"id": "rsa", "pem": rsa::PUBLIC_KEY}));
    assert_eq!(account.twin.control("certificate", &mapped, account.now).unwrap().status, 204);
    assert_eq!(account.sign_in(rsa::PS256).status, 200);
    assert_eq!(account.sign_in(rsa::RS256).status, 400);
}
