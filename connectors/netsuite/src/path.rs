//! Addresses of records.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters and the colon that NetSuite's own samples leave as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// Path of a record by external id: `eid:VALUE`, percent-encoded ("External ids and upsert").
pub(crate) fn eid(record: &str, prefix: &str, id: &str) -> String {
    format!("/{record}/eid:{}", utf8_percent_encode(&format!("{prefix}{id}"), SEGMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_path_segment() {
        assert_eq!(eid("salesOrder", "SO:", "a/b?c#d"), "/salesOrder/eid:SO:a%2Fb%3Fc%23d");
    }
}
