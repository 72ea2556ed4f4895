//! Queries: rows 29 to 33.

use serde_json::{Value, json};

use super::*;

fn contacts(org: &Org, count: usize) {
    let records: Vec<Value> =
        (0..count).map(|n| json!({"attributes": {"type": "Contact"}, "LastName": format!("Doe {n:05}")})).collect();
    for batch in records.chunks(200) {
        assert_eq!(org.post("/composite/sobjects", json!({"records": batch})).status, 200);
    }
}

#[test]
fn row_29_the_2001st_row_is_on_the_second_page() {
    let org = org();
    contacts(&org, 2001);
    let first = json_of(&org.query("SELECT Id FROM Contact ORDER BY LastName"));
    assert_eq!(
        (first["records"].as_array().unwrap().len(), first["done"].clone(), first["totalSize"].clone()),
        (2000, json!(false), json!(2001))
    );
    let next = first["nextRecordsUrl"].as_str().unwrap();
    assert!(next.starts_with("/services/data/v66.0/query/0r8") && next.ends_with("-2000"), "{next}");
    let second = json_of(&org.get(next.strip_prefix(V66).unwrap()));
    assert_eq!(
        (second["records"].as_array().unwrap().len(), second["done"].clone(), second["totalSize"].clone()),
        (1, json!(true), json!(2001))
    );
    assert!(second.get("nextRecordsUrl").is_none());
}

#[test]
fn row_30_the_batch_size_is_a_hint_between_200_and_2000() {
    let org = org();
    contacts(&org, 201);
    let org = org.with("sforce-query-options", "batchSize=100");
    assert_eq!(json_of(&org.query("SELECT Id FROM Contact"))["records"].as_array().unwrap().len(), 200);
}

#[test]
fn row_31_a_locator_dies_with_its_session_and_of_age() {
    let mut org = org();
    contacts(&org, 2001);
    let next = json_of(&org.query("SELECT Id FROM Contact"))["nextRecordsUrl"].as_str().unwrap().to_owned();
    let next = next.strip_prefix(V66).unwrap().to_owned();
    assert_eq!(org.get(&next).status, 200);
    org.later("1s");
    org.log_in();
    assert_eq!(code(&org.get(&next)), (400, "INVALID_QUERY_LOCATOR".into()));
}

#[test]
fn row_32_parents_are_objects_and_a_missing_parent_is_null() {
    let org = org();
    let account = org.account("A");
    org.post("/sobjects/Contact", json!({"LastName": "One", "AccountId": account}));
    org.post("/sobjects/Contact", json!({"LastName": "Two"}));
    let found = json_of(&org.query("SELECT LastName, Account.Name FROM Contact ORDER BY LastName"));
    assert_eq!(found["records"][0]["Account"]["attributes"]["type"], "Account");
    assert_eq!(found["records"][0]["Account"]["Name"], "A");
    assert_eq!(found["records"][1]["Account"], Value::Null);
    let below = json_of(&org.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account"));
    assert_eq!(below["records"][0]["Contacts"]["records"][0]["LastName"], "One");
}

#[test]
fn row_33_what_is_not_soql_is_malformed_and_never_an_empty_success() {
    let org = org();
    assert_eq!(
        json_of(&org.query("SELECT COUNT() FROM Account")),
        json!({"totalSize": 0, "done": true, "records": []})
    );
    let cases = [
        ("SELECT Id FROM Account GROUP BY Name", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Phone = 'b' OR Phone = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account FOR UPDATE", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 1", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        ("DELETE FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id, Colour FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
    ];
    for (soql, expected) in cases {
        assert_eq!(code(&org.query(soql)), (400, expected.to_owned()), "{soql}");
    }
}

#[test]
fn filters_mean_what_soql_says() {
    let org = org();
    for (name, phone) in [("Ann's", "1"), ("Bob", "2"), ("Cyd", "")] {
        org.post("/sobjects/Account", json!({"Name": name, "Phone": phone}));
    }
    let names = |condition: &str| {
        let found = json_of(&org.query(&format!("SELECT Name FROM Account WHERE {condition} ORDER BY Name DESC")));
        let names: Vec<String> =
            found["records"].as_array().unwrap().iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect();
        names.join(",")
    };
    assert_eq!(names(r"Name = 'ANN\'s'"), "Ann's");
    assert_eq!(names("Phone = null"), "Cyd");
    assert_eq!(names("Phone != '1'"), "Cyd,Bob");
    assert_eq!(names("Name LIKE '%b' OR Name LIKE 'c_d'"), "Cyd,Bob");
    assert_eq!(names("NOT (Name IN ('Bob', 'Cyd'))"), "Ann's");
    assert_eq!(names("Phone NOT IN ('1') AND (Name > 'bob' OR Name = 'x')"), "Cyd");
    assert_eq!(names("CreatedDate = TODAY AND CreatedDate >= LAST_N_DAYS:1"), "Cyd,Bob,Ann's");
    assert_eq!(names("SystemModstamp < 2026-11-23T13:07:28Z"), "");
}
