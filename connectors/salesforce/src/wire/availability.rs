//! What may be sold of an item at a place, as the org spells it: an object of Weft's package.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::service::Attributes;

/// What we write of an `Availability__c`.
#[derive(Debug, Serialize)]
pub(crate) struct Availability {
    pub(crate) attributes: Attributes,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: String,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
    #[serde(rename = "Sku__c")]
    pub(crate) sku: String,
    #[serde(rename = "Location__c")]
    pub(crate) location: String,
    #[serde(rename = "Available__c")]
    pub(crate) available: i64,
    #[serde(rename = "As_Of__c")]
    pub(crate) as_of: String,
}

/// What we read of an `Availability__c`. Its columns but the id may be empty: people may change them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AvailabilityRow {
    #[serde(rename = "Id")]
    pub(crate) id: String,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: Option<String>,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: Option<Number>,
    #[serde(rename = "Sku__c")]
    pub(crate) sku: Option<String>,
    #[serde(rename = "Location__c")]
    pub(crate) location: Option<String>,
    #[serde(rename = "Available__c")]
    pub(crate) available: Option<Number>,
    #[serde(rename = "As_Of__c")]
    pub(crate) as_of: Option<String>,
}

/// The columns of [`AvailabilityRow`], as SOQL wants them.
pub(crate) const AVAILABILITY_COLUMNS: &str =
    "Id, Mesh_Id__c, Mesh_Version__c, Sku__c, Location__c, Available__c, As_Of__c";
