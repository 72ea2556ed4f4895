//! Times: milliseconds since 1970 where they are stored, `google.protobuf.Timestamp` in contracts.

use prost_types::Timestamp;

/// The contract's form of stored milliseconds.
#[must_use]
pub fn timestamp(millisecond: i64) -> Timestamp {
    let nanos = millisecond.rem_euclid(1_000).saturating_mul(1_000_000);
    Timestamp { seconds: millisecond.div_euclid(1_000), nanos: i32::try_from(nanos).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_count_forward_even_before_1970() {
        assert_eq!(timestamp(1_500), Timestamp { seconds: 1, nanos: 500_000_000 });
        assert_eq!(timestamp(-1), Timestamp { seconds: -1, nanos: 999_000_000 });
    }
}
