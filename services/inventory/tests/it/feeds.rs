//! Feeds of stock through the door.

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::feed_stock_request::What as Ask;
use retail_proto::inventory::v1::feed_stock_response::What as Told;
use retail_runtime::fault::{Class, Refusal};
use retail_store::Fate;
use tonic::Status;

use crate::harness::{Mesh, at, mesh};

fn start(id: &str, kind: pb::StockFeedKind) -> Ask {
    let valid_at = Some(prost_types::Timestamp { seconds: at(50).as_second(), nanos: 0 });
    Ask::Start(pb::FeedStart { feed_id: id.into(), kind: i32::from(kind), authority: "wms".into(), valid_at })
}

/// Rows from this number on: item, location, quantity.
fn rows(first: u64, rows: &[(&str, &str, &str)]) -> Ask {
    let rows = (first..).zip(rows).map(|(row, (sku, location, quantity))| pb::FeedRow {
        row,
        sku: (*sku).into(),
        location: (*location).into(),
        quantity: (*quantity).into(),
        ..Default::default()
    });
    Ask::Rows(pb::FeedRows { rows: rows.collect() })
}

fn end() -> Ask {
    Ask::End(pb::FeedEnd {})
}

/// What a feed was told: rows that did not go in with their reasons, and how far it came.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    errors: Vec<(u64, String, String)>,
    last: pb::FeedProgress,
}

impl Heard {
    fn feed(&self) -> pb::StockFeed {
        self.last.feed.clone().unwrap()
    }

    /// Applied, unchanged, late, refused, repeated.
    fn sums(&self) -> (u64, u64, u64, u64, u64) {
        let feed = self.feed();
        (feed.applied, feed.unchanged, feed.late, feed.refused, self.last.repeated)
    }
}

async fn send(mesh: &Mesh, asks: Vec<Ask>) -> Result<Heard, Status> {
    let asks = asks.into_iter().map(|what| pb::FeedStockRequest { what: Some(what) });
    let mut answers = mesh.stock().feed_stock(futures::stream::iter(asks.collect::<Vec<_>>())).await?.into_inner();
    let mut heard = Heard::default();
    while let Some(answer) = answers.message().await? {
        match answer.what.unwrap() {
            Told::Progress(progress) => heard.last = progress,
            Told::Error(error) => heard.errors.push((error.row, error.field, error.reason)),
        }
    }
    Ok(heard)
}

async fn ready() -> Mesh {
    let mesh = mesh().await;
    mesh.time.set(at(100));
    mesh
}

fn error(row: u64, field: &str, reason: &str) -> (u64, String, String) {
    (row, field.into(), reason.into())
}

#[tokio::test]
async fn good_rows_go_in_and_each_bad_one_is_told() {
    let mesh = ready().await;
    let given =
        rows(1, &[("a", "", "8"), ("NOPE", "", "1"), ("B", "MOON", "1"), ("A", "SIDE", "x"), ("A", "SIDE", "3")]);
    let heard = send(&mesh, vec![start("f-1", pb::StockFeedKind::Count), given, end()]).await.unwrap();
    let expected =
        [error(2, "sku", "UNKNOWN_ITEM"), error(3, "location", "UNKNOWN_LOCATION"), error(4, "quantity", "BAD_ROW")];
    assert_eq!(heard.errors, expected);
    assert_eq!((heard.sums(), heard.feed().finished), ((2, 0, 0, 3, 0), true));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("8"));
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("3"));
    mesh.until("the shop shows it", || async { mesh.shop.shown("A") == 8 }).await;
}

