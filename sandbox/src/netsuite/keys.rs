//! Public keys as PEM, and the signatures they vouch for (RFC 5280 and RFC 7518).

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

/// A key the token endpoint can check signatures with.
pub(super) struct PublicKey {
    rsa: bool,
    bits: Vec<u8>,
}

/// DER of a P-256 public key up to its point.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// DER content of the object identifier rsaEncryption.
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

impl PublicKey {
    /// Reads `BEGIN PUBLIC KEY` or `BEGIN CERTIFICATE`; nothing when it is neither.
    pub(super) fn from_pem(pem: &str) -> Option<PublicKey> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(body).ok()?;
        let (_, outer, _) = element(&der)?;
        if !pem.contains("BEGIN CERTIFICATE") {
            return PublicKey::from_info(outer);
        }
        let (_, tbs, _) = element(outer)?;
        let mut rest = tbs;
        // An optional version, then serial, algorithm, issuer, validity, subject; the key information follows.
        let mut skip = if tbs.first() == Some(&0xa0) { 6 } else { 5 };
        while skip > 0 {
            rest = element(rest)?.2;
            skip -= 1;
        }
        PublicKey::from_info(element(rest)?.1)
    }

    fn from_info(info: &[u8]) -> Option<PublicKey> {
        let (_, algorithm, rest) = element(info)?;
        let (_, name, _) = element(algorithm)?;
        let (_, bits, _) = element(rest)?;
        Some(PublicKey { rsa: name == RSA, bits: bits.get(1..)?.to_vec() })
    }

    /// Does the signature fit? `None` when the algorithm is not one this key or the vendor knows.
    pub(super) fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        // ES512 (P-521) is in the vendor's list but not in ring's.
        let check: &'static dyn VerificationAlgorithm = match (algorithm, self.rsa, self.bits.len()) {
            ("PS256", true, _) => &signature::RSA_PSS_2048_8192_SHA256,
            ("PS384", true, _) => &signature::RSA_PSS_2048_8192_SHA384,
            ("PS512", true, _) => &signature::RSA_PSS_2048_8192_SHA512,
            ("ES256", false, 65) => &signature::ECDSA_P256_SHA256_FIXED,
            ("ES384", false, 97) => &signature::ECDSA_P384_SHA384_FIXED,
            _ => return None,
        };
        Some(UnparsedPublicKey::new(check, &self.bits).verify(message, signature).is_ok())
    }
}

/// A P-256 point as `BEGIN PUBLIC KEY`.
pub(super) fn p256_pem(point: &[u8]) -> String {
    pem("PUBLIC KEY", &[&P256_HEAD, point].concat())
}

/// DER as PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (place, letter) in STANDARD.encode(der).chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0_usize, |sum, digit| sum * 256 + usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}
