//! Signatures of webhooks, checked over the raw bytes before anything else reads them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// Why the secrets cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecrets {
    /// A connector without a secret would believe anybody.
    #[error("a webhook needs at least one secret")]
    Missing,
    /// An empty secret is no secret.
    #[error("a webhook secret is empty")]
    Empty,
    /// Two are enough to change one for the other.
    #[error("a webhook takes at most two secrets: the current and the former")]
    TooMany,
}

/// The live secrets of one webhook: the current, and the former while it is being replaced.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Takes one or two secrets, none of them empty. Checked at start, so that no request meets an open door.
    pub fn new(secrets: Vec<SecretString>) -> Result<Self, BadSecrets> {
        if secrets.is_empty() {
            return Err(BadSecrets::Missing);
        }
        if secrets.len() > 2 {
            return Err(BadSecrets::TooMany);
        }
        if secrets.iter().any(|secret| secret.expose_secret().trim().is_empty()) {
            return Err(BadSecrets::Empty);
        }
        Ok(Self(secrets))
    }

    /// True when the signature is the base64 HMAC-SHA256 of the raw body under a live secret.
    /// Every secret is tried and compared in constant time, so the answer's time says nothing.
    #[must_use]
    pub fn verify_hmac_sha256_base64(&self, raw: &[u8], signature: &str) -> bool {
        let given = STANDARD.decode(signature.trim()).unwrap_or_default();
        let mut good = Choice::from(0);
        for secret in &self.0 {
            good |= given.as_slice().ct_eq(&hmac_sha256(secret, raw));
        }
        good.into()
    }

    /// True when one of the signatures is the lower-case hex HMAC-SHA256 of the parts, one after the other, under a live
    /// secret. Every secret is tried against every signature and compared in constant time.
    #[must_use]
    pub fn verify_hmac_sha256_hex(&self, parts: &[&[u8]], signatures: &[&str]) -> bool {
        let mut good = Choice::from(0);
        for secret in &self.0 {
            let expected = hex(&hmac_sha256_of(secret, parts));
            for given in signatures {
                good |= given.as_bytes().ct_eq(expected.as_bytes());
            }
        }
        good.into()
    }
}

fn hmac_sha256(secret: &SecretString, raw: &[u8]) -> Vec<u8> {
    hmac_sha256_of(secret, &[raw])
}

fn hmac_sha256_of(secret: &SecretString, parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return Vec::new(); // HMAC takes keys of any length: unreachable, and an empty digest equals no 32 bytes
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4231, test case 2.
    const BODY: &[u8] = b"what do ya want for nothing?";
    const SIGNATURE: &str = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";

    fn secrets(words: &[&str]) -> Result<Secrets, BadSecrets> {
        Secrets::new(words.iter().map(|word| SecretString::from(*word)).collect())
    }

    #[test]
    fn the_published_vector_is_accepted() {
        assert!(secrets(&["Jefe"]).unwrap().verify_hmac_sha256_base64(BODY, SIGNATURE));
    }

    #[test]
    fn either_live_secret_is_accepted_and_no_other() {
        assert!(secrets(&["new", "Jefe"]).unwrap().verify_hmac_sha256_base64(BODY, SIGNATURE));
        assert!(!secrets(&["new", "newer"]).unwrap().verify_hmac_sha256_base64(BODY, SIGNATURE));
    }

    #[test]
    fn one_changed_byte_or_a_broken_signature_is_refused() {
        let live = secrets(&["Jefe"]).unwrap();
        assert!(!live.verify_hmac_sha256_base64(b"what do ya want for nothing!", SIGNATURE));
        assert!(!live.verify_hmac_sha256_base64(BODY, "not base64"));
        assert!(!live.verify_hmac_sha256_base64(BODY, ""));
        assert!(!live.verify_hmac_sha256_base64(BODY, "W9zBRr9gdU5q"));
    }

    #[test]
    fn the_published_vector_is_accepted_in_hex_and_in_parts() {
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let live = secrets(&["new", "Jefe"]).unwrap();
        assert!(live.verify_hmac_sha256_hex(&parts, &["00", hex]));
        for none in [vec![], vec![""], vec!["00"], vec![&hex[1..]]] {
            assert!(!live.verify_hmac_sha256_hex(&parts, &none), "{none:?}");
        }
        assert!(!secrets(&["new"]).unwrap().verify_hmac_sha256_hex(&parts, &[hex]));
    }

    #[test]
    fn missing_empty_and_third_secrets_are_refused_at_start() {
        assert_eq!(secrets(&[]).unwrap_err(), BadSecrets::Missing);
        assert_eq!(secrets(&["a", " "]).unwrap_err(), BadSecrets::Empty);
        assert_eq!(secrets(&["a", "b", "c"]).unwrap_err(), BadSecrets::TooMany);
    }
}
