//! How things lie on disk. State keys begin with partition and kind; feed keys are partition and sequence. Numbers and
//! times are big-endian, so that byte order is their order.

use bytes::Bytes;
use retail_runtime::Timestamp;
use uuid::Uuid;

use crate::commit::{CommitId, Fence, NewEvent};
use crate::fault::Error;
use crate::key::{Key, Partition, Version};
use crate::record::{Ends, Entry, Lease, MarkRecord, Offset, Position, Record, Stored};

/// Where the domain's birth record lies: no partition has this number.
pub(super) const BIRTH: &[u8] = &[0xFF, 0xFF, b'B'];

pub(super) const DOCUMENT: u8 = b'd';
pub(super) const RESULT: u8 = b'r';
pub(super) const RESULT_AGE: u8 = b'a';
pub(super) const MARK: u8 = b'm';
pub(super) const DUE: u8 = b't';
pub(super) const DUE_OF: u8 = b'k';
pub(super) const INDEX: u8 = b'i';
pub(super) const LEASE: u8 = b'l';
pub(super) const GROUP: u8 = b'g';
pub(super) const ENDS: u8 = b'e';

/// Partition and kind: the beginning of a state key.
pub(super) fn place(partition: Partition, kind: u8) -> Vec<u8> {
    let mut key = partition.number().to_be_bytes().to_vec();
    key.push(kind);
    key
}

pub(super) fn state(partition: Partition, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = place(partition, kind);
    key.extend_from_slice(rest);
    key
}

pub(super) fn document(partition: Partition, key: &Key) -> Vec<u8> {
    state(partition, DOCUMENT, key.as_str().as_bytes())
}

pub(super) fn result_age(partition: Partition, at: Timestamp, id: CommitId) -> Vec<u8> {
    let mut key = state(partition, RESULT_AGE, &time(at));
    key.extend_from_slice(&id.0);
    key
}

/// All due entries of a kind lie together, by time, then key.
pub(super) fn due_of_kind(partition: Partition, kind: &str) -> Vec<u8> {
    let mut key = state(partition, DUE, kind.as_bytes());
    key.push(0);
    key
}

pub(super) fn due(partition: Partition, at: Timestamp, document: &Key) -> Vec<u8> {
    let mut key = due_of_kind(partition, document.kind());
    key.extend_from_slice(&time(at));
    key.extend_from_slice(document.as_str().as_bytes());
    key
}

/// All entries of an index lie together, by sort key, then document key.
pub(super) fn index_of_name(partition: Partition, name: &str) -> Vec<u8> {
    let mut key = state(partition, INDEX, name.as_bytes());
    key.push(0);
    key
}

pub(super) fn index(partition: Partition, name: &str, sort: &[u8], document: &Key) -> Vec<u8> {
    let mut key = index_of_name(partition, name);
    key.extend_from_slice(&escaped(sort));
    key.extend_from_slice(&[0, 0]);
    key.extend_from_slice(document.as_str().as_bytes());
    key
}

pub(super) fn feed(partition: Partition, sequence: u64) -> Vec<u8> {
    let mut key = partition.number().to_be_bytes().to_vec();
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The first key behind all keys that begin with this one.
pub(crate) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

/// Nanoseconds since 1970 with the sign turned, so that bytes sort as times.
pub(crate) fn time(at: Timestamp) -> [u8; 16] {
    let mut bytes = at.as_nanosecond().to_be_bytes();
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    bytes
}

pub(crate) fn read_time(bytes: &[u8]) -> Option<Timestamp> {
    let mut bytes = <[u8; 16]>::try_from(bytes).ok()?;
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    Timestamp::from_nanosecond(i128::from_be_bytes(bytes)).ok()
}

/// Zero bytes become two, so that a sort key ends before its document key begins and order is kept.
pub(crate) fn escaped(sort: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sort.len().saturating_add(2));
    for byte in sort {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xFF);
        }
    }
    out
}

