//! Refusals in the vendor's shapes. REST API Developer Guide, "Status Codes and Error Responses".

use serde_json::{Value, json};

/// One refusal: an HTTP status, the vendor's code, words, and the fields it speaks of.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<String>,
    /// The body of a duplicate rule's refusal, under the vendor's misspelt key.
    pub(super) duplicate: Option<Box<Value>>,
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Problem { status, code, message: message.into(), fields: Vec::new(), duplicate: None }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Problem::new(400, code, message)
    }

    pub(super) fn missing() -> Self {
        Problem::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn no_column(field: &str, object: &str) -> Self {
        Problem::bad("INVALID_FIELD", format!("No such column '{field}' on sobject of type {object}"))
    }

    pub(super) fn deleted() -> Self {
        Problem::new(404, "ENTITY_IS_DELETED", "entity is deleted")
    }

    pub(super) fn method(method: &http::Method) -> Self {
        Problem::new(
            405,
            "METHOD_NOT_ALLOWED",
            format!("HTTP Method '{method}' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE"),
        )
    }

    pub(super) fn unreadable(what: &str, value: &Value) -> Self {
        let kind = match value {
            Value::Null => "VALUE_NULL",
            Value::Bool(true) => "VALUE_TRUE",
            Value::Bool(false) => "VALUE_FALSE",
            Value::Number(number) if number.is_i64() || number.is_u64() => "VALUE_NUMBER_INT",
            Value::Number(_) => "VALUE_NUMBER_FLOAT",
            Value::String(_) => "VALUE_STRING",
            Value::Array(_) => "START_ARRAY",
            Value::Object(_) => "START_OBJECT",
        };
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Problem::bad(
            "JSON_PARSER_ERROR",
            format!(
                "Cannot deserialize instance of {what} from {kind} value {shown} or request may be missing a required field at [line:1, column:1]"
            ),
        )
    }

    pub(super) fn on(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }

    /// The array a single-record call answers with.
    pub(super) fn rest(&self) -> Value {
        match &self.duplicate {
            // Spelt without the `l`, as the service spells it.
            Some(found) => json!([{"duplicateResut": found, "errorCode": self.code, "message": self.message}]),
            None if self.fields.is_empty() => json!([{"message": self.message, "errorCode": self.code}]),
            None => json!([{"message": self.message, "errorCode": self.code, "fields": self.fields}]),
        }
    }

    /// One entry of a collections answer, where the member is called `statusCode`.
    pub(super) fn collected(&self) -> Value {
        json!({"success": false, "errors": [{"statusCode": self.code, "message": self.message, "fields": self.fields}]})
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(err: rusqlite::Error) -> Self {
        tracing::error!(%err, "the salesforce twin's books failed");
        Problem::new(
            500,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred. Please include this ErrorId if you contact support: 0",
        )
    }
}
