//! What a promise leaves at its location, through the door. MAIN has ten of A and five of B, SIDE four of A.

use futures::future::join_all;
use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Class;

use crate::harness::{Mesh, at, mesh, reserve};

/// A request whose lines keep so many back.
fn keeping(id: &str, lines: &[(&str, &str, &str, &str)], kept: &str) -> pb::ReserveStockRequest {
    let mut request = reserve(id, lines);
    request.lines.iter_mut().for_each(|line| kept.clone_into(&mut line.keep_back));
    request
}

async fn is_promised(mesh: &Mesh, request: pb::ReserveStockRequest) -> bool {
    mesh.try_reserve(request).await.unwrap().reservation.is_some()
}

#[tokio::test]
async fn what_is_kept_back_of_the_missing_is_told_and_nothing_is_promised_anywhere() {
    let mesh = mesh().await;
    let lines = [("1", "A", "SIDE", "3"), ("2", "A", "", "3"), ("3", "B", "", "7")];
    let answer = mesh.try_reserve(keeping("o-1", &lines, "2")).await.unwrap();
    let outcome = answer.outcome.unwrap();
    let told =
        "not everything is in stock; 2 of the missing 4 of B are kept back, 1 of the missing 1 of A are kept back";
    assert_eq!((outcome.reason.as_str(), outcome.message.as_str()), ("INSUFFICIENT_STOCK", told));
    let lacking =
        answer.lacking.iter().map(|line| (line.line_id.as_str(), line.available.as_str(), line.kept_back.as_str()));
    assert_eq!(lacking.collect::<Vec<_>>(), [("3", "3", "2"), ("1", "2", "1")]);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("4"));
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_reservation_although_less_would_be_left_now() {
    let mesh = mesh().await;
    let request = keeping("o-1", &[("1", "A", "", "3")], "7");
    let first = mesh.try_reserve(request.clone()).await.unwrap();
    assert!(first.reservation.is_some());
    mesh.reserve("o-2", &[("1", "A", "", "5")]).await;
    assert_eq!(mesh.try_reserve(request).await.unwrap(), first);
    let refusal = mesh.try_reserve(keeping("o-1", &[("1", "A", "", "3")], "2")).await.unwrap_err();
    assert_eq!(refusal.reason(), "RESERVATION_DIFFERS", "what is kept back belongs to the request");
    mesh.confirm("o-1").await.unwrap();
}

#[tokio::test]
async fn buyers_who_race_leave_exactly_what_they_keep_back_at_every_location() {
    let mesh = mesh().await;
    let asked = (0..30).map(|n| {
        let at_both = [("1", "A", "", "1"), ("2", "A", "SIDE", "1")];
        mesh.try_reserve(keeping(&format!("o-{n}"), if n % 2 == 0 { &at_both } else { &at_both[..1] }, "2"))
    });
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let (at_both, at_main): (Vec<_>, Vec<_>) =
        answers.iter().filter_map(|answer| answer.reservation.as_ref()).partition(|one| one.lines.len() == 2);
    assert!(at_both.len() <= 2 && at_both.len() + at_main.len() <= 8, "{} and {}", at_both.len(), at_main.len());
    let left = |had: usize, gone: usize| (had - gone).to_string();
    assert_eq!(mesh.available("A", "SIDE").await, Some(left(4, at_both.len())));
    assert_eq!(mesh.available("A", "MAIN").await, Some(left(10, at_both.len() + at_main.len())));
    // Whoever was refused while another's attempt was undone may ask again, down to what is kept.
    for n in 0..10 {
        is_promised(&mesh, keeping(&format!("main-{n}"), &[("1", "A", "", "1")], "2")).await;
        is_promised(&mesh, keeping(&format!("side-{n}"), &[("1", "A", "SIDE", "1")], "2")).await;
    }
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("2"));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn what_is_sold_already_takes_what_promises_keep_back() {
    let mesh = mesh().await;
    let sold = pb::ReserveStockRequest { allow_shortfall: true, ..reserve("o-1", &[("1", "B", "", "4")]) };
    assert!(is_promised(&mesh, sold).await);
    assert!(!is_promised(&mesh, keeping("o-2", &[("1", "B", "", "1")], "1")).await);
    let both = pb::ReserveStockRequest { allow_shortfall: true, ..keeping("o-3", &[("1", "B", "", "1")], "1") };
    let refusal = mesh.try_reserve(both).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "BAD_REQUEST"));
}

#[tokio::test]
async fn a_promise_that_ran_out_is_confirmed_with_what_others_keep_back() {
    let mesh = mesh().await;
    let request = pb::ReserveStockRequest { expires_in_seconds: 60, ..keeping("o-1", &[("1", "A", "", "8")], "2") };
    assert!(is_promised(&mesh, request).await);
    mesh.time.set(at(61));
    mesh.until("the promise has ended", || async { mesh.available("A", "MAIN").await.as_deref() == Some("10") }).await;
    assert!(is_promised(&mesh, keeping("o-2", &[("1", "A", "", "2")], "2")).await);
    mesh.confirm("o-1").await.unwrap();
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn what_is_kept_back_is_said_in_the_unit_of_the_line() {
    let mesh = mesh().await;
    let unit = pb::Unit { code: "PAIR".into(), base: "2".into(), per: String::new() };
    let describe =
        pb::DescribeItemRequest { idempotency_key: "k".into(), sku: "A".into(), components: vec![], units: vec![unit] };
    mesh.reference().describe_item(describe).await.unwrap();
    let pairs = |id: &str, kept: &str| {
        let mut request = keeping(id, &[("1", "A", "", "3")], kept);
        "PAIR".clone_into(&mut request.lines[0].unit);
        request
    };
    assert!(!is_promised(&mesh, pairs("o-1", "3")).await, "five pairs are there");
    assert!(is_promised(&mesh, pairs("o-1", "2")).await);
}