/// Sort key and document key of an index entry, from what follows the index name.
pub(crate) fn read_index(rest: &[u8]) -> Result<(Vec<u8>, Key), Error> {
    let mut sort = Vec::new();
    let mut bytes = rest.iter();
    while let Some(byte) = bytes.next() {
        match (*byte, *byte == 0 && bytes.next() == Some(&0)) {
            (0, true) => return Ok((sort, read_key(bytes.as_slice())?)),
            (byte, _) => sort.push(byte),
        }
    }
    Err(corrupt("index entry", "has no document key"))
}

/// Time and document key of a due entry, from what follows the kind.
pub(crate) fn read_due(rest: &[u8]) -> Result<(Timestamp, Key), Error> {
    let (at, key) = rest.split_at_checked(16).ok_or_else(|| corrupt("due entry", "is too short"))?;
    let at = read_time(at).ok_or_else(|| corrupt("due entry", "has no time"))?;
    Ok((at, read_key(key)?))
}

/// The due time of a document.
pub(crate) fn read_due_of(bytes: &[u8]) -> Result<Timestamp, Error> {
    read_time(bytes).ok_or_else(|| corrupt("due time", "is no time"))
}

pub(crate) fn read_key(bytes: &[u8]) -> Result<Key, Error> {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(Key::parse).ok_or_else(|| corrupt("key", "is no kind and id"))
}

/// Age and id of a result, from what follows the kind.
pub(super) fn read_result_age(rest: &[u8]) -> Result<(Timestamp, CommitId), Error> {
    let (at, id) = rest.split_at_checked(16).ok_or_else(|| corrupt("age of a result", "is too short"))?;
    let at = read_time(at).ok_or_else(|| corrupt("age of a result", "has no time"))?;
    let id = <[u8; 32]>::try_from(id).map_err(|_| corrupt("age of a result", "has no commit id"))?;
    Ok((at, CommitId(id)))
}

pub(crate) fn corrupt(what: &str, why: &str) -> Error {
    Error::Corrupt { what: what.to_owned(), why: why.to_owned() }
}

pub(super) fn decode<M: prost::Message + Default>(what: &str, bytes: &[u8]) -> Result<M, Error> {
    M::decode(bytes).map_err(|error| corrupt(what, &error.to_string()))
}

