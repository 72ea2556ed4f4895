//! Deadlines travel: what is left of the caller's time bounds every call made on his behalf.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Left for the way back at each hop.
const HOP: Duration = Duration::from_millis(10);

tokio::task_local! {
    static UNTIL: Instant;
}

/// What is left of this task's time; `None` when nobody set a deadline.
#[must_use]
pub fn remaining() -> Option<Duration> {
    UNTIL.try_with(|until| until.saturating_duration_since(Instant::now())).ok()
}

/// What a call to the next hop may take.
#[must_use]
pub fn for_next_hop() -> Option<Duration> {
    remaining().map(|left| left.saturating_sub(HOP))
}

/// Runs work under a deadline; an earlier one that is set already stays.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    let limit = remaining().map_or(limit, |left| left.min(limit));
    UNTIL.scope(Instant::now() + limit, work).await
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
#[must_use]
pub fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(amount.saturating_mul(60))),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_inner_deadline_never_outlives_the_outer_one() {
        let left = within(Duration::from_secs(1), async {
            within(Duration::from_secs(60), async { remaining().unwrap() }).await
        });
        assert_eq!(left.await, Duration::from_secs(1));
        assert_eq!(remaining(), None);
    }

    #[test]
    fn every_unit_of_grpc_timeout_is_read() {
        assert_eq!(parse_grpc_timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse_grpc_timeout("2S"), Some(Duration::from_secs(2)));
        for broken in ["", "S", "123456789m", "1x", "-1S"] {
            assert_eq!(parse_grpc_timeout(broken), None, "{broken}");
        }
    }
}
