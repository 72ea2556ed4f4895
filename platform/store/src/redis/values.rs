//! What things look like in Redis: digits of fixed length in front, so that scripts compare them as text.

use bytes::Bytes;
use redis::Value;
use retail_runtime::Timestamp;
use uuid::Uuid;

use crate::commit::Fence;
use crate::embedded::layout::{corrupt, read_event, read_time, time};
use crate::fault::Error;
use crate::key::Version;
use crate::record::{Ends, Entry, Lease, MarkRecord, Offset, Position, Record, Stored};

/// Digits of a number.
const DIGITS: usize = 20;

pub(super) fn digits(number: u64) -> Vec<u8> {
    format!("{number:020}").into_bytes()
}

pub(super) fn schema(number: u32) -> Vec<u8> {
    format!("{number:010}").into_bytes()
}

pub(super) fn micros(at: Timestamp) -> String {
    at.as_microsecond().to_string()
}

pub(super) fn record(version: Version, kind: u32, events: u64, body: &[u8]) -> Vec<u8> {
    let head = format!("{:020}{kind:010}{events:020}", version.0);
    [head.as_bytes(), body].concat()
}

pub(super) fn read_record(value: Vec<u8>) -> Result<Record, Error> {
    let value = Bytes::from(value);
    let number = |from: usize, to: usize| value.get(from..to).and_then(read_number);
    let read = || {
        let (version, schema, events) = (number(0, 20)?, number(20, 30)?, number(30, 50)?);
        Some(Record { version: Version(version), events, schema: u32::try_from(schema).ok()?, body: value.slice(50..) })
    };
    read().ok_or_else(|| corrupt("document", "is no version, schema, events and body"))
}

pub(super) fn stored(stored: &Stored) -> Vec<u8> {
    [&stored.digest[..], &time(stored.at), &stored.result].concat()
}

pub(super) fn read_stored(value: Vec<u8>) -> Result<Stored, Error> {
    let value = Bytes::from(value);
    let read = || {
        let digest = <[u8; 32]>::try_from(value.get(..32)?).ok()?;
        Some(Stored { digest, at: read_time(value.get(32..48)?)?, result: value.slice(48..) })
    };
    read().ok_or_else(|| corrupt("result", "is no digest, time and answer"))
}

pub(super) fn read_mark(value: &[u8]) -> Result<MarkRecord, Error> {
    let read = || {
        let (version, event) = value.split_at_checked(DIGITS)?;
        Some(MarkRecord { version: read_number(version)?, event: Uuid::from_slice(event).ok()? })
    };
    read().ok_or_else(|| corrupt("mark", "is no version and event id"))
}

/// As fences are compared: epoch and nonce.
pub(super) fn fence(fence: &Fence) -> Vec<u8> {
    let mut value = digits(fence.epoch);
    value.extend_from_slice(&fence.nonce);
    value
}

pub(super) fn read_fence(value: &[u8]) -> Result<Fence, Error> {
    let read = || {
        let (epoch, nonce) = value.split_at_checked(DIGITS)?;
        Some(Fence { epoch: read_number(epoch)?, nonce: <[u8; 16]>::try_from(nonce).ok()? })
    };
    read().ok_or_else(|| corrupt("lease", "is no epoch and nonce"))
}

/// The lease; `None` when only its last epoch is kept.
pub(super) fn read_lease(value: &[u8]) -> Result<Option<Lease>, Error> {
    let Some((holder, until)) = value.split_at_checked(DIGITS + 16) else { return Ok(None) };
    let until = std::str::from_utf8(until).ok().and_then(|text| text.parse().ok());
    let until = until.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let until = until.ok_or_else(|| corrupt("lease", "has no end"))?;
    Ok(Some(Lease { fence: read_fence(holder)?, until }))
}

pub(super) fn position(at: &Position) -> Vec<u8> {
    let mut value = digits(at.sequence);
    value.push(if at.event.is_some() { b'1' } else { b'0' });
    value.extend_from_slice(at.event.unwrap_or_default().as_bytes());
    value
}

