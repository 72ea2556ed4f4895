//! Due sets, indexes and scans.

use bytes::Bytes;
use retail_store::{Index, IndexQuery, Key};

use crate::bed::{Bed, With as _, at, key, new, p, suite};

suite! {
    due_entries_come_by_time_then_key,
    a_document_has_one_due_time,
    a_due_entry_can_be_removed,
    what_is_due_ends_at_the_time_asked_for,
    kinds_are_due_apart,
    an_entry_before_all_that_were_found_is_found,
    the_last_due_time_of_a_commit_counts,
    index_entries_come_by_sort_key_then_document,
    an_index_is_read_page_by_page,
    an_index_is_read_by_prefix,
    the_entries_of_an_index_are_counted,
    zero_bytes_sort_before_longer_keys,
    an_index_entry_can_be_removed_and_replaced,
    documents_are_scanned_in_the_order_of_their_keys,
}

async fn set_due(bed: &Bed, document: Key, time: Option<i64>) {
    let mut commit = new();
    commit.due = vec![(document, time.map(at))];
    bed.apply(commit).await;
}

async fn due(bed: &Bed, kind: &str, until: i64, limit: usize) -> Vec<(i64, String)> {
    let found = bed.backend.due(p(), kind, at(until), limit).await.unwrap();
    found.into_iter().map(|(at, key)| (at.as_second(), key.id().to_owned())).collect()
}

fn pairs(pairs: &[(i64, &str)]) -> Vec<(i64, String)> {
    pairs.iter().map(|(at, id)| (*at, (*id).to_owned())).collect()
}

async fn due_entries_come_by_time_then_key(bed: Bed) {
    for (id, time) in [("b", 20), ("c", 10), ("a", 20), ("before 1970", -5)] {
        set_due(&bed, key(id), Some(time)).await;
    }
    let expected = pairs(&[(-5, "before 1970"), (10, "c"), (20, "a"), (20, "b")]);
    assert_eq!(due(&bed, "doc", 100, 10).await, expected);
    assert_eq!(due(&bed, "doc", 100, 2).await, expected[..2]);
}

async fn a_document_has_one_due_time(bed: Bed) {
    for time in [30, 10, 20, 20] {
        set_due(&bed, key("a"), Some(time)).await;
    }
    assert_eq!(due(&bed, "doc", 100, 10).await, pairs(&[(20, "a")]));
}

async fn a_due_entry_can_be_removed(bed: Bed) {
    set_due(&bed, key("a"), Some(10)).await;
    set_due(&bed, key("a"), None).await;
    set_due(&bed, key("b"), None).await;
    assert!(due(&bed, "doc", 100, 10).await.is_empty());
}

async fn what_is_due_ends_at_the_time_asked_for(bed: Bed) {
    set_due(&bed, key("a"), Some(10)).await;
    set_due(&bed, key("b"), Some(11)).await;
    assert!(due(&bed, "doc", 9, 10).await.is_empty());
    assert_eq!(due(&bed, "doc", 10, 10).await, pairs(&[(10, "a")]));
    assert_eq!(due(&bed, "doc", 11, 10).await.len(), 2);
}

async fn kinds_are_due_apart(bed: Bed) {
    set_due(&bed, Key::new("order", "o"), Some(10)).await;
    set_due(&bed, Key::new("orders", "p"), Some(5)).await;
    assert_eq!(due(&bed, "order", 100, 10).await, pairs(&[(10, "o")]));
    assert_eq!(due(&bed, "orders", 100, 10).await, pairs(&[(5, "p")]));
}

async fn an_entry_before_all_that_were_found_is_found(bed: Bed) {
    set_due(&bed, key("a"), Some(50)).await;
    assert!(due(&bed, "doc", 40, 10).await.is_empty());
    assert_eq!(due(&bed, "doc", 60, 10).await.len(), 1);
    set_due(&bed, key("b"), Some(10)).await;
    assert_eq!(due(&bed, "doc", 40, 10).await, pairs(&[(10, "b")]));
    set_due(&bed, key("b"), None).await;
    set_due(&bed, key("a"), None).await;
    assert!(due(&bed, "doc", 100, 10).await.is_empty());
    set_due(&bed, key("c"), Some(1)).await;
    assert_eq!(due(&bed, "doc", 100, 10).await, pairs(&[(1, "c")]));
}

async fn the_last_due_time_of_a_commit_counts(bed: Bed) {
    set_due(&bed, key("a"), Some(5)).await;
    let mut commit = new();
    commit.due = vec![(key("a"), Some(at(10))), (key("a"), None), (key("a"), Some(at(20)))];
    bed.apply(commit).await;
    assert_eq!(due(&bed, "doc", 100, 10).await, pairs(&[(20, "a")]));
}

async fn set_index(bed: &Bed, entries: &[(&[u8], &str, Option<&str>)]) {
    let mut commit = new();
    for (sort, id, value) in entries {
        commit.index.push(Index {
            name: "by".into(),
            sort: sort.to_vec(),
            key: key(id),
            value: value.map(|value| Bytes::from(value.to_owned())).unwrap_or_default(),
            present: value.is_some(),
        });
    }
    bed.apply(commit).await;
}

