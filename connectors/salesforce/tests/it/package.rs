//! The package in `org/` and `org-return-order/` against what the twin describes: neither may drift.

use std::collections::BTreeMap;
use std::path::Path;

use http::header::{AUTHORIZATION, HeaderValue};

use super::*;

/// A column by its object: its file's text.
type Columns = BTreeMap<(String, String), String>;

fn columns(package: &str) -> Columns {
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("objects");
    let mut found = Columns::new();
    for object in std::fs::read_dir(objects).unwrap() {
        let object = object.unwrap();
        for file in std::fs::read_dir(object.path().join("fields")).unwrap() {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let name = tag(&text, "fullName").unwrap().to_owned();
            assert_eq!(file.file_name().to_string_lossy(), format!("{name}.field-meta.xml"));
            found.insert((object.file_name().to_string_lossy().into_owned(), name), text);
        }
    }
    found
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    after.split_once(&format!("</{name}>")).map(|(value, _)| value)
}

/// What describe must say of a column.
fn expected(text: &str) -> Value {
    let number = |name: &str| tag(text, name).map_or(0, |value| value.parse::<u32>().unwrap());
    let (kind, length) = match tag(text, "type").unwrap() {
        "Text" => ("string", number("length")),
        "LongTextArea" => ("textarea", number("length")),
        "Number" => ("double", 0),
        "DateTime" => ("datetime", 0),
        "Lookup" | "MasterDetail" => ("reference", 18),
        other => panic!("a column of type {other}"),
    };
    let said = |name: &str| tag(text, name) == Some("true");
    json!({
        "type": kind, "length": length, "precision": number("precision"), "scale": number("scale"),
        "externalId": said("externalId"), "unique": said("unique"),
        "referenceTo": tag(text, "referenceTo").into_iter().collect::<Vec<_>>(),
    })
}

/// Whether a file of an object is the rule that lets no version fall.
fn refuses_to_fall(rule: &str) -> bool {
    tag(rule, "active") == Some("true")
        && tag(rule, "errorConditionFormula")
            == Some("AND(NOT(ISNEW()), Mesh_Version__c &lt; PRIORVALUE(Mesh_Version__c))")
        && tag(rule, "errorMessage").is_some_and(|message| message.starts_with("MESH_VERSION_STALE: "))
}

#[test]
fn no_object_of_the_package_lets_a_version_fall() {
    let mut held = 0;
    for package in ["org", "org-return-order"] {
        for (object, column) in columns(package).into_keys() {
            // A line goes with its return, in one write.
            if column == "Mesh_Version__c" && !object.contains("Line") {
                let rule = "validationRules/Mesh_Version_Never_Falls.validationRule-meta.xml";
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("objects").join(&object).join(rule);
                let text = std::fs::read_to_string(file).unwrap_or_default();
                assert!(refuses_to_fall(&text), "{object}");
                held += 1;
            }
        }
    }
    assert_eq!(held, 6, "account, contact, order context, availability, both kinds of return");
}

async fn described(world: &World, org: &Http, token: &HeaderValue, object: &str) -> BTreeMap<String, Value> {
    let call = Call::read("describe", Method::GET, format!("/services/data/v66.0/sobjects/{object}/describe"));
    let reply = org.send(call.header(AUTHORIZATION, token.clone())).await.unwrap();
    assert!(reply.status.is_success(), "{object} in {}", world.org);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let fields = body["fields"].as_array().unwrap().iter();
    let mut custom: BTreeMap<String, Value> = fields
        .filter(|field| field["custom"] == true)
        .map(|field| (field["name"].as_str().unwrap().to_owned(), field.clone()))
        .collect();
    // The org's own, beside the package.
    custom.remove("Loyalty_Id__c");
    custom
}

#[tokio::test]
async fn every_column_of_the_package_is_the_orgs_and_the_other_way_round() {
    let world = world().await;
    world.turn("features", json!({"returns": "field_service"})).await;
    let org = toml::from_str(&format!("base_url = '{}'", world.org)).unwrap();
    let org = Http::new(&world.runtime, org, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
    let form = "grant_type=client_credentials&client_id=weft-sandbox&client_secret=weft-sandbox-secret";
    let call = Call::read("token", Method::POST, "/services/oauth2/token");
    let reply = org.send(call.body("application/x-www-form-urlencoded", form)).await.unwrap();
    let granted: Value = serde_json::from_slice(&reply.body).unwrap();
    let token = HeaderValue::from_str(&format!("Bearer {}", granted["access_token"].as_str().unwrap())).unwrap();

    let mut package = columns("org");
    package.extend(columns("org-return-order"));
    let objects: std::collections::BTreeSet<&String> = package.keys().map(|(object, _)| object).collect();
    for object in objects {
        let described = described(&world, &org, &token, object).await;
        let ours = package.iter().filter(|((of, _), _)| of == object);
        let ours: BTreeMap<String, Value> = ours.map(|((_, name), text)| (name.clone(), expected(text))).collect();
        let theirs: BTreeMap<String, Value> = described
            .into_iter()
            .map(|(name, field)| {
                let keys = ["type", "length", "precision", "scale", "externalId", "unique", "referenceTo"];
                (name, Value::Object(keys.map(|key| (key.to_owned(), field[key].clone())).into_iter().collect()))
            })
            .collect();
        assert_eq!(ours, theirs, "{object}");
    }
}
