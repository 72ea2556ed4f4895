//! Signed assertions for token endpoints (RFC 7523).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The text is not one PKCS#8 private key in PEM.
    #[error("the key is not a PKCS#8 private key in PEM (BEGIN PRIVATE KEY)")]
    NotPem,
    /// The key does not fit the algorithm.
    #[error("the key does not fit {0}")]
    WrongKey(&'static str),
    /// The key could not sign.
    #[error("cannot sign the assertion")]
    Sign,
}

enum Key {
    Ec(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

/// A private key that signs assertions. Its randomness is the system's: ring takes no other.
pub struct Signer {
    algorithm: Algorithm,
    key_id: String,
    key: Key,
    random: SystemRandom,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a PKCS#8 key in PEM; `key_id` becomes the header's `kid`, empty for none.
    pub fn new(algorithm: Algorithm, key_id: &str, pem: &SecretString) -> Result<Self, JwtError> {
        Self::from_der(algorithm, key_id, &der(pem.expose_secret())?)
    }

    /// Takes a PKCS#8 key in DER.
    pub fn from_der(algorithm: Algorithm, key_id: &str, der: &[u8]) -> Result<Self, JwtError> {
        let random = SystemRandom::new();
        let wrong = JwtError::WrongKey(algorithm.name());
        let rsa = |padding: &'static dyn RsaEncoding| {
            RsaKeyPair::from_pkcs8(der).map(|pair| Key::Rsa(Box::new(pair), padding)).map_err(|_| wrong)
        };
        let key = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)
                .map(|pair| Key::Ec(Box::new(pair)))
                .map_err(|_| wrong)?,
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256)?,
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256)?,
        };
        Ok(Self { algorithm, key_id: key_id.to_owned(), key, random })
    }

    /// Signs the claims as a compact JWT.
    pub fn sign(&self, claims: &Value) -> Result<SecretString, JwtError> {
        let mut header = json!({ "typ": "JWT", "alg": self.algorithm.name() });
        if let Some(fields) = header.as_object_mut().filter(|_| !self.key_id.is_empty()) {
            fields.insert("kid".to_owned(), Value::from(self.key_id.as_str()));
        }
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.signature(signed.as_bytes())?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, JwtError> {
        match &self.key {
            Key::Ec(pair) => {
                pair.sign(&self.random, message).map(|made| made.as_ref().to_vec()).map_err(|_| JwtError::Sign)
            }
            Key::Rsa(pair, padding) => {
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, &self.random, message, &mut made).map_err(|_| JwtError::Sign)?;
                Ok(made)
            }
        }
    }
}

fn der(pem: &str) -> Result<Vec<u8>, JwtError> {
    let inner = pem.split_once("-----BEGIN PRIVATE KEY-----").ok_or(JwtError::NotPem)?.1;
    let inner = inner.split_once("-----END PRIVATE KEY-----").ok_or(JwtError::NotPem)?.0;
    let dense: String = inner.chars().filter(|letter| !letter.is_whitespace()).collect();
    STANDARD.decode(dense).map_err(|_| JwtError::NotPem)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    use super::*;

    fn pem() -> (SecretString, Vec<u8>) {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
        let text =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(key.as_ref()));
        (SecretString::from(text), pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn an_es256_assertion_verifies_under_its_public_key() {
        let (pem, public) = pem();
        let token = Signer::new(Algorithm::Es256, "cert-1", &pem).unwrap().sign(&json!({ "iss": "me" })).unwrap();
        let token = token.expose_secret();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed.as_bytes(), &signature).unwrap();
        let header = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().0).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256", "kid": "cert-1" }));
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused_at_start() {
        let (pem, _) = pem();
        assert_eq!(Signer::new(Algorithm::Ps256, "", &pem).unwrap_err(), JwtError::WrongKey("PS256"));
        assert_eq!(Signer::new(Algorithm::Es256, "", &"nonsense".into()).unwrap_err(), JwtError::NotPem);
    }
}
