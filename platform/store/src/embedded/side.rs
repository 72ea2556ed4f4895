//! The small operations beside commits: leases, groups, trimming, sweeping.

use super::apply::Applier;
use super::layout;
use super::pending::Space;
use super::{Spaces, broken};
use crate::commit::Fence;
use crate::fault::Error;
use crate::key::Partition;
use crate::record::{
    GroupOp, Lease, LeaseAnswer, LeaseOp, Offset, Position, RESULTS_KEPT, SILENCE, Trim, Trimmed, after, before,
};
use retail_runtime::Timestamp;

impl Applier<'_, '_> {
    pub(super) fn lease(&mut self, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        let place = layout::place(self.partition, layout::LEASE);
        let stored = self.get(&place)?.map(|bytes| layout::read_lease(&bytes)).transpose()?;
        let (epoch, held) = stored.unwrap_or_default();
        let lease = match (op, held) {
            (LeaseOp::Take { nonce, ttl, now }, Some(lease)) if lease.fence.nonce == nonce => {
                Lease { until: after(now, ttl), ..lease }
            }
            (LeaseOp::Take { now, .. }, Some(lease)) if lease.until > now => {
                return Ok(LeaseAnswer::Taken { until: lease.until });
            }
            (LeaseOp::Take { nonce, ttl, now }, _) => {
                Lease { fence: Fence { epoch: epoch.saturating_add(1), nonce }, until: after(now, ttl) }
            }
            (LeaseOp::Renew { fence, ttl, now }, Some(lease)) if lease.fence == fence => {
                Lease { until: after(now, ttl), ..lease }
            }
            (LeaseOp::Release { fence }, Some(lease)) if lease.fence == fence => {
                self.put(place, layout::write_lease(epoch, None));
                return Ok(LeaseAnswer::Gone);
            }
            (LeaseOp::Renew { .. } | LeaseOp::Release { .. }, _) => return Ok(LeaseAnswer::Gone),
        };
        self.put(place, layout::write_lease(lease.fence.epoch, Some(lease)));
        Ok(LeaseAnswer::Held(lease))
    }

    pub(super) fn group(&mut self, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        let known = self.offset(group)?;
        let out_of_range = |place: Position| Error::OutOfRange { partition: self.partition, sequence: place.sequence };
        let offset = match (op, known.clone()) {
            (GroupOp::Declare, Some(known)) => known,
            (GroupOp::Declare, None) => Offset { position: self.ends()?.begin, seen: now, expired: false },
            (_, None) => return Err(Error::NoSuchGroup(group.to_owned())),
            (GroupOp::Touch, Some(known)) => Offset { seen: now, ..known },
            (GroupOp::Acknowledge(place), Some(known)) => {
                let back = place.sequence < known.position.sequence;
                if known.expired || !(back || place == known.position || self.fits(&place)?) {
                    return Err(out_of_range(place));
                }
                Offset { position: if back { known.position } else { place }, seen: now, expired: false }
            }
            (GroupOp::Reset(place), Some(_)) => {
                if !self.fits(&place)? {
                    return Err(out_of_range(place));
                }
                Offset { position: place, seen: now, expired: false }
            }
        };
        if known.as_ref() != Some(&offset) {
            self.put(layout::state(self.partition, layout::GROUP, group.as_bytes()), layout::write_group(&offset));
        }
        Ok(offset)
    }

    pub(super) fn trim(&mut self, trim: &Trim) -> Result<Trimmed, Error> {
        let mut trimmed = Trimmed::default();
        let mut ends = self.ends()?;
        let mut upto = ends.end.sequence;
        for group in &trim.groups {
            let Some(mut offset) = self.offset(group)? else {
                // Declared, but not known here yet: everything may still be wanted.
                upto = 0;
                continue;
            };
            let behind = offset.position.sequence < ends.end.sequence;
            if behind && !offset.expired && offset.seen < before(trim.now, SILENCE) {
                offset.expired = true;
                trimmed.expired.push(group.clone());
                self.put(layout::state(self.partition, layout::GROUP, group.as_bytes()), layout::write_group(&offset));
            }
            if !offset.expired {
                upto = upto.min(offset.position.sequence);
            }
        }
        let young = before(trim.now, trim.keep);
        while trimmed.removed < trim.limit && ends.begin.sequence < upto {
            let sequence = ends.begin.sequence.saturating_add(1);
            let place = layout::feed(self.partition, sequence);
            let Some(bytes) = self.staged.get(self.pending, Space::Feed, &place)? else {
                return Err(layout::corrupt("feed", &format!("event {sequence} is missing")));
            };
            let entry = layout::read_event(&place, &bytes)?;
            if entry.event.time > young {
                break;
            }
            ends.begin = entry.position();
            self.staged.remove(Space::Feed, place);
            trimmed.removed += 1;
        }
        if trimmed.removed > 0 {
            self.put_ends(ends);
        }
        Ok(trimmed)
    }

    /// Only what is on disk is looked at: a result of this group is never old enough.
    pub(super) fn sweep(&mut self, spaces: &Spaces, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let place = layout::place(self.partition, layout::RESULT_AGE);
        let old = layout::state(self.partition, layout::RESULT_AGE, &layout::time(before(now, RESULTS_KEPT)));
        let mut swept = 0;
        for found in spaces.state.range(place.clone()..layout::behind(&old)).take(limit) {
            let key = found.key().map_err(|error| broken("read", &error))?.to_vec();
            let (_, id) = layout::read_result_age(key.strip_prefix(place.as_slice()).unwrap_or_default())?;
            self.remove(layout::state(self.partition, layout::RESULT, &id.0));
            self.remove(key);
            swept += 1;
        }
        Ok(swept)
    }

    fn offset(&self, group: &str) -> Result<Option<Offset>, Error> {
        let place = layout::state(self.partition, layout::GROUP, group.as_bytes());
        self.get(&place)?.map(|bytes| layout::read_group(&bytes)).transpose()
    }

    fn fits(&self, at: &Position) -> Result<bool, Error> {
        let ends = self.ends()?;
        if *at == ends.begin || *at == ends.end {
            return Ok(true);
        }
        if at.sequence <= ends.begin.sequence || at.sequence > ends.end.sequence {
            return Ok(false);
        }
        let place = layout::feed(self.partition, at.sequence);
        let Some(bytes) = self.staged.get(self.pending, Space::Feed, &place)? else { return Ok(false) };
        Ok(layout::read_event(&place, &bytes)?.position() == *at)
    }
}

/// A group's offset, as it is on disk.
pub(super) fn offset(spaces: &Spaces, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
    let place = layout::state(partition, layout::GROUP, group.as_bytes());
    let bytes = spaces.state.get(place).map_err(|error| broken("read", &error))?;
    bytes.map(|bytes| layout::read_group(&bytes)).transpose()
}
