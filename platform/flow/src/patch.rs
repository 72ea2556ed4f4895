//! What changed between two states of a message, by its fields on the wire: most commits change a few fields of a large
//! document. Needs no description of the message. Pure.

use std::collections::BTreeMap;

/// A run of the new state: so many fields of the old one from a place on, then these bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Run {
    #[prost(uint32, tag = "1")]
    from: u32,
    #[prost(uint32, tag = "2")]
    count: u32,
    #[prost(bytes = "vec", tag = "3")]
    new: Vec<u8>,
}

/// How one state becomes another.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Patch {
    #[prost(message, repeated, tag = "1")]
    runs: Vec<Run>,
}

impl Patch {
    /// The patch that makes `after` of `before`.
    pub(crate) fn between(before: &[u8], after: &[u8]) -> Self {
        let old = fields(before);
        let mut places: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (place, field) in old.iter().enumerate() {
            places.entry(field).or_default().push(place);
        }
        let mut runs = vec![Run::default()];
        let mut next = 0_usize;
        for field in fields(after) {
            let known = places.get(field).and_then(|all| all.iter().find(|place| **place >= next).copied());
            let Some(run) = runs.last_mut() else { break };
            match known.and_then(|place| u32::try_from(place).ok().map(|from| (place, from))) {
                Some((place, from)) => {
                    next = place.saturating_add(1);
                    if run.new.is_empty() && (run.count == 0 || run.from.saturating_add(run.count) == from) {
                        if run.count == 0 {
                            run.from = from;
                        }
                        run.count = run.count.saturating_add(1);
                    } else {
                        runs.push(Run { from, count: 1, new: Vec::new() });
                    }
                }
                None => run.new.extend_from_slice(field),
            }
        }
        Self { runs }
    }

    /// The state that this patch makes of another; `None` when it is not the patch of that one.
    pub(crate) fn apply(&self, before: &[u8]) -> Option<Vec<u8>> {
        let old = fields(before);
        let mut after = Vec::with_capacity(before.len());
        for run in &self.runs {
            let from = usize::try_from(run.from).ok()?;
            let kept = old.get(from..from.checked_add(usize::try_from(run.count).ok()?)?)?;
            kept.iter().for_each(|field| after.extend_from_slice(field));
            after.extend_from_slice(&run.new);
        }
        Some(after)
    }
}

/// The fields of a message, each with its tag; what cannot be read is one field.
fn fields(message: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let Some((length, _, _)) = field(rest) else { return vec![message] };
        let (one, others) = rest.split_at(length);
        all.push(one);
        rest = others;
    }
    all
}

/// Where the text or message of a field lies, if it holds one.
pub(crate) type Held = Option<(usize, usize)>;

/// The first field of what is left of a message: its whole length, its number, and where its text or message lies, if
/// it holds one.
pub(crate) fn field(rest: &[u8]) -> Option<(usize, u32, Held)> {
    let (tag, mut at) = varint(rest)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let mut held = None;
    match tag & 7 {
        0 => at = at.checked_add(varint(rest.get(at..)?)?.1)?,
        1 => at = at.checked_add(8)?,
        5 => at = at.checked_add(4)?,
        2 => {
            let (length, used) = varint(rest.get(at..)?)?;
            let start = at.checked_add(used)?;
            at = start.checked_add(usize::try_from(length).ok()?)?;
            held = Some((start, at));
        }
        _ => return None,
    }
    (at <= rest.len()).then_some((at, number, held))
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        let shift = u32::try_from(place).ok()?.checked_mul(7)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value, place.saturating_add(1)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use retail_proto::types::v1::Address;

    use super::*;

    #[test]
    fn one_field_of_many_makes_a_small_patch() {
        let lines: Vec<String> = (0..100).map(|line| format!("line number {line}")).collect();
        let before = Address { lines, ..Address::default() };
        let mut after = before.clone();
        after.lines[50] = "another".into();
        let (before, after) = (before.encode_to_vec(), after.encode_to_vec());
        let patch = Patch::between(&before, &after);
        assert_eq!(patch.apply(&before).unwrap(), after);
        assert!(patch.encoded_len() < 40, "{}", patch.encoded_len());
    }

    proptest! {
        #[test]
        fn a_patch_makes_exactly_the_new_state(
            before in proptest::collection::vec("[a-c]{0,2}", 0..8),
            after in proptest::collection::vec("[a-c]{0,2}", 0..8),
            city in "[a-c]{0,2}",
        ) {
            let before = Address { lines: before, city: "a".into(), ..Address::default() }.encode_to_vec();
            let after = Address { lines: after, city, ..Address::default() }.encode_to_vec();
            prop_assert_eq!(Patch::between(&before, &after).apply(&before), Some(after));
        }

        #[test]
        fn bytes_that_are_no_message_are_kept_as_well(before: Vec<u8>, after: Vec<u8>) {
            prop_assert_eq!(Patch::between(&before, &after).apply(&before), Some(after));
        }
    }
}
