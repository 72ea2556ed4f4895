//! Records: rows 9 to 28.

use http::Method;
use serde_json::json;

use super::*;

#[test]
fn row_9_create_answers_201_with_location_and_an_18_character_id() {
    let answer = org().post("/sobjects/Account/", json!({"Name": "A"}));
    let body = json_of(&answer);
    let id = body["id"].as_str().unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(body, json!({"id": id, "success": true, "errors": []}));
    assert_eq!(header(&answer, "location"), Some(format!("{V66}/sobjects/Account/{id}").as_str()));
    assert!(id.starts_with("001") && id.len() == 18);
}

#[test]
fn row_10_update_answers_204_without_a_body() {
    let org = org();
    let id = org.account("A");
    let answer = org.patch(&format!("/sobjects/Account/{id}"), json!({"Phone": "1"}));
    assert_eq!((answer.status, answer.body.len(), header(&answer, "content-type")), (204, 0, None));
}

#[test]
fn row_11_upsert_tells_created_from_updated_since_v46() {
    let org = org();
    let first = org.patch("/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "A"}));
    let second = org.patch("/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "B"}));
    assert_eq!((first.status, json_of(&first)["created"].clone()), (201, json!(true)));
    assert_eq!((second.status, json_of(&second)["created"].clone()), (200, json!(false)));
    assert_eq!(json_of(&first)["id"], json_of(&second)["id"]);
    let bearer = format!("Bearer {}", org.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let old =
        org.raw(Method::PATCH, "/services/data/v45.0/sobjects/Account/Mesh_Id__c/A-1", br#"{"Name":"C"}"#, &headers);
    assert_eq!((old.status, old.body.len()), (204, 0));
    let old =
        org.raw(Method::PATCH, "/services/data/v45.0/sobjects/Account/Mesh_Id__c/A-2", br#"{"Name":"C"}"#, &headers);
    assert_eq!((old.status, json_of(&old).get("created")), (201, None));
}

#[test]
fn row_12_an_external_id_of_two_records_answers_300_and_writes_nothing() {
    let org = org();
    for key in ["1", "2"] {
        org.patch(&format!("/sobjects/Order_Context__c/Mesh_Id__c/{key}"), json!({"Order_Number__c": "536365"}));
    }
    let answer = org.patch("/sobjects/Order_Context__c/Order_Number__c/536365", json!({"Status__c": "x"}));
    assert_eq!(answer.status, 300);
    let urls = json_of(&answer);
    assert_eq!(urls.as_array().unwrap().len(), 2);
    assert!(urls[0].as_str().unwrap().starts_with("/services/data/v66.0/sobjects/Order_Context__c/a00"));
    assert_eq!(json_of(&org.query("SELECT COUNT() FROM Order_Context__c WHERE Status__c = 'x'"))["totalSize"], 0);
    assert_eq!(org.twin.books()["order_contexts"], json!({"count": 2, "duplicates": 1}));
}

#[test]
fn a_key_whose_uniqueness_was_taken_away_makes_duplicates_that_the_books_tell() {
    let org = org();
    org.turn("shared-key", json!({"field": "Contact.Mesh_Id__c", "on": true}));
    for _ in 0..2 {
        assert_eq!(org.post("/sobjects/Contact", json!({"LastName": "Doe", "Mesh_Id__c": "C-1"})).status, 201);
    }
    assert_eq!(org.patch("/sobjects/Contact/Mesh_Id__c/C-1", json!({"FirstName": "J"})).status, 300);
    assert_eq!(org.twin.books()["contacts"], json!({"count": 2, "duplicates": 1}));
}

#[test]
fn row_13_update_only_without_a_match_is_404_and_writes_nothing() {
    let org = org();
    assert_eq!(org.patch("/sobjects/Account/Mesh_Id__c/A-1?updateOnly=true", json!({"Name": "A"})).status, 404);
    assert_eq!(org.count("Account"), 0);
}

#[test]
fn row_14_an_unknown_external_id_field_is_404_by_name() {
    let answer = org().patch("/sobjects/Account/Foo__c/1", json!({"Name": "A"}));
    let words = "Provided external ID field does not exist or is not accessible: Foo__c";
    assert_eq!(refusal(&answer), (404, "NOT_FOUND".into(), words.into()));
    assert_eq!(org().patch("/sobjects/Account/Phone/1", json!({"Name": "A"})).status, 404);
}

#[test]
fn row_15_unknown_objects_and_paths_are_404() {
    for target in
        ["/sobjects/Nothing", "/nothing", "/sobjects/Account/001SB0000000009AAA", "/sobjects/Individual/describe"]
    {
        assert_eq!(code(&org().get(target)), (404, "NOT_FOUND".into()), "{target}");
    }
}

#[test]
fn row_16_an_unknown_field_is_an_error() {
    let answer = org().post("/sobjects/Account", json!({"Name": "A", "Colour": "red"}));
    assert_eq!(
        refusal(&answer),
        (400, "INVALID_FIELD".into(), "No such column 'Colour' on sobject of type Account".into())
    );
}

#[test]
fn row_17_a_missing_required_field_is_named() {
    let answer = org().post("/sobjects/Contact", json!({"FirstName": "J"}));
    assert_eq!(
        json_of(&answer),
        json!([{"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}])
    );
}

#[test]
fn row_18_a_unique_clash_names_the_other_record() {
    let org = org();
    let first = json_of(&org.post("/sobjects/Account", json!({"Name": "A", "Mesh_Id__c": "A-1"})));
    let answer = org.post("/sobjects/Account", json!({"Name": "B", "Mesh_Id__c": "A-1"}));
    let words = format!(
        "duplicate value found: Mesh_Id__c duplicates value on record with id: {}",
        first["id"].as_str().unwrap()
    );
    assert_eq!(refusal(&answer), (400, "DUPLICATE_VALUE".into(), words));
    assert_eq!(org.count("Account"), 1);
}

#[test]
fn row_19_a_duplicate_rule_lists_candidates_and_lets_pass_what_only_alerts() {
    let org = org();
    org.turn("duplicate-rule", json!({"object": "Contact", "allow_save": true}));
    let contact = json!({"LastName": "Doe", "Email": "j@example.com"});
    assert_eq!(org.post("/sobjects/Contact", contact.clone()).status, 201);
    let refused = json_of(&org.post("/sobjects/Contact", contact.clone()));
    assert_eq!(refused[0]["errorCode"], "DUPLICATES_DETECTED");
    assert_eq!(refused[0]["duplicateResut"]["matchResults"][0]["size"], 1);
    let org = org.with("sforce-duplicate-rule-header", "allowSave=true");
    assert_eq!(org.post("/sobjects/Contact", contact).status, 201);
}

#[test]
fn row_20_a_locked_parent_refuses_its_children_once() {
    let org = org();
    let account = org.account("A");
    org.turn("locks", json!({"times": 1}));
    let answer = org.post("/sobjects/Contact", json!({"LastName": "Doe", "AccountId": account}));
    assert_eq!(code(&answer), (400, "UNABLE_TO_LOCK_ROW".into()));
    assert_eq!(org.post("/sobjects/Contact", json!({"LastName": "Doe", "AccountId": account})).status, 201);
}

#[test]
fn row_21_a_deleted_record_is_gone_for_all_but_query_all() {
    let org = org();
    let id = org.account("A");
    let path = format!("/sobjects/Account/{id}");
    assert_eq!(org.delete(&path).status, 204);
    assert_eq!(code(&org.get(&path)), (404, "ENTITY_IS_DELETED".into()));
    assert_eq!(org.delete(&path).status, 404);
    assert_eq!(org.count("Account"), 0);
    let all = json_of(&org.get("/queryAll?q=SELECT+Id,IsDeleted+FROM+Account"));
    assert_eq!(all["records"][0]["IsDeleted"], true);
}

#[test]
fn row_22_a_merged_loser_names_its_winner_and_its_children_move() {
    let org = org();
    let (winner, loser) = (org.account("A"), org.account("B"));
    org.post("/sobjects/Contact", json!({"LastName": "Doe", "AccountId": loser}));
    org.turn("merge", json!({"winner": winner, "loser": loser}));
    let all = json_of(&org.get("/queryAll?q=SELECT+MasterRecordId+FROM+Account+WHERE+IsDeleted+=+true"));
    assert_eq!(all["records"][0]["MasterRecordId"], json!(winner));
    assert_eq!(json_of(&org.query("SELECT AccountId FROM Contact"))["records"][0]["AccountId"], json!(winner));
}

#[test]
fn row_23_ids_of_15_and_18_characters_mean_the_same_and_18_come_back() {
    let org = org();
    let id = org.account("A");
    assert_eq!(json_of(&org.get(&format!("/sobjects/Account/{}", &id[..15])))["Id"], json!(id));
}

#[test]
fn row_24_bad_json_bad_media_type_and_bad_method_are_told_apart() {
    let org = org();
    let bearer = format!("Bearer {}", org.token);
    let target = "/services/data/v66.0/sobjects/Account";
    let auth = ("authorization", bearer.as_str());
    let (status, code, message) =
        refusal(&org.raw(Method::POST, target, b"{\"Name\": x}", &[auth, ("content-type", "application/json")]));
    assert_eq!((status, code.as_str()), (400, "JSON_PARSER_ERROR"));
    assert!(message.contains("[line:1, column:"), "{message}");
    let answer = org.raw(Method::POST, target, b"Name=A", &[auth, ("content-type", "text/plain")]);
    assert_eq!(refusal(&answer).0, 415);
    assert_eq!(self::code(&org.delete("/sobjects/Account")), (405, "METHOD_NOT_ALLOWED".into()));
}

#[test]
fn row_25_versions_retired_and_unborn() {
    let org = org();
    let list = org.raw(Method::GET, "/services/data/", b"", &[]);
    assert_eq!((list.status, header(&list, "sforce-limit-info")), (200, None));
    let known = json_of(&list);
    let newest = known.as_array().unwrap().iter().find(|version| version["version"] == "66.0").unwrap();
    assert_eq!(newest, &json!({"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"}));
    assert_eq!(org.raw(Method::GET, "/services/data/v30.0/limits", b"", &[]).status, 410);
    assert_eq!(org.raw(Method::GET, "/services/data/v99.0/limits", b"", &[]).status, 404);
}

#[test]
fn row_26_entity_tags_are_for_accounts_and_dates_for_everyone() {
    let org = org();
    let id = org.account("A");
    let path = format!("/sobjects/Account/{id}");
    let tag = header(&org.get(&path), "etag").unwrap().to_owned();
    let reader = org.with("if-none-match", &tag);
    assert_eq!(reader.get(&path).status, 304);
    let mut writer = reader;
    writer.headers = vec![("if-match", "\"stale\"".to_owned())];
    assert_eq!(writer.patch(&path, json!({"Phone": "1"})).status, 412);
    writer.headers = vec![("if-match", tag)];
    assert_eq!(writer.patch(&path, json!({"Phone": "1"})).status, 204);
    writer.headers.clear();
    let contact =
        json_of(&writer.post("/sobjects/Contact", json!({"LastName": "Doe"})))["id"].as_str().unwrap().to_owned();
    let path = format!("/sobjects/Contact/{contact}");
    assert_eq!(header(&writer.get(&path), "etag"), None);
    writer.headers = vec![("if-unmodified-since", "Mon, 23 Nov 2026 13:07:27 GMT".to_owned())];
    assert_eq!(writer.patch(&path, json!({"Phone": "1"})).status, 412);
    writer.headers = vec![("if-unmodified-since", "Mon, 23 Nov 2026 13:07:28 GMT".to_owned())];
    assert_eq!(writer.patch(&path, json!({"Phone": "1"})).status, 204);
    writer.headers = vec![("if-unmodified-since", "yesterday".to_owned())];
    assert_eq!(writer.patch(&path, json!({"Phone": "1"})).status, 400);
}

#[test]
fn row_27_bodies_may_be_gzipped_both_ways() {
    use std::io::{Read as _, Write as _};
    let org = org();
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(br#"{"Name":"A"}"#).unwrap();
    let bearer = format!("Bearer {}", org.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("accept-encoding", "gzip, deflate"),
    ];
    let answer = org.raw(Method::POST, "/services/data/v66.0/sobjects/Account", &coder.finish().unwrap(), &headers);
    assert_eq!((answer.status, header(&answer, "content-encoding")), (201, Some("gzip")));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(answer.body.as_ref()).read_to_string(&mut plain).unwrap();
    assert!(plain.contains("\"success\":true"));
}

#[test]
fn row_28_values_are_checked_against_their_columns() {
    let org = org();
    let cases = [
        ("Order", json!({"EffectiveDate": "2026-11-23", "Status": "Odd"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Order", json!({"EffectiveDate": "soon", "Status": "Draft"}), "JSON_PARSER_ERROR"),
        ("Contact", json!({"LastName": "x".repeat(81)}), "STRING_TOO_LONG"),
        ("Contact", json!({"LastName": "Doe", "Email": "not an address"}), "INVALID_EMAIL_ADDRESS"),
        ("Contact", json!({"LastName": "Doe", "AccountId": "nonsense"}), "MALFORMED_ID"),
        ("Contact", json!({"LastName": "Doe", "AccountId": "0015f00002JUXA8AAP"}), "INVALID_CROSS_REFERENCE_KEY"),
        ("Contact", json!({"LastName": "Doe", "Account": {"Mesh_Id__c": "A-9"}}), "INVALID_FIELD"),
        (
            "Contact",
            json!({"LastName": "Doe", "CreatedDate": "2026-11-23T00:00:00Z"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
        ),
        (
            "Order_Context__c",
            json!({"Mesh_Id__c": "1", "Line_Count__c": 12_345_678_901_u64}),
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
    ];
    for (object, body, expected) in cases {
        assert_eq!(code(&org.post(&format!("/sobjects/{object}"), body.clone())), (400, expected.to_owned()), "{body}");
    }
}

#[test]
fn a_parent_may_be_named_by_its_external_id() {
    let org = org();
    org.patch("/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "A"}));
    let body = json!({"Order_Number__c": "536365", "Account__r": {"Mesh_Id__c": "A-1"}, "Total__c": 139.12});
    assert_eq!(org.patch("/sobjects/Order_Context__c/Mesh_Id__c/O-1", body).status, 201);
    let found = json_of(&org.query("SELECT Account__r.Name, Total__c, Name FROM Order_Context__c"));
    assert_eq!(found["records"][0]["Account__r"]["Name"], "A");
    assert_eq!(found["records"][0]["Total__c"].to_string(), "139.12");
    assert_eq!(found["records"][0]["Name"], "OC-00000001");
}

#[test]
fn an_older_version_never_overwrites_a_newer_one() {
    let org = org();
    let path = "/sobjects/Order_Context__c/Mesh_Id__c/O-1";
    let at = |version: u64, status: &str| json!({"Mesh_Version__c": version, "Status__c": status});
    assert_eq!(org.patch(path, at(5, "five")).status, 201);
    assert_eq!(org.patch(path, at(5, "five again")).status, 200);
    let (status, code, message) = refusal(&org.patch(path, at(4, "four")));
    assert_eq!((status, code.as_str()), (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"));
    assert!(message.starts_with("MESH_VERSION_STALE"));
    let held = json_of(&org.get(path));
    assert_eq!(
        (held["Status__c"].clone(), held["Mesh_Version__c"].to_string()),
        (json!("five again"), "5.0".to_owned())
    );
}

#[test]
fn updated_and_deleted_ids_are_listed_between_two_moments() {
    let org = org();
    let (kept, gone) = (org.account("A"), org.account("B"));
    org.delete(&format!("/sobjects/Account/{gone}"));
    let span = "start=2026-11-23T13:00:00Z&end=2026-11-23T14:00:00Z";
    assert_eq!(json_of(&org.get(&format!("/sobjects/Account/updated?{span}")))["ids"], json!([kept]));
    assert_eq!(json_of(&org.get(&format!("/sobjects/Account/deleted?{span}")))["deletedRecords"][0]["id"], json!(gone));
}
