//! Texts and bytes that people and disks hold: files, settings, numbers, page tokens, what lies in the store. What is read
//! can be written so that it reads the same; what cannot be read says why.

use std::sync::LazyLock;

use retail_flow::page;
use retail_orders::{Policy, Screening, Sourcing};
use retail_proto::{Currency, Decimal, Money, Quantity};
use retail_runtime::config;
use retail_runtime::deadline;
use retail_runtime::fault::{Refusal, Violations};
use retail_store::IndexEntry;
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::file::Rows;

/// A place in a list, as its page token.
pub(crate) fn page_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut bad = Violations::default();
    let read = page::read(text, &mut bad);
    match &read {
        Some((sort, key)) => {
            let entry = IndexEntry { sort: sort.clone(), key: key.clone(), value: Vec::new().into() };
            let token = page::next(std::slice::from_ref(&entry), 1);
            assert_eq!(page::read(&token, &mut bad), read, "{token}");
            bad.check().unwrap();
        }
        None if text.is_empty() => bad.check().unwrap(),
        None => assert!(bad.check().is_err(), "{text:?} is neither a token nor refused"),
    }
}

/// A policy of sourcing or of screening as an operator writes it.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match config::parse::<Sourcing>(text) {
        Ok(sourcing) => assert!(sourcing.problems().iter().all(|problem| !problem.is_empty())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _unread = config::parse::<Policy>(text);
    let _unread = config::parse::<Screening>(text);
    if let Err(error) = config::parse::<retail_orders::Config>(text) {
        assert!(!error.to_string().is_empty());
    }
}

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
});

/// Rows of stock, as CSV or, after a first byte of `{`, as lines of JSON.
pub(crate) fn stock_file(data: &[u8]) {
    let name = if data.first() == Some(&b'{') { "stock.ndjson" } else { "stock.csv" };
    let path = FOLDER.path().join(name);
    std::fs::write(&path, data).unwrap();
    let rows = match Rows::open(&path) {
        Ok(rows) => rows,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut last = 0;
    for row in rows {
        match row {
            Ok(row) => {
                assert!(row.row > last, "row {} after {last}", row.row);
                last = row.row;
            }
            Err(bad) => assert!(!bad.why.is_empty() && bad.line > 0, "{bad:?}"),
        }
    }
}

/// What lies in the embedded store and in Redis.
#[cfg(fuzzing)]
pub(crate) fn store(data: &[u8]) {
    retail_store::fuzz::stored(data);
}

/// Numbers, moneys, spans of time and refusals as others write them.
pub(crate) fn values(data: &[u8]) {
    let status =
        Status::with_details(Code::from_i32(data.first().copied().unwrap_or(3).into()), "no", data.to_vec().into());
    let refusal = Refusal::read(&status);
    assert!(refusal.message() == "no");
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(quantity) = text.parse::<Quantity>() {
        assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
        assert_eq!(Quantity::from_millionths(quantity.millionths()), quantity);
    }
    let (number, code) = text.split_once(' ').unwrap_or((text, "GBP"));
    if let Ok(currency) = code.parse::<Currency>() {
        assert_eq!(currency.to_string().parse::<Currency>().unwrap(), currency);
        if let Ok(money) = Money::parse(number, currency) {
            let shown = money.to_string();
            let (amount, unit) = shown.split_once(' ').unwrap();
            assert_eq!(Money::parse(amount, unit.parse().unwrap()).unwrap(), money);
        }
        if let Ok(amount) = number.parse::<Decimal>() {
            let _may_be_too_much = Money::rounded(amount, currency);
        }
    }
    if let Ok(span) = text.parse::<config::Span>() {
        assert!(format!("{}ms", span.get().as_millis()).parse::<config::Span>().is_ok());
    }
    let _no_time = deadline::parse_grpc_timeout(text);
}