fn read_position(value: &[u8]) -> Option<Position> {
    let (sequence, event) = value.split_at_checked(DIGITS)?;
    let (known, event) = event.split_first()?;
    let event = Uuid::from_slice(event).ok()?;
    Some(Position { sequence: read_number(sequence)?, event: (*known == b'1').then_some(event) })
}

pub(super) fn read_ends(value: Option<&[u8]>) -> Result<Ends, Error> {
    let Some(value) = value else { return Ok(Ends::default()) };
    let read = || {
        let (begin, end) = value.split_at_checked(DIGITS + 17)?;
        Some(Ends { begin: read_position(begin)?, end: read_position(end)? })
    };
    read().ok_or_else(|| corrupt("ends of the feed", "are no two places"))
}

pub(super) fn read_offset(value: &[u8]) -> Result<Offset, Error> {
    let read = || {
        let (place, rest) = value.split_at_checked(DIGITS + 17)?;
        let (expired, seen) = rest.split_first()?;
        let seen = Timestamp::from_microsecond(std::str::from_utf8(seen).ok()?.parse().ok()?).ok()?;
        Some(Offset { position: read_position(place)?, seen, expired: *expired == b'1' })
    };
    read().ok_or_else(|| corrupt("group", "is no place and sign of life"))
}

/// An event as the feed's stream gives it: id, then names and values in turn.
pub(super) fn read_entry(value: Value) -> Result<Entry, Error> {
    let missing = || corrupt("event", "is not as it was written");
    let mut parts = list(value).unwrap_or_default().into_iter();
    let (id, fields) = (parts.next().and_then(bytes), parts.next().and_then(list));
    let id = id.and_then(|id| String::from_utf8(id).ok()).ok_or_else(missing)?;
    let sequence = id.split('-').next().and_then(|number| number.parse::<u64>().ok()).ok_or_else(missing)?;
    let event = fields.unwrap_or_default().into_iter().nth(5).and_then(bytes).ok_or_else(missing)?;
    read_event(&sequence.to_be_bytes(), &event)
}

fn read_number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A string of any kind.
pub(super) fn bytes(value: Value) -> Option<Vec<u8>> {
    if let Value::BulkString(bytes) = value {
        Some(bytes)
    } else if let Value::SimpleString(text) = value {
        Some(text.into_bytes())
    } else {
        None
    }
}

pub(super) fn text(value: Value) -> Option<String> {
    bytes(value).and_then(|bytes| String::from_utf8(bytes).ok())
}

pub(super) fn list(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(values) = value { Some(values) } else { None }
}

pub(super) fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let written = record(Version(7), 2, 5, b"body");
        let read = read_record(written).unwrap();
        assert_eq!((read.version, read.schema, read.events, &read.body[..]), (Version(7), 2, 5, &b"body"[..]));
        let result = Stored { digest: [3; 32], at: Timestamp::from_second(-5).unwrap(), result: Bytes::from("r") };
        assert_eq!(read_stored(stored(&result)).unwrap(), result);
        let place = Position { sequence: u64::MAX, event: Some(Uuid::from_u128(9)) };
        let both = [position(&Position::BEGIN), position(&place)].concat();
        assert_eq!(read_ends(Some(&both)).unwrap(), Ends { begin: Position::BEGIN, end: place });
        let held = Fence { epoch: 4, nonce: [1; 16] };
        assert_eq!(read_fence(&fence(&held)).unwrap(), held);
        assert_eq!(read_lease(&fence(&held)[..20]).unwrap(), None);
    }

    #[test]
    fn what_is_cut_is_corrupt() {
        assert!(read_record(b"0000000001".to_vec()).is_err());
        assert!(read_stored(vec![0; 40]).is_err());
        assert!(read_mark(b"00000000000000000001abc").is_err());
        assert!(read_ends(Some(b"00000000000000000001")).is_err());
    }
}
