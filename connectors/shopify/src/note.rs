//! Our id of a refund in the shop's note: `worn at the seams [weft:R-17]`. People read the words, we read the end; a
//! refund can be found by it for as long as the shop keeps the order, long after its idempotency key is forgotten.

const OPEN: &str = "[weft:";
const CLOSE: char = ']';

/// Longest reference.
const LONGEST: usize = 100;

/// True when the text can stand in a note and be read back.
pub(crate) fn is_reference(text: &str) -> bool {
    let plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'[' && byte != b']';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

/// The words with the reference behind them.
pub(crate) fn mark(words: &str, reference: &str) -> String {
    let words = words.trim();
    let space = if words.is_empty() { "" } else { " " };
    format!("{words}{space}{OPEN}{reference}{CLOSE}")
}

/// The words and the reference of a note; one of somebody else has none.
pub(crate) fn read(note: &str) -> (&str, Option<&str>) {
    let note = note.trim();
    let marked = note.strip_suffix(CLOSE).and_then(|open| open.rsplit_once(OPEN));
    match marked.filter(|(_, reference)| is_reference(reference)) {
        Some((words, reference)) => (words.trim_end(), Some(reference)),
        None => (note, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_note_of_people_has_no_reference() {
        for note in ["", "worn", "see [17]", "[weft:]", "[weft:a b]", "[weft:R-1] and more"] {
            assert_eq!(read(note), (note, None));
        }
    }

    #[test]
    fn words_may_speak_of_another_refund() {
        let note = mark("instead of [weft:R-1]", "R-2");
        assert_eq!(read(&note), ("instead of [weft:R-1]", Some("R-2")));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(words in "[ -~äöü]{0,40}", reference in "[!-Z^-~]{1,100}") {
            let note = mark(&words, &reference);
            prop_assert_eq!(read(&note), (words.trim(), Some(reference.as_str())));
        }
    }
}
