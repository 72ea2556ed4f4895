//! Slots of a Cluster: which slot a name lies in, and which node serves it.

use redis::Value;

use super::values::{list, number, text};

const SLOTS: u16 = 16_384;

/// The slot of a name: CRC16 (XMODEM) of what its first braces hold, or of all of it.
pub(super) fn slot(name: &[u8]) -> u16 {
    let open = name.iter().position(|byte| *byte == b'{');
    let tag = open.and_then(|open| {
        let rest = name.get(open.saturating_add(1)..)?;
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        rest.get(..close)
    });
    crc16(tag.unwrap_or(name)) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
            },
        )
    })
}

/// A node that serves a range of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) primary: String,
    pub(super) replicas: Vec<String>,
}

/// Reads `CLUSTER SLOTS`. A node without a name of its own is the host that was asked.
pub(super) fn ranges(answer: Value, asked: &str) -> Option<Vec<Range>> {
    list(answer)?.into_iter().map(|range| read(range, asked)).collect()
}

fn read(range: Value, asked: &str) -> Option<Range> {
    let mut parts = list(range)?.into_iter();
    let from = u16::try_from(number(&parts.next()?)?).ok()?;
    let to = u16::try_from(number(&parts.next()?)?).ok()?;
    let mut nodes = parts.map(|node| address(node, asked)).collect::<Option<Vec<_>>>()?.into_iter();
    Some(Range { from, to, primary: nodes.next()?, replicas: nodes.collect() })
}

fn address(node: Value, asked: &str) -> Option<String> {
    let mut parts = list(node)?.into_iter();
    let host = text(parts.next()?).filter(|host| !host.is_empty() && host != "?");
    let port = number(&parts.next()?)?;
    let host = host.unwrap_or_else(|| host_of(asked).to_owned());
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// How much history it has, and who follows it.
    Primary(i64, Vec<String>),
    /// It follows another, or has not found its place.
    Other,
}

/// Reads `ROLE`.
pub(super) fn role(answer: Value) -> Option<Role> {
    let mut parts = list(answer)?.into_iter();
    if text(parts.next()?)? != "master" {
        return Some(Role::Other);
    }
    let offset = number(&parts.next()?)?;
    let replica = |replica| {
        let mut parts = list(replica)?.into_iter();
        let (host, port) = (text(parts.next()?)?, text(parts.next()?)?);
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    };
    let replicas = list(parts.next()?)?.into_iter().map(replica).collect::<Option<Vec<_>>>()?;
    Some(Role::Primary(offset, replicas))
}

/// The host of `host:port`.
pub(super) fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The address that a redirection names; a port alone is on the host that answered.
pub(super) fn redirected(to: &str, asked: &str) -> String {
    match to.strip_prefix(':') {
        Some(port) => format!("{}:{port}", host_of(asked)),
        None => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
    }

    #[test]
    fn a_node_without_a_host_is_the_one_that_was_asked() {
        let node = |host: &str, port| Value::Array(vec![Value::BulkString(host.into()), Value::Int(port)]);
        let answer = Value::Array(vec![Value::Array(vec![
            Value::Int(0),
            Value::Int(5_460),
            node("", 7_000),
            node("10.0.0.2", 7_001),
        ])]);
        let found = ranges(answer, "redis.test:7005").unwrap();
        assert_eq!((found[0].to, found[0].primary.as_str()), (5_460, "redis.test:7000"));
        assert_eq!(found[0].replicas, ["10.0.0.2:7001"]);
        assert_eq!(redirected(":7002", "redis.test:7005"), "redis.test:7002");
    }
}
