//! `Stripe-Signature`: a time and signatures of the time and the raw body ("Verify webhook signatures manually").

use retail_connect::webhook::Secrets;

/// Signatures of one header that are looked at; Stripe sends one for each live secret.
const MOST: usize = 8;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// No header, or none that reads.
    Unsigned,
    /// No signature fits.
    Forged,
    /// Signed too long ago: perhaps somebody recorded it.
    Stale,
}

/// Believes a body that was signed with a live secret and not too long ago. A time in the future is believed: clocks
/// differ, and nobody but the holder of the secret can write it.
pub(crate) fn verify(
    secrets: &Secrets,
    header: &str,
    body: &[u8],
    now_seconds: i64,
    tolerance_seconds: i64,
) -> Result<(), Doubt> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => time = time.or(Some(value)),
            Some(("v1", value)) if signatures.len() < MOST => signatures.push(value),
            // Other schemes are not ours: `v0` is made for tests.
            Some(_) | None => {}
        }
    }
    let (Some(time), false) = (time, signatures.is_empty()) else { return Err(Doubt::Unsigned) };
    // The time is signed as it is written, so that `007` and `7` are two.
    if !secrets.verify_hmac_sha256_hex(&[time.as_bytes(), b".", body], &signatures) {
        return Err(Doubt::Forged);
    }
    let signed: i64 = time.parse().map_err(|_| Doubt::Unsigned)?;
    if signed < now_seconds.saturating_sub(tolerance_seconds) {
        return Err(Doubt::Stale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made and accepted by stripe 16.1.0 (PyPI): `WebhookSignature.verify_header`.
    const SECRET: &str = "whsec_test_secret";
    const TIME: i64 = 1_763_888_888;
    const BODY: &[u8] = b"{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}";
    const SIGNATURE: &str = "5259c2c204a408e940ad9b3e7da17a713c288428b15432f9a6fb6e032ba2c2f2";

    fn secrets(words: &[&str]) -> Secrets {
        Secrets::new(words.iter().map(|word| (*word).into()).collect()).unwrap()
    }

    fn judged(words: &[&str], header: &str, body: &[u8], now: i64) -> Result<(), Doubt> {
        verify(&secrets(words), header, body, now, 300)
    }

    #[test]
    fn the_known_answer_is_believed_under_either_live_secret() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        assert_eq!(judged(&[SECRET], &header, BODY, TIME), Ok(()));
        assert_eq!(judged(&["whsec_new", SECRET], &header, BODY, TIME + 300), Ok(()));
        assert_eq!(judged(&["whsec_new"], &header, BODY, TIME), Err(Doubt::Forged));
    }

    #[test]
    fn several_signatures_may_stand_in_one_header_and_unknown_schemes_are_passed_over() {
        let other = "0".repeat(64);
        let header = format!("t={TIME},v0={other},v1={other}, v1={SIGNATURE},v2=x");
        assert_eq!(judged(&[SECRET], &header, BODY, TIME), Ok(()));
        let only_v0 = format!("t={TIME},v0={SIGNATURE}");
        assert_eq!(judged(&[SECRET], &only_v0, BODY, TIME), Err(Doubt::Unsigned));
    }

    #[test]
    fn one_changed_byte_another_time_or_a_body_written_anew_is_forged() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        assert_eq!(judged(&[SECRET], &header, br#"{"id":"evt_1","object":"event"}"#, TIME), Err(Doubt::Forged));
        let later = format!("t={},v1={SIGNATURE}", TIME + 1);
        assert_eq!(judged(&[SECRET], &later, BODY, TIME), Err(Doubt::Forged));
        let upper = format!("t={TIME},v1={}", SIGNATURE.to_uppercase());
        assert_eq!(judged(&[SECRET], &upper, BODY, TIME), Err(Doubt::Forged));
    }

    #[test]
    fn an_old_signature_is_stale_and_one_of_a_fast_clock_is_not() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        assert_eq!(judged(&[SECRET], &header, BODY, TIME + 301), Err(Doubt::Stale));
        assert_eq!(judged(&[SECRET], &header, BODY, TIME - 3_600), Ok(()));
    }

    #[test]
    fn what_does_not_read_is_unsigned() {
        for header in ["", "t=1", "v1=00", "garbage", "t,v1", "=,="] {
            assert_eq!(judged(&[SECRET], header, BODY, TIME), Err(Doubt::Unsigned), "{header}");
        }
    }
}
