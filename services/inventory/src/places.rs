//! Which locations a reservation over several locations stands at, and whether its attempt succeeded. Pure.
//!
//! Parts at different locations are different commits. This document decides, once per attempt, whether the attempt was
//! settled or refused; whoever loses that decision undoes what it promised. A refused reservation may be tried again.

/// How the current attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Attempted {
    /// Parts are being promised.
    Open = 0,
    /// Every part is promised; final.
    Settled = 1,
    /// Something was lacking; what was promised is given back.
    Refused = 2,
}

/// The locations of a reservation.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Places {
    /// Location codes.
    #[prost(string, repeated, tag = "1")]
    pub locations: Vec<String>,
    /// Digest of the request.
    #[prost(bytes = "vec", tag = "2")]
    pub digest: Vec<u8>,
    /// Attempt, from 1.
    #[prost(uint32, tag = "3")]
    pub attempt: u32,
    /// How it stands.
    #[prost(enumeration = "Attempted", tag = "4")]
    pub attempted: i32,
}

impl Places {
    /// Begins or joins an attempt; `None` when the reservation exists with other content.
    pub(crate) fn begin(&mut self, locations: &[String], digest: &[u8]) -> Option<u32> {
        if self.attempt > 0 && self.attempted() != Attempted::Refused && self.digest != digest {
            return None;
        }
        if self.attempt == 0 || self.attempted() == Attempted::Refused {
            self.attempt = self.attempt.saturating_add(1);
            self.set_attempted(Attempted::Open);
            self.locations = locations.to_vec();
            self.digest = digest.to_vec();
        }
        Some(self.attempt)
    }

    /// Decides an attempt; answers how it stands now. Only the first decision counts.
    pub(crate) fn decide(&mut self, attempt: u32, verdict: Attempted) -> Attempted {
        if self.attempt != attempt {
            return Attempted::Refused;
        }
        if self.attempted() == Attempted::Open {
            self.set_attempted(verdict);
        }
        self.attempted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (Places, u32) {
        let mut places = Places::default();
        let attempt = places.begin(&["A".into(), "B".into()], b"x").unwrap();
        (places, attempt)
    }

    #[test]
    fn only_the_first_verdict_counts() {
        let (mut places, attempt) = open();
        assert_eq!(places.decide(attempt, Attempted::Refused), Attempted::Refused);
        assert_eq!(places.decide(attempt, Attempted::Settled), Attempted::Refused);
    }

    #[test]
    fn a_refused_attempt_is_followed_by_the_next() {
        let (mut places, attempt) = open();
        places.decide(attempt, Attempted::Refused);
        assert_eq!(places.begin(&["A".into()], b"y"), Some(attempt + 1));
        assert_eq!(places.decide(attempt, Attempted::Settled), Attempted::Refused, "the old attempt is over");
    }

    #[test]
    fn other_content_under_the_same_id_is_refused() {
        let (mut places, _) = open();
        assert_eq!(places.begin(&["A".into()], b"y"), None);
        assert_eq!(places.begin(&["A".into(), "B".into()], b"x"), Some(1));
    }
}
