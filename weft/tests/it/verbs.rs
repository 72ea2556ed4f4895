//! What the verbs say to people and machines.

use std::process::{Command, Output};

use retail_crash::process::Mesh;
use retail_runtime::Runtime;
use serde_json::Value;

use crate::weft;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_built_in_configuration_can_be_used() {
    let output = Command::new(weft()).arg("check-config").env_remove("WEFT_CONFIG").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_misspelt_key_ends_with_64_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weft.toml");
    std::fs::write(&file, "[orders]\nreservatoin = \"5m\"\n").unwrap();
    let output = Command::new(weft()).arg("--config").arg(&file).arg("check-config").output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("reservatoin"), "{}", said(&output));
}

#[test]
fn a_reference_that_leads_nowhere_is_named_with_the_mend() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weft.toml");
    std::fs::write(&file, "[orders.channels.shop]\nerp = \"sap\"\n").unwrap();
    let output = Command::new(weft()).arg("--config").arg(&file).arg("check-config").output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("orders.erps"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_books_and_faults_speak_of_a_running_mesh() {
    let runtime = Runtime::system("verbs");
    let mut mesh = Mesh::new(weft());
    let alone = mesh.command().arg("doctor").stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(!alone.status.success());
    assert!(said(&alone).contains("weft all"), "{}", said(&alone));
    let lag = mesh.command().arg("lag").stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(!lag.status.success() && said(&lag).contains("orders: "), "{}", said(&lag));
    mesh.start(&runtime).await;
    let run = |args: &[&str]| mesh.command().args(args).stdout(std::process::Stdio::piped()).output().unwrap();
    let lag = run(&["lag"]);
    assert!(lag.status.success() && said(&lag).contains("group"), "{}", said(&lag));
    let doctor = run(&["doctor"]);
    assert!(doctor.status.success(), "{}", said(&doctor));
    let books: Value = serde_json::from_slice(&run(&["twin", "books", "-o", "json"]).stdout).unwrap();
    assert_eq!(books["netsuite"]["sales_orders"]["count"], 0);
    let planted = run(&["twin", "fault", "netsuite", "--kind", "status", "--status", "429", "--times", "2"]);
    assert!(planted.status.success(), "{}", said(&planted));
    let nobody = run(&["tx", "show", "#no-such-order"]);
    assert!(!nobody.status.success());
    assert!(said(&nobody).contains("NO_SUCH_TRANSACTION"), "{}", said(&nobody));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desks_verbs_name_what_is_wrong_and_how_to_mend_it() {
    let runtime = Runtime::system("desk");
    let mut mesh = Mesh::new(weft());
    mesh.start(&runtime).await;
    let run = |args: &[&str]| mesh.command().args(args).stdout(std::process::Stdio::piped()).output().unwrap();
    let nothing = run(&["exceptions", "list", "-o", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&nothing.stdout).unwrap(), serde_json::json!([]), "{}", said(&nothing));
    for (args, told) in [
        (&["return", "show", "no-such-return"][..], "NO_SUCH_RETURN"),
        (&["return", "show", "R-NOPE"], "weft return list"),
        (&["return", "check"], "lines"),
        (&["case", "context", "--order-number", "#0"], "NO_SUCH"),
        (&["customer", "find", "--phone", "020 7946"], "phone"),
        (&["customer", "merge", "a", "b", "--note", "twins"], "NO_SUCH_CUSTOMER"),
    ] {
        let output = run(args);
        assert!(!output.status.success(), "{args:?} {}", said(&output));
        assert!(said(&output).contains(told), "{args:?} {}", said(&output));
    }
    let several = run(&["case", "context", "--order", "o", "--customer", "c"]);
    assert_eq!(several.status.code(), Some(2), "{}", said(&several));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_counts_is_taken_in_row_by_row_and_sending_it_again_changes_nothing() {
    let runtime = Runtime::system("stock");
    let mut mesh = Mesh::new(weft());
    mesh.start(&runtime).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("counts.csv");
    let bad = dir.path().join("bad.csv");
    std::fs::write(&file, "sku,quantity\nNO-SUCH-ITEM,5\nNO-SUCH-ITEM\nNO-SUCH-ITEM,-1\n").unwrap();
    let (file, errors) = (file.to_str().unwrap(), bad.to_str().unwrap());
    let mut args = vec!["stock", "feed", file, "--kind", "count", "--authority", "wms"];
    args.extend(["--valid-at", "2024-03-01T00:00:00Z", "--errors", errors]);
    let run = || mesh.command().args(&args).stdout(std::process::Stdio::piped()).output().unwrap();
    let first = run();
    assert!(!first.status.success(), "{}", said(&first));
    for told in
        ["line 2: sku: ", "UNKNOWN_ITEM", "line 3: has 1 fields", "line 4: quantity: ", "2 are bad, 1 cannot be read"]
    {
        assert!(said(&first).contains(told), "{told}: {}", said(&first));
    }
    assert_eq!(std::fs::read_to_string(&bad).unwrap().lines().count(), 4);
    let again = run();
    assert!(said(&again).contains("taken in before; nothing was changed"), "{}", said(&again));
    assert!(said(&again).contains("UNKNOWN_ITEM"), "what did not go in is told again: {}", said(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_leaves_by_one_verb_and_runs_again_by_another() {
    let runtime = Runtime::system("bundles");
    let mut mesh = Mesh::new(weft());
    mesh.start(&runtime).await;
    let run = |args: &[&str]| mesh.command().args(args).stdout(std::process::Stdio::piped()).output().unwrap();
    let fed = run(&["feed"]);
    assert!(fed.status.success(), "{}", said(&fed));
    // Every service says its own list.
    let listed = run(&["tx", "list", "--state", "done", "-o", "json"]).stdout;
    let listed = serde_json::Deserializer::from_slice(&listed).into_iter::<Vec<Vec<String>>>();
    let listed: Vec<Vec<String>> = listed.flat_map(|list| list.unwrap()).collect();
    let order = listed.iter().filter_map(|row| row.last()).find(|id| id.starts_with("order/")).unwrap();
    let file = mesh.dir().join("bundle.json");
    let path = file.to_str().unwrap();
    let exported = run(&["tx", "export", order, "--domain", "orders", "-o", path]);
    assert!(exported.status.success() && said(&exported).contains("masked"), "{}", said(&exported));
    mesh.kill();
    let run = |args: &[&str]| mesh.command().args(args).stdout(std::process::Stdio::piped()).output().unwrap();
    let replayed = run(&["tx", "replay", path]);
    assert!(replayed.status.success(), "{}", said(&replayed));
    assert!(said(&replayed).contains("erp.create_sales_order: done"), "{}", said(&replayed));
    let shown = run(&["tx", "replay", path, "--entry", "0"]);
    assert!(said(&shown).contains("retail.orders.v1.PlaceOrderRequest"), "{}", said(&shown));
    let resent = run(&["tx", "replay", path, "--against-twins"]);
    assert!(resent.status.success() && said(&resent).contains("the same answer"), "{}", said(&resent));
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replacen("retail.orders.v1.OrderBooked", "retail.orders.v1.OrderLost", 1);
    assert_ne!(changed, text);
    std::fs::write(&file, changed).unwrap();
    let diverged = run(&["tx", "replay", path]);
    assert_eq!(diverged.status.code(), Some(1), "{}", said(&diverged));
    assert!(said(&diverged).contains("OrderLost") && said(&diverged).contains("events"), "{}", said(&diverged));
}