#[tokio::test]
async fn a_repeat_of_the_whole_feed_changes_nothing_and_says_so() {
    let mesh = ready().await;
    let feed = || {
        vec![start("f-1", pb::StockFeedKind::Delta), rows(1, &[("A", "", "5"), ("B", "", "-9"), ("A", "", "1")]), end()]
    };
    let first = send(&mesh, feed()).await.unwrap();
    let before = mesh.quiet().await;
    let again = send(&mesh, feed()).await.unwrap();
    assert_eq!((first.sums(), again.sums()), ((2, 0, 0, 1, 0), (2, 0, 0, 1, 3)));
    assert_eq!(again.errors, first.errors, "what did not go in is told again");
    assert_eq!(mesh.quiet().await, before, "nothing is written");
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("16"));
}

#[tokio::test]
async fn a_feed_that_was_cut_goes_on_where_it_was() {
    let mesh = ready().await;
    let first = rows(1, &[("A", "", "5"), ("NOPE", "", "1")]);
    let cut = send(&mesh, vec![start("f-1", pb::StockFeedKind::Delta), first]).await.unwrap();
    assert_eq!((cut.feed().settled_through, cut.feed().finished), (2, false));
    let on = vec![start("f-1", pb::StockFeedKind::Delta), rows(3, &[("A", "", "2"), ("B", "", "1")]), end()];
    let heard = send(&mesh, on).await.unwrap();
    assert_eq!((heard.sums(), heard.feed().finished), ((3, 0, 0, 1, 0), true));
    assert_eq!(heard.errors, [error(2, "sku", "UNKNOWN_ITEM")], "whoever goes on learns what he may have missed");
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("17"));
}

#[tokio::test]
async fn whichever_commit_of_a_feed_goes_wrong_every_row_counts_once() {
    let mesh = ready().await;
    mesh.quiet().await;
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        for commit in 0..4 {
            let id = format!("f-{fate:?}-{commit}");
            let feed = || {
                let given = rows(1, &[("A", "", "1"), ("NOPE", "", "1"), ("A", "SIDE", "1"), ("A", "", "-1")]);
                vec![start(&id, pb::StockFeedKind::Delta), given, end()]
            };
            let mut seen = 0;
            mesh.model.fate(move |_, _| {
                seen += 1;
                if seen == commit + 1 { fate } else { Fate::Lucky }
            });
            let refusal = Refusal::read(&send(&mesh, feed()).await.unwrap_err());
            assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "OUTCOME_UNKNOWN"), "{id}");
            mesh.model.fate(|_, _| Fate::Lucky);
            let heard = send(&mesh, feed()).await.unwrap();
            let feed = heard.feed();
            assert_eq!((feed.applied, feed.refused, feed.finished), (3, 1, true), "{id}");
            assert_eq!(heard.errors, [error(2, "sku", "UNKNOWN_ITEM")], "{id}");
            mesh.quiet().await;
        }
    }
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("12"));
}

#[tokio::test]
async fn the_verdict_on_a_row_is_final_and_a_mended_row_goes_in_by_a_feed_of_its_own() {
    let mesh = ready().await;
    mesh.quiet().await;
    let bad = || rows(1, &[("A", "MOON", "5"), ("A", "SIDE", "1")]);
    let mended = || rows(1, &[("A", "SIDE", "5"), ("A", "SIDE", "1")]);
    let sent = |id: &str, rows: Ask| vec![start(id, pb::StockFeedKind::Delta), rows, end()];
    // Sent whole; and cut after the bad row was written down and before the good one went in.
    for (id, cut) in [("f-1", None), ("f-2", Some(3))] {
        let mut seen = 0;
        mesh.model.fate(move |_, _| {
            seen += 1;
            if Some(seen) == cut { Fate::RequestLost } else { Fate::Lucky }
        });
        assert_eq!(send(&mesh, sent(id, bad())).await.is_err(), cut.is_some());
        mesh.model.fate(|_, _| Fate::Lucky);
        let heard = send(&mesh, sent(id, mended())).await.unwrap();
        assert_eq!(heard.errors, [error(1, "location", "UNKNOWN_LOCATION")], "{id}");
        assert_eq!((heard.feed().applied, heard.feed().refused), (1, 1), "{id}");
        mesh.quiet().await;
    }
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("6"));
    send(&mesh, sent("f-3", rows(1, &[("A", "SIDE", "5")]))).await.unwrap();
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("11"));
}

