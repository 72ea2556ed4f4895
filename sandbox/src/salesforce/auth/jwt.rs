//! JWT bearer assertions: RS256 over the key an app's owner uploaded.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

/// How far ahead an assertion may expire: three minutes are documented, clients take five.
pub(super) const FURTHEST_SECONDS: i64 = 360;

/// What an assertion claims.
pub(super) struct Assertion {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    /// Unix seconds.
    pub(super) expires: i64,
    signed: String,
    signature: Vec<u8>,
}

impl Assertion {
    /// Reads an assertion; `None` when it is not one or not RS256.
    pub(super) fn read(text: &str) -> Option<Assertion> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (header, claims) = (json(header)?, json(claims)?);
        if header.get("alg")?.as_str()? != "RS256" {
            return None;
        }
        let claim = |name: &str| Some(claims.get(name)?.as_str()?.to_owned());
        let expires = claims.get("exp")?;
        Some(Assertion {
            issuer: claim("iss")?,
            subject: claim("sub")?,
            audience: claim("aud")?,
            // Some clients send the number as text.
            expires: expires.as_i64().or_else(|| expires.as_str()?.parse().ok())?,
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Whether the key in this PEM (public key or certificate) made the signature.
    pub(super) fn is_signed_by(&self, pem: &str) -> bool {
        rsa_key(pem).is_some_and(|key| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                .verify(self.signed.as_bytes(), &self.signature)
                .is_ok()
        })
    }
}

/// The PKCS #1 key inside a PEM block.
fn rsa_key(pem: &str) -> Option<Vec<u8>> {
    let text: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(text).ok()?;
    let (tag, outer, _) = element(&der)?;
    if tag != SEQUENCE {
        return None;
    }
    if pem.contains("BEGIN RSA PUBLIC KEY") {
        return Some(der);
    }
    if pem.contains("BEGIN CERTIFICATE") {
        return in_info(certified(outer)?);
    }
    in_info(outer)
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;

/// Key info of a certificate: after version, serial, algorithm, issuer, validity and subject (RFC 5280, 4.1).
fn certified(certificate: &[u8]) -> Option<&[u8]> {
    let (_, mut rest, _) = element(certificate)?;
    let (first, _, after) = element(rest)?;
    if first == VERSION {
        rest = after;
    }
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    element(rest).map(|(_, info, _)| info)
}

/// The bit string of a SubjectPublicKeyInfo.
fn in_info(info: &[u8]) -> Option<Vec<u8>> {
    let (_, _, rest) = element(info)?;
    let (tag, bits, _) = element(rest)?;
    match bits.split_first()? {
        (0, key) if tag == BIT_STRING => Some(key.to_vec()),
        _ => None,
    }
}

/// One DER element: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let digits = length - 0x80;
        if digits > 4 {
            return None;
        }
        length = rest.get(..digits)?.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit));
        rest = rest.get(digits..)?;
    }
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}