/// How the domain was made.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Birth {
    #[prost(uint32, tag = "1")]
    pub(super) format: u32,
    #[prost(string, tag = "2")]
    pub(super) domain: String,
    #[prost(string, tag = "3")]
    pub(super) region: String,
    #[prost(uint32, tag = "4")]
    pub(super) partitions: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Instant {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Instant {
    fn of(at: Timestamp) -> Option<Self> {
        Some(Self { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
    }

    fn read(at: Option<&Self>) -> Result<Timestamp, Error> {
        let at = at.ok_or_else(|| corrupt("time", "is missing"))?;
        Timestamp::new(at.seconds, at.nanos).map_err(|error| corrupt("time", &error.to_string()))
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredDocument {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(uint64, tag = "2")]
    events: u64,
    #[prost(uint32, tag = "3")]
    schema: u32,
    #[prost(bytes = "bytes", tag = "4")]
    body: Bytes,
}

/// What a commit is checked against: all of a document but its body, which is passed over.
#[derive(Clone, PartialEq, prost::Message)]
struct StoredHead {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(uint32, tag = "3")]
    schema: u32,
}

pub(super) fn read_head(bytes: &[u8]) -> Result<(Version, u32), Error> {
    let StoredHead { version, schema } = decode("document", bytes)?;
    Ok((Version(version), schema))
}

pub(super) fn write_record(record: Record) -> Vec<u8> {
    let Record { version, events, schema, body } = record;
    prost::Message::encode_to_vec(&StoredDocument { version: version.0, events, schema, body })
}

pub(super) fn read_record(bytes: &[u8]) -> Result<Record, Error> {
    let StoredDocument { version, events, schema, body } = decode("document", bytes)?;
    Ok(Record { version: Version(version), events, schema, body })
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredResult {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    at: Option<Instant>,
    #[prost(bytes = "bytes", tag = "3")]
    result: Bytes,
}

pub(super) fn write_result(stored: Stored) -> Vec<u8> {
    let Stored { digest, at, result } = stored;
    prost::Message::encode_to_vec(&StoredResult { digest: digest.to_vec(), at: Instant::of(at), result })
}

pub(super) fn read_result(bytes: &[u8]) -> Result<Stored, Error> {
    let StoredResult { digest, at, result } = decode("result", bytes)?;
    let digest = digest.try_into().map_err(|_| corrupt("result", "has no digest"))?;
    Ok(Stored { digest, at: Instant::read(at.as_ref())?, result })
}

#[derive(Clone, PartialEq, prost::Message)]
struct Place {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(bytes = "vec", tag = "2")]
    event: Vec<u8>,
}

impl Place {
    fn of(number: u64, event: Option<Uuid>) -> Self {
        Self { number, event: event.map(|event| event.as_bytes().to_vec()).unwrap_or_default() }
    }

    fn event(&self) -> Result<Option<Uuid>, Error> {
        if self.event.is_empty() {
            return Ok(None);
        }
        Uuid::from_slice(&self.event).map(Some).map_err(|error| corrupt("event id", &error.to_string()))
    }

    fn position(place: Option<&Self>) -> Result<Position, Error> {
        let Some(place) = place else { return Ok(Position::BEGIN) };
        Ok(Position { sequence: place.number, event: place.event()? })
    }
}

pub(super) fn write_mark(mark: MarkRecord) -> Vec<u8> {
    prost::Message::encode_to_vec(&Place::of(mark.version, Some(mark.event)))
}

pub(super) fn read_mark(bytes: &[u8]) -> Result<MarkRecord, Error> {
    let place: Place = decode("mark", bytes)?;
    let event = place.event()?.ok_or_else(|| corrupt("mark", "has no event id"))?;
    Ok(MarkRecord { version: place.number, event })
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredEnds {
    #[prost(message, optional, tag = "1")]
    begin: Option<Place>,
    #[prost(message, optional, tag = "2")]
    end: Option<Place>,
}

pub(super) fn write_ends(ends: Ends) -> Vec<u8> {
    let place = |at: Position| Some(Place::of(at.sequence, at.event));
    prost::Message::encode_to_vec(&StoredEnds { begin: place(ends.begin), end: place(ends.end) })
}

pub(super) fn read_ends(bytes: &[u8]) -> Result<Ends, Error> {
    let ends: StoredEnds = decode("ends of the feed", bytes)?;
    Ok(Ends { begin: Place::position(ends.begin.as_ref())?, end: Place::position(ends.end.as_ref())? })
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredGroup {
    #[prost(message, optional, tag = "1")]
    position: Option<Place>,
    #[prost(message, optional, tag = "2")]
    seen: Option<Instant>,
    #[prost(bool, tag = "3")]
    expired: bool,
}

pub(super) fn write_group(offset: &Offset) -> Vec<u8> {
    let position = Some(Place::of(offset.position.sequence, offset.position.event));
    let group = StoredGroup { position, seen: Instant::of(offset.seen), expired: offset.expired };
    prost::Message::encode_to_vec(&group)
}

pub(super) fn read_group(bytes: &[u8]) -> Result<Offset, Error> {
    let group: StoredGroup = decode("group", bytes)?;
    let position = Place::position(group.position.as_ref())?;
    Ok(Offset { position, seen: Instant::read(group.seen.as_ref())?, expired: group.expired })
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredLease {
    #[prost(uint64, tag = "1")]
    epoch: u64,
    #[prost(bytes = "vec", tag = "2")]
    nonce: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    until: Option<Instant>,
}

/// The last epoch given out, and the lease while somebody has it.
pub(super) fn write_lease(epoch: u64, lease: Option<Lease>) -> Vec<u8> {
    let nonce = lease.map(|lease| lease.fence.nonce.to_vec()).unwrap_or_default();
    let until = lease.and_then(|lease| Instant::of(lease.until));
    prost::Message::encode_to_vec(&StoredLease { epoch, nonce, until })
}

pub(super) fn read_lease(bytes: &[u8]) -> Result<(u64, Option<Lease>), Error> {
    let StoredLease { epoch, nonce, until } = decode("lease", bytes)?;
    if until.is_none() {
        return Ok((epoch, None));
    }
    let nonce = nonce.try_into().map_err(|_| corrupt("lease", "has no nonce"))?;
    let until = Instant::read(until.as_ref())?;
    Ok((epoch, Some(Lease { fence: Fence { epoch, nonce }, until })))
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredEvent {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, tag = "2")]
    kind: String,
    #[prost(string, tag = "3")]
    subject: String,
    #[prost(uint64, tag = "4")]
    version: u64,
    #[prost(message, optional, tag = "5")]
    time: Option<Instant>,
    #[prost(string, tag = "6")]
    traceparent: String,
    #[prost(bytes = "bytes", tag = "7")]
    body: Bytes,
}

pub(crate) fn write_event(event: NewEvent) -> Vec<u8> {
    prost::Message::encode_to_vec(&StoredEvent {
        id: event.id.as_bytes().to_vec(),
        kind: event.kind,
        subject: event.subject.as_str().to_owned(),
        version: event.version,
        time: Instant::of(event.time),
        traceparent: event.traceparent,
        body: event.body,
    })
}

pub(crate) fn read_event(key: &[u8], bytes: &[u8]) -> Result<Entry, Error> {
    let sequence = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
    let sequence = sequence.ok_or_else(|| corrupt("event", "has no sequence"))?;
    let event: StoredEvent = decode("event", bytes)?;
    let id = Uuid::from_slice(&event.id).map_err(|error| corrupt("event id", &error.to_string()))?;
    let event = NewEvent {
        id,
        kind: event.kind,
        subject: read_key(event.subject.as_bytes())?,
        version: event.version,
        time: Instant::read(event.time.as_ref())?,
        traceparent: event.traceparent,
        body: event.body,
    };
    Ok(Entry { sequence, event })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partition() -> Partition {
        Partition::new(7).unwrap()
    }

    proptest! {
        #[test]
        fn index_keys_sort_as_sort_key_and_document_key(
            a in (prop::collection::vec(0_u8..4, 0..5), "[ab]{1,3}"),
            b in (prop::collection::vec(0_u8..4, 0..5), "[ab]{1,3}"),
        ) {
            let key = |(sort, id): &(Vec<u8>, String)| index(partition(), "n", sort, &Key::new("k", id));
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn index_keys_read_back(sort in prop::collection::vec(any::<u8>(), 0..20), id in "[a-z/]{1,9}") {
            let whole = index(partition(), "name", &sort, &Key::new("kind", &id));
            let rest = &whole[index_of_name(partition(), "name").len()..];
            prop_assert_eq!(read_index(rest).unwrap(), (sort, Key::new("kind", &id)));
        }

        #[test]
        fn times_sort_as_bytes(a in -1_000_000_000_000_i64..4_000_000_000_000, b in -1_000_000_000_000_i64..4_000_000_000_000) {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            prop_assert_eq!(time(at(a)).cmp(&time(at(b))), a.cmp(&b));
            prop_assert_eq!(read_time(&time(at(a))), Some(at(a)));
        }
    }

    #[test]
    fn the_key_behind_a_prefix_is_above_all_its_keys() {
        assert_eq!(behind(b"ab"), b"ac");
        assert_eq!(behind(&[1, 0xFF]), [2]);
        assert!(behind(&[0xFF]).is_empty());
    }
}