#[tokio::test]
async fn a_count_that_came_late_is_told_and_changes_nothing() {
    let mesh = ready().await;
    send(&mesh, vec![start("f-1", pb::StockFeedKind::Count), rows(1, &[("A", "", "8")]), end()]).await.unwrap();
    let late = pb::FeedRow {
        row: 1,
        sku: "A".into(),
        quantity: "99".into(),
        valid_at: Some(prost_types::Timestamp { seconds: at(40).as_second(), nanos: 0 }),
        ..Default::default()
    };
    let feed = vec![start("f-2", pb::StockFeedKind::Count), Ask::Rows(pb::FeedRows { rows: vec![late] }), end()];
    let heard = send(&mesh, feed).await.unwrap();
    assert_eq!((heard.sums(), heard.errors), ((0, 0, 1, 0, 0), vec![error(1, "valid_at", "STALE_COUNT")]));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("8"));
}

#[tokio::test]
async fn a_feed_and_its_bad_rows_can_be_read() {
    let mesh = ready().await;
    let given = rows(1, &[("NOPE", "", "1"), ("A", "", "8"), ("A", "", "-1")]);
    send(&mesh, vec![start("f/1", pb::StockFeedKind::Count), given, end()]).await.unwrap();
    let feed = mesh.stock().get_stock_feed(pb::GetStockFeedRequest { feed_id: "f/1".into() }).await.unwrap();
    let feed = feed.into_inner().feed.unwrap();
    assert_eq!((feed.kind(), feed.refused, feed.settled_through), (pb::StockFeedKind::Count, 2, 3));
    let list =
        |token: &str| pb::ListStockFeedErrorsRequest { feed_id: "f/1".into(), page_size: 1, page_token: token.into() };
    let first = mesh.stock().list_stock_feed_errors(list("")).await.unwrap().into_inner();
    let second = mesh.stock().list_stock_feed_errors(list(&first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((first.errors[0].row, second.errors[0].row), (1, 3));
    let missing = pb::GetStockFeedRequest { feed_id: "f-9".into() };
    let status = mesh.stock().get_stock_feed(missing).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "NO_SUCH_FEED");
}

#[tokio::test]
async fn a_feed_that_is_opened_as_another_is_refused() {
    let mesh = ready().await;
    send(&mesh, vec![start("f-1", pb::StockFeedKind::Count), rows(1, &[("A", "", "8")])]).await.unwrap();
    let status = send(&mesh, vec![start("f-1", pb::StockFeedKind::Delta)]).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "FEED_DIFFERS");
}

#[tokio::test]
async fn messages_out_of_turn_are_named() {
    let mesh = ready().await;
    let open = || start("f-1", pb::StockFeedKind::Count);
    let some = || rows(1, &[("A", "", "8")]);
    for (asks, field) in [
        (vec![some()], "start"),
        (vec![open(), open()], "start"),
        (vec![open(), some(), some()], "rows[0].row"),
        (vec![open(), rows(1, &[])], "rows"),
    ] {
        let refusal = Refusal::read(&send(&mesh, asks).await.unwrap_err());
        assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("BAD_REQUEST", field));
    }
}

#[tokio::test]
async fn many_rows_of_one_location_are_one_commit() {
    let mesh = ready().await;
    let before = mesh.quiet().await;
    let many: Vec<(&str, &str, &str)> = (0..300).map(|n| (["A", "B"][n % 2], "SIDE", "1")).collect();
    send(&mesh, vec![start("f-1", pb::StockFeedKind::Delta), rows(1, &many), end()]).await.unwrap();
    assert_eq!(mesh.quiet().await, before + 4, "opened, the location, settled, finished");
    assert_eq!(mesh.available("B", "SIDE").await.as_deref(), Some("150"));
}
