//! Shopify's JSON exactly as it is spelt; nothing else. Webhook bodies have the shapes of the old REST API, calls those
//! of the GraphQL Admin API 2026-10.

pub(crate) mod admin;
pub(crate) mod changing;
pub(crate) mod editing;
pub(crate) mod event;
pub(crate) mod money;
pub(crate) mod order;
pub(crate) mod returning;
pub(crate) mod sold;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// A decimal number as text. Amounts come as strings, rates as numbers; both are read through their text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digits(pub(crate) String);

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Ok(Self(text.trim().to_owned())),
            Value::Number(number) => Ok(Self(number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(D::Error::custom("expected a decimal number, as text or bare"))
            }
        }
    }
}

/// A list that the shop may write as `null`.
pub(crate) fn listed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(from)?.unwrap_or_default())
}

/// A text that the shop may write as `null`.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| text.trim().to_owned()).unwrap_or_default())
}

/// A flag that the shop may write as `null`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or_default())
}
