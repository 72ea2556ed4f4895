//! The headers that mean something to the gateway.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use retail_runtime::config::Span;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};

use crate::fault::Error;
use crate::routes::Route;
use crate::transcode::{Schema, put_bytes, text_of};

/// The Idempotency-Key: bare, or in double quotes as the IETF draft writes it.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| Error::KeyMalformed)?.trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let quoted = |byte: u8| bare.is_some() && matches!(byte, b'"' | b'\\');
    let key = bare.unwrap_or(text);
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic() && !quoted(byte));
    if values.next().is_some() || !visible || !(1..=255).contains(&key.len()) {
        return Err(Error::KeyMalformed);
    }
    Ok(Some(key))
}

/// Appends the key to the request, whose service wants one; it may also have come in the body.
pub(super) fn put_key(schema: &Schema, route: &Route, key: Option<&str>, out: &mut Vec<u8>) -> Result<(), Error> {
    if !route.needs_key() {
        return Ok(());
    }
    let field = route.rpc.key.and_then(|index| schema.message(route.rpc.input).fields.get(index));
    let Some(field) = field else { return Ok(()) };
    let in_body = text_of(out, field.number).filter(|text| !text.is_empty());
    match (key, in_body) {
        (None, None) => Err(Error::KeyMissing),
        (Some(key), Some(body)) if key != body => Err(Error::KeyTwice),
        (None, Some(body)) if body.len() > 255 || !body.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Error::KeyMalformed)
        }
        (_, Some(_)) => Ok(()),
        (Some(key), None) => {
            put_bytes(out, field.number, key.as_bytes());
            Ok(())
        }
    }
}

/// How long the caller wants to wait: `X-Request-Timeout: 5`, `5s` or `250ms`, never longer than we do.
pub(super) fn timeout(headers: &HeaderMap, longest: Duration) -> Result<Duration, Error> {
    let Some(value) = headers.get("x-request-timeout") else { return Ok(longest) };
    let text = value.to_str().map_err(|_| Error::TimeoutMalformed)?;
    let asked = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text.trim().parse::<Span>().map_err(|_| Error::TimeoutMalformed)?.get(),
    };
    if asked.is_zero() { Err(Error::TimeoutMalformed) } else { Ok(asked.min(longest)) }
}

/// True for `application/json`, with or without parameters.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Passes named headers on, every value of each.
pub(super) fn forward(names: &[String], headers: &HeaderMap, metadata: &mut MetadataMap) {
    for name in names {
        let Ok(key) = MetadataKey::from_bytes(name.as_bytes()) else { continue };
        for value in headers.get_all(name.as_str()) {
            if let Ok(value) = MetadataValue::try_from(value.as_bytes()) {
                metadata.append(key.clone(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_read_bare_and_quoted() {
        for text in ["\"8e03978e\"", "8e03978e", "  8e03978e "] {
            assert_eq!(key(&headers("idempotency-key", &[text])).unwrap(), Some("8e03978e"), "{text}");
        }
        assert_eq!(key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(key(&headers("idempotency-key", &[&"k".repeat(255)])).unwrap().unwrap().len(), 255);
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for text in ["", "\"\"", "a b", "\"a\"b\"", &"k".repeat(256)] {
            assert!(key(&headers("idempotency-key", &[text])).is_err(), "{text}");
        }
        assert!(key(&headers("idempotency-key", &["a", "b"])).is_err());
    }

    #[test]
    fn a_caller_may_shorten_the_wait_but_not_lengthen_it() {
        let longest = Duration::from_secs(30);
        let asked = |text: &str| timeout(&headers("x-request-timeout", &[text]), longest);
        assert_eq!(asked("5").unwrap(), Duration::from_secs(5));
        assert_eq!(asked("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(asked("2m").unwrap(), longest);
        assert_eq!(timeout(&HeaderMap::new(), longest).unwrap(), longest);
        for text in ["", "0", "soon", "-1", "1.5"] {
            assert!(asked(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_json_with_or_without_a_charset() {
        assert!(is_json(&headers("content-type", &["Application/JSON; charset=utf-8"])));
        assert!(!is_json(&headers("content-type", &["application/x-www-form-urlencoded"])));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn every_value_of_a_forwarded_header_is_passed_on() {
        let mut metadata = MetadataMap::new();
        forward(&["accept-language".to_owned()], &headers("accept-language", &["de", "en"]), &mut metadata);
        let values: Vec<_> = metadata.get_all("accept-language").iter().collect();
        assert_eq!(values, ["de", "en"]);
    }
}
