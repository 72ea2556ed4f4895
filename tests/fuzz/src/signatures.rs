//! Signatures and keys: nothing is believed that is not right, and what is right is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use retail_connect::jwt::{Algorithm, Signer};
use retail_connect::webhook::Secrets;
use retail_runtime::config::ExposeSecret as _;
use serde_json::json;
use sha2::Sha256;

fn mac(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// A signature, a line's end, a body; `@` and `#` in the signature stand for the right one in base64 and in hex.
pub(crate) fn signature(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (given, body) = (String::from_utf8_lossy(&data[..end]), data.get(end + 1..).unwrap_or_default());
    let right = mac("current", body);
    let hex: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
    let given = given.replace('@', &STANDARD.encode(&right)).replace('#', &hex);
    let secrets = Secrets::new(vec!["former".into(), "current".into()]).unwrap();

    let known = STANDARD.decode(given.trim()).is_ok_and(|bytes| bytes == right || bytes == mac("former", body));
    assert_eq!(secrets.verify_hmac_sha256_base64(body, &given), known, "{given:?}");
    let signatures: Vec<&str> = given.split(',').collect();
    let known = signatures.iter().any(|one| *one == hex);
    let (front, back) = body.split_at(body.len() / 2);
    assert_eq!(secrets.verify_hmac_sha256_hex(&[front, back], &signatures), known, "{given:?}");

    let mut other = body.to_vec();
    other.push(0);
    assert!(!secrets.verify_hmac_sha256_base64(&other, &STANDARD.encode(&right)));
    assert!(!secrets.verify_hmac_sha256_hex(&[&other], &[&hex]));
}

/// A private key in PEM, of each algorithm; `-----` and the lines around it are put there when the input has none.
pub(crate) fn keys(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pem = if text.contains("-----") {
        text.into_owned()
    } else {
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    };
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256] {
        if let Ok(signer) = Signer::new(algorithm, "k", &pem.as_str().into()) {
            let token = signer.sign(&json!({"iss": "weft"})).unwrap();
            assert_eq!(token.expose_secret().split('.').count(), 3);
        }
        let _refused = Signer::from_der(algorithm, "k", data);
    }
}
