//! One row of SuiteQL: every value is a string, nulls are left out.

use std::collections::BTreeMap;

use retail_proto::{Currency, Decimal, Money, Quantity};
use serde_json::Value;

use crate::fault::Error;

/// A row with its question's name, for complaints.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    operation: &'static str,
    columns: BTreeMap<String, Value>,
}

impl Row {
    pub(crate) fn new(operation: &'static str, columns: BTreeMap<String, Value>) -> Self {
        Self { operation, columns }
    }

    /// Text; empty for null.
    pub(crate) fn text(&self, column: &str) -> String {
        match self.columns.get(column) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        }
    }

    /// An internal id.
    pub(crate) fn id(&self, column: &str) -> Result<i64, Error> {
        self.optional_id(column)?.ok_or_else(|| self.wrong(column))
    }

    /// An internal id that may be null.
    pub(crate) fn optional_id(&self, column: &str) -> Result<Option<i64>, Error> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| self.wrong(column))
    }

    /// `T` or `F`; null is false.
    pub(crate) fn flag(&self, column: &str) -> bool {
        self.text(column) == "T"
    }

    /// A decimal; zero for null.
    pub(crate) fn decimal(&self, column: &str) -> Result<Decimal, Error> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(Decimal::ZERO);
        }
        decimal(&text).ok_or_else(|| self.wrong(column))
    }

    /// A quantity without its sign: sales quantities are negative in SuiteQL.
    pub(crate) fn quantity(&self, column: &str) -> Result<Quantity, Error> {
        let number = self.decimal(column)?.abs();
        number.normalize().to_string().parse().map_err(|_| self.wrong(column))
    }

    /// An amount in a currency.
    pub(crate) fn money(&self, column: &str, currency: Currency) -> Result<Money, Error> {
        Money::exact(self.decimal(column)?.normalize(), currency).map_err(|_| self.wrong(column))
    }

    fn wrong(&self, column: &str) -> Error {
        Error::Unreadable { operation: self.operation, why: format!("column {column} is missing or malformed") }
    }
}

/// A decimal as NetSuite may write it, exponent included.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        Row::new("test", BTreeMap::from([("x".to_owned(), value)]))
    }

    #[test]
    fn quantities_lose_their_sign_and_trailing_zeros() {
        assert_eq!(row(json!("-2.0")).quantity("x").unwrap().to_string(), "2");
        assert_eq!(row(json!("1E-3")).quantity("x").unwrap().to_string(), "0.001");
        assert_eq!(row(json!(null)).quantity("x").unwrap(), Quantity::ZERO);
        assert!(row(json!("many")).quantity("x").is_err());
    }

    #[test]
    fn amounts_are_exact() {
        let gbp = "GBP".parse().unwrap();
        assert_eq!(row(json!("-12.5")).money("x", gbp).unwrap().minor(), -1250);
        assert!(row(json!("0.001")).money("x", gbp).is_err());
    }

    #[test]
    fn a_missing_id_is_told_and_never_guessed() {
        assert!(row(json!("")).id("x").is_err());
        assert_eq!(row(json!("4711")).id("x").unwrap(), 4711);
    }
}
