//! An account to test against: signed in, seeded, its back office asleep unless woken.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use retail_sandbox::{
    ItemKind, Seed, SeedItem, SeedLocation, SeedStock,
    netsuite::{Config, NetSuite},
    twin::{Answer, Seen, Twin},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};

pub(super) const BASE: &str = "http://127.0.0.1:9102";
pub(super) const TOKEN_PATH: &str = "/services/rest/auth/oauth2/v1/token";

pub(super) struct Account {
    pub(super) twin: NetSuite,
    pub(super) token: String,
    pub(super) now: Timestamp,
}

impl Account {
    pub(super) fn open() -> Account {
        Account::with(Config::default(), &["MAIN"])
    }

    pub(super) fn with(config: Config, locations: &[&str]) -> Account {
        let twin = NetSuite::open(None, config).unwrap();
        twin.seed(&seed(locations));
        let mut account = Account { twin, token: String::new(), now: "2026-11-23T13:05:00Z".parse().unwrap() };
        let answer = account.sign_in(&account.assertion(json!({})));
        account.token = body(&answer)["access_token"].as_str().unwrap().to_owned();
        account
    }

    /// An assertion that is good but for the changed claims, signed with the development key.
    pub(super) fn assertion(&self, changed: Value) -> String {
        let shown = body(&self.twin.control("certificate", &seen(Method::GET, "", Value::Null), self.now).unwrap());
        let pem: String =
            shown["private_key_pem"].as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &STANDARD.decode(pem).unwrap(), &random)
            .unwrap();
        let mut header = json!({"typ": "JWT", "alg": "ES256", "kid": shown["certificate_id"]});
        let mut claims = json!({"iss": shown["client_id"], "scope": ["rest_webservices"], "aud": format!("{BASE}{TOKEN_PATH}"),
            "iat": self.now.as_second(), "exp": self.now.as_second() + 3600});
        for (name, value) in changed.as_object().unwrap() {
            let target = if ["alg", "kid"].contains(&name.as_str()) { &mut header } else { &mut claims };
            target[name] = value.clone();
        }
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = key.sign(&random, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn sign_in(&self, assertion: &str) -> Answer {
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ]);
        let request = Seen { body: Bytes::from(form.unwrap()), ..seen(Method::POST, TOKEN_PATH, Value::Null) };
        self.twin.handle(&request, self.now)
    }

    pub(super) fn send(&self, method: Method, path: &str, content: Value, headers: &[(&'static str, &str)]) -> Answer {
        let mut request = seen(method, &format!("/services/rest/{path}"), content);
        request.headers.insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        for (name, value) in headers {
            request.headers.insert(*name, value.parse().unwrap());
        }
        self.twin.handle(&request, self.now)
    }

    pub(super) fn record(&self, method: Method, path: &str, content: Value) -> Answer {
        self.send(method, &format!("record/v1/{path}"), content, &[("x-netsuite-propertynamevalidation", "Error")])
    }

    pub(super) fn get(&self, path: &str) -> Value {
        let answer = self.record(Method::GET, path, Value::Null);
        assert_eq!(answer.status, 200, "{:?}", body(&answer));
        body(&answer)
    }

    pub(super) fn put(&self, path: &str, content: Value) -> String {
        let answer = self.record(Method::PUT, path, content);
        assert_eq!(answer.status, 204, "{:?}", body(&answer));
        made(&answer)
    }

    /// A customer and an order of two mugs, a cap and postage: 2 x 12.50 + 20.00 + 4.95.
    pub(super) fn order(&self, web: &str) -> String {
        self.put(
            "customer/eid:CUST:1",
            json!({"firstName": "Ada", "lastName": "Byron", "isPerson": true, "email": "ada@example.com"}),
        );
        self.put(&format!("salesOrder/eid:SO:{web}"), order(web, 2))
    }

    pub(super) fn query(&self, q: &str, params: Value) -> Answer {
        self.send(Method::POST, "query/v1/suiteql", json!({"q": q, "params": params}), &[("prefer", "transient")])
    }

    pub(super) fn rows(&self, q: &str, params: Value) -> Value {
        let answer = self.query(q, params);
        assert_eq!(answer.status, 200, "{:?}", body(&answer));
        body(&answer)["items"].clone()
    }
}

pub(super) fn order(web: &str, mugs: i64) -> Value {
    json!({"entity": {"externalId": "CUST:1"}, "otherRefNum": web, "orderStatus": {"id": "B"}, "item": {"items": [
        {"line": 1, "item": {"externalId": "MUG"}, "quantity": mugs, "rate": 12.50},
        {"line": 2, "item": {"externalId": "CAP"}, "quantity": 1, "rate": 20.00},
        {"line": 3, "item": {"externalId": "POSTAGE"}, "quantity": 1, "rate": 4.95}]}})
}

pub(super) fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.as_str())
}

/// The id at the end of `Location`.
pub(super) fn made(answer: &Answer) -> String {
    header(answer, "location").rsplit('/').next().unwrap().to_owned()
}

pub(super) fn code(answer: &Answer) -> String {
    body(answer)["o:errorDetails"][0]["o:errorCode"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn seen(method: Method, target: &str, content: Value) -> Seen {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = if content.is_null() { Bytes::new() } else { Bytes::from(content.to_string()) };
    Seen {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: http::HeaderMap::new(),
        body,
        base_url: BASE.to_owned(),
    }
}

fn seed(locations: &[&str]) -> Seed {
    let item = |sku: &str, kind, price: &str| SeedItem {
        sku: sku.to_owned(),
        description: sku.to_lowercase(),
        kind,
        price: price.to_owned(),
    };
    Seed {
        currency: "GBP".to_owned(),
        items: vec![
            item("MUG", ItemKind::Goods, "12.50"),
            item("CAP", ItemKind::Goods, "20.00"),
            item("POSTAGE", ItemKind::Charge, "4.95"),
        ],
        locations: locations
            .iter()
            .map(|code| SeedLocation { code: (*code).to_owned(), name: (*code).to_owned() })
            .collect(),
        stock: ["MUG", "CAP"]
            .iter()
            .map(|sku| SeedStock { sku: (*sku).to_owned(), location: locations[0].to_owned(), quantity: 10 })
            .collect(),
    }
}