fn query(prefix: &[u8], after: Option<(&[u8], &str)>, limit: usize) -> IndexQuery {
    let after = after.map(|(sort, id)| (sort.to_vec(), key(id)));
    IndexQuery { name: "by".into(), prefix: prefix.to_vec(), after, limit }
}

async fn ids(bed: &Bed, query: IndexQuery) -> Vec<String> {
    let found = bed.backend.index(p(), &query).await.unwrap();
    found.into_iter().map(|entry| entry.key.id().to_owned()).collect()
}

async fn index_entries_come_by_sort_key_then_document(bed: Bed) {
    set_index(&bed, &[(b"b", "1", Some("x")), (b"a", "2", Some("y")), (b"a", "1", Some("z"))]).await;
    let mut other = new();
    other.index = vec![Index {
        name: "by2".into(),
        sort: b"a".to_vec(),
        key: key("elsewhere"),
        value: Bytes::new(),
        present: true,
    }];
    bed.apply(other).await;
    let found = bed.backend.index(p(), &query(b"", None, 10)).await.unwrap();
    let found = found.iter().map(|e| (&e.sort[..], e.key.id(), &e.value[..])).collect::<Vec<_>>();
    assert_eq!(found, [(&b"a"[..], "1", &b"z"[..]), (b"a", "2", b"y"), (b"b", "1", b"x")]);
}

async fn an_index_is_read_page_by_page(bed: Bed) {
    set_index(&bed, &[(b"a", "1", Some("")), (b"a", "2", Some("")), (b"b", "1", Some("")), (b"c", "1", Some(""))])
        .await;
    assert_eq!(ids(&bed, query(b"", None, 2)).await, ["1", "2"]);
    assert_eq!(ids(&bed, query(b"", Some((b"a", "2")), 2)).await, ["1", "1"]);
    assert_eq!(ids(&bed, query(b"", Some((b"c", "1")), 2)).await, Vec::<String>::new());
    // A token whose entry is gone still says where to go on.
    assert_eq!(ids(&bed, query(b"", Some((b"b", "0")), 2)).await, ["1", "1"]);
}

async fn the_entries_of_an_index_are_counted(bed: Bed) {
    assert_eq!(bed.backend.count(p(), "by").await, Ok(0));
    set_index(&bed, &[(b"a", "1", Some("")), (b"a", "2", Some("")), (b"b", "1", Some(""))]).await;
    assert_eq!(bed.backend.count(p(), "by").await, Ok(3));
    set_index(&bed, &[(b"a", "2", None)]).await;
    assert_eq!(bed.backend.count(p(), "by").await, Ok(2));
    assert_eq!(bed.backend.count(p(), "b").await, Ok(0), "another index");
}

async fn an_index_is_read_by_prefix(bed: Bed) {
    set_index(&bed, &[(b"new/1", "1", Some("")), (b"new/2", "2", Some("")), (b"old/1", "3", Some(""))]).await;
    assert_eq!(ids(&bed, query(b"new/", None, 10)).await, ["1", "2"]);
    assert_eq!(ids(&bed, query(b"new/", Some((b"new/1", "1")), 10)).await, ["2"]);
    assert_eq!(ids(&bed, query(b"old/", Some((b"new/1", "1")), 10)).await, ["3"]);
    assert_eq!(ids(&bed, query(b"new/", Some((b"old/1", "3")), 10)).await, Vec::<String>::new());
}

async fn zero_bytes_sort_before_longer_keys(bed: Bed) {
    set_index(
        &bed,
        &[(b"a\x01", "4", Some("")), (b"a\0", "2", Some("")), (b"a", "1", Some("")), (b"a\0\0", "3", Some(""))],
    )
    .await;
    assert_eq!(ids(&bed, query(b"", None, 10)).await, ["1", "2", "3", "4"]);
    assert_eq!(ids(&bed, query(b"a\0", None, 10)).await, ["2", "3"]);
}

async fn an_index_entry_can_be_removed_and_replaced(bed: Bed) {
    set_index(&bed, &[(b"a", "1", Some("old")), (b"b", "1", Some("x"))]).await;
    set_index(&bed, &[(b"b", "1", None), (b"a", "1", Some("new"))]).await;
    let found = bed.backend.index(p(), &query(b"", None, 10)).await.unwrap();
    assert_eq!(found.iter().map(|entry| &entry.value[..]).collect::<Vec<_>>(), [b"new"]);
}

async fn documents_are_scanned_in_the_order_of_their_keys(bed: Bed) {
    for id in ["b", "a", "c", "b/1"] {
        bed.apply(new().write(id, 0, id)).await;
    }
    let scan = async |prefix: &'static str, after: Option<&'static str>, limit| {
        let after = after.map(key);
        let found = bed.backend.scan(p(), prefix, after.as_ref(), limit).await.unwrap();
        found.into_iter().map(|(key, _)| key.id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scan("doc/", None, 10).await, ["a", "b", "b/1", "c"]);
    assert_eq!(scan("doc/b", None, 10).await, ["b", "b/1"]);
    assert_eq!(scan("doc/", Some("b"), 1).await, ["b/1"]);
    assert_eq!(scan("other/", None, 10).await, Vec::<String>::new());
}
