//! Record ids: 15 case-sensitive characters plus three that carry their case.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CASES: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 18-character id of the `number`-th record under a three-character key prefix.
pub(super) fn make(prefix: &str, number: i64) -> String {
    let mut left = number;
    let mut tail = [b'0'; 10];
    for slot in tail.iter_mut().rev() {
        *slot = digit(left % 62);
        left /= 62;
    }
    let mut id = format!("{prefix}SB");
    id.extend(tail.iter().map(|byte| char::from(*byte)));
    let sum = checksum(&id);
    id.push_str(&sum);
    id
}

/// Any accepted spelling of an id as 18 characters; `None` when it cannot be an id.
pub(super) fn canonical(given: &str) -> Option<String> {
    if !given.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match given.len() {
        15 => Some(format!("{given}{}", checksum(given))),
        18 => {
            let (head, tail) = given.split_at_checked(15)?;
            // The three letters restore the case of the rest, so their own case does not matter.
            checksum(head).eq_ignore_ascii_case(tail).then(|| format!("{head}{}", checksum(head)))
        }
        _ => None,
    }
}

fn checksum(fifteen: &str) -> String {
    let bytes = fifteen.as_bytes();
    bytes
        .chunks(5)
        .map(|group| {
            let bits = group
                .iter()
                .enumerate()
                .fold(0usize, |bits, (at, byte)| if byte.is_ascii_uppercase() { bits | (1 << at) } else { bits });
            char::from(CASES.get(bits).copied().unwrap_or(b'A'))
        })
        .collect()
}

fn digit(value: i64) -> u8 {
    usize::try_from(value).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_vendors() {
        assert_eq!(canonical("0015f00002JUXA8").unwrap(), "0015f00002JUXA8AAP");
    }

    #[test]
    fn both_spellings_of_an_id_mean_the_same_record() {
        let id = make("001", 61_999_123);
        assert_eq!(id.len(), 18);
        assert_eq!(canonical(&id).unwrap(), id);
        assert_eq!(canonical(id.get(..15).unwrap()).unwrap(), id);
    }

    #[test]
    fn an_id_with_wrong_case_is_refused() {
        assert_eq!(canonical("0015F00002JUXA8AAP"), None);
        assert_eq!(canonical("A-1"), None);
    }
}
