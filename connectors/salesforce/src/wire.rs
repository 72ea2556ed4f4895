//! Salesforce's JSON exactly as it is spelt, v66.0. REST API Developer Guide: "Composite", "Query", "Status Codes and
//! Error Responses".

pub(crate) mod availability;
pub(crate) mod service;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// `POST /composite`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Composite {
    pub(crate) all_or_none: bool,
    pub(crate) collate_subrequests: bool,
    pub(crate) composite_request: Vec<Subrequest>,
}

/// One link of a composite.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subrequest {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) reference_id: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) body: Value,
}

/// What `/composite` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Composed {
    pub(crate) composite_response: Vec<Entry>,
}

/// The answer to one link.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    #[serde(default)]
    pub(crate) body: Value,
    pub(crate) http_status_code: u16,
    pub(crate) reference_id: String,
}

/// A saved record.
#[derive(Debug, Deserialize)]
pub(crate) struct Saved {
    pub(crate) id: String,
    pub(crate) success: bool,
}

/// One error of the REST array; collections say `statusCode`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct VendorError {
    #[serde(rename = "errorCode", alias = "statusCode", default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// `POST /services/oauth2/token`, granted.
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: String,
    #[serde(default)]
    pub(crate) instance_url: String,
}

/// `POST /services/oauth2/token`, refused.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NotGranted {
    #[serde(default)]
    pub(crate) error: String,
    #[serde(default)]
    pub(crate) error_description: String,
}

/// `GET /query`.
#[derive(Debug, Deserialize)]
pub(crate) struct Found<T> {
    /// False when the service has more pages.
    pub(crate) done: bool,
    pub(crate) records: Vec<T>,
}

/// A parent by its external id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: Option<String>,
}

/// What we write of an Account. Absent members leave alone what agents typed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_country: Option<String>,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
}

/// What we write of a Contact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Contact {
    pub(crate) last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mailing_street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mailing_city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mailing_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mailing_postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mailing_country: Option<String>,
    pub(crate) account: Key,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
}

/// What we write of an `Order_Context__c`. It is all ours: null clears.
#[derive(Debug, Serialize)]
pub(crate) struct OrderContext {
    #[serde(rename = "Order_Number__c")]
    pub(crate) order_number: String,
    #[serde(rename = "Account__r")]
    pub(crate) account: Key,
    #[serde(rename = "Contact__r", skip_serializing_if = "Option::is_none")]
    pub(crate) contact: Option<Key>,
    #[serde(rename = "Status__c")]
    pub(crate) status: String,
    #[serde(rename = "Next__c")]
    pub(crate) next: Option<String>,
    #[serde(rename = "Cause__c")]
    pub(crate) cause: Option<String>,
    #[serde(rename = "Total__c")]
    pub(crate) total: Number,
    #[serde(rename = "Currency__c")]
    pub(crate) currency: String,
    #[serde(rename = "Erp_Number__c")]
    pub(crate) erp_number: Option<String>,
    #[serde(rename = "Invoice_Numbers__c")]
    pub(crate) invoice_numbers: Option<String>,
    #[serde(rename = "Tracking_Numbers__c")]
    pub(crate) tracking_numbers: Option<String>,
    #[serde(rename = "Placed_At__c")]
    pub(crate) placed_at: String,
    #[serde(rename = "Line_Count__c")]
    pub(crate) line_count: i32,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
}

/// What we read of an `Order_Context__c`.
#[derive(Debug, Deserialize)]
pub(crate) struct OrderContextRow {
    #[serde(rename = "Id")]
    pub(crate) id: String,
    #[serde(rename = "Name")]
    pub(crate) name: Option<String>,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: String,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: Option<Number>,
    #[serde(rename = "Order_Number__c")]
    pub(crate) order_number: Option<String>,
    #[serde(rename = "Account__r")]
    pub(crate) account: Option<Key>,
    #[serde(rename = "Status__c")]
    pub(crate) status: Option<String>,
    #[serde(rename = "Next__c")]
    pub(crate) next: Option<String>,
    #[serde(rename = "Cause__c")]
    pub(crate) cause: Option<String>,
    #[serde(rename = "Total__c")]
    pub(crate) total: Option<Number>,
    #[serde(rename = "Currency__c")]
    pub(crate) currency: Option<String>,
    #[serde(rename = "Erp_Number__c")]
    pub(crate) erp_number: Option<String>,
    #[serde(rename = "Invoice_Numbers__c")]
    pub(crate) invoice_numbers: Option<String>,
    #[serde(rename = "Tracking_Numbers__c")]
    pub(crate) tracking_numbers: Option<String>,
    #[serde(rename = "Placed_At__c")]
    pub(crate) placed_at: Option<String>,
    #[serde(rename = "Line_Count__c")]
    pub(crate) line_count: Option<Number>,
}

/// The columns of [`OrderContextRow`], as SOQL wants them.
pub(crate) const ORDER_CONTEXT_COLUMNS: &str = "Id, Name, Mesh_Id__c, Mesh_Version__c, Order_Number__c, Account__r.Mesh_Id__c, Status__c, \
     Next__c, Cause__c, Total__c, Currency__c, Erp_Number__c, Invoice_Numbers__c, Tracking_Numbers__c, Placed_At__c, Line_Count__c";

/// Only the id of a record.
#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    #[serde(rename = "Id")]
    pub(crate) id: String,
}
