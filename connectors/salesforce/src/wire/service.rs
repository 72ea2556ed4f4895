//! Cases, milestones and returns as the org spells them. Object Reference: "Case", "ReturnOrder", "ReturnOrderLineItem";
//! what ends in `__c` is of Weft's package.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::Key;

/// `PATCH /composite/sobjects/{object}/{key}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Collection<T> {
    pub(crate) all_or_none: bool,
    pub(crate) records: Vec<T>,
}

/// Which object a record of a collection is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Attributes {
    pub(crate) r#type: &'static str,
}

/// What we write of a `Case_Milestone_Event__c`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Milestone {
    pub(crate) attributes: Attributes,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: String,
    #[serde(rename = "Case__c")]
    pub(crate) case: String,
    #[serde(rename = "Kind__c")]
    pub(crate) kind: String,
    #[serde(rename = "Happened_At__c")]
    pub(crate) happened_at: String,
    #[serde(rename = "Detail__c")]
    pub(crate) detail: String,
    #[serde(rename = "Order_Mesh_Id__c")]
    pub(crate) order: Option<String>,
    #[serde(rename = "Return_Mesh_Id__c")]
    pub(crate) r#return: Option<String>,
    #[serde(rename = "Document_Number__c")]
    pub(crate) document_number: Option<String>,
    #[serde(rename = "Amount__c")]
    pub(crate) amount: Option<Number>,
    #[serde(rename = "Currency__c")]
    pub(crate) currency: Option<String>,
}

/// What we write of a return. It is all ours: null clears.
#[derive(Debug, Serialize)]
pub(crate) struct ReturnHead {
    #[serde(flatten)]
    pub(crate) links: ReturnLinks,
    #[serde(rename = "Order_Ref__c")]
    pub(crate) order: Option<String>,
    #[serde(rename = "Order_Mesh_Ids__c")]
    pub(crate) order_refs: Option<String>,
    #[serde(rename = "Rma_Number__c")]
    pub(crate) rma_number: Option<String>,
    #[serde(rename = "Status__c")]
    pub(crate) status: String,
    #[serde(rename = "Next__c")]
    pub(crate) next: Option<String>,
    #[serde(rename = "Cause__c")]
    pub(crate) cause: Option<String>,
    #[serde(rename = "Credited__c")]
    pub(crate) credited: Option<Number>,
    #[serde(rename = "Refunded__c")]
    pub(crate) refunded: Option<Number>,
    #[serde(rename = "Currency__c")]
    pub(crate) currency: Option<String>,
    #[serde(rename = "Credit_Memo_Numbers__c")]
    pub(crate) credit_memo_numbers: Option<String>,
    #[serde(rename = "Requested_At__c")]
    pub(crate) requested_at: String,
    #[serde(rename = "Line_Count__c")]
    pub(crate) line_count: usize,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
}

/// Where a return hangs, by the ids of its parents.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ReturnLinks {
    /// `Return__c`.
    Custom {
        #[serde(rename = "Account__c")]
        account: Option<String>,
        #[serde(rename = "Contact__c")]
        contact: Option<String>,
        #[serde(rename = "Case__c")]
        case: Option<String>,
    },
    /// `ReturnOrder`.
    Standard {
        #[serde(rename = "AccountId")]
        account: Option<String>,
        #[serde(rename = "ContactId")]
        contact: Option<String>,
        #[serde(rename = "CaseId")]
        case: Option<String>,
        /// Of a new one alone: later it is the agents'.
        #[serde(rename = "Status", skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
}

/// What we write of a line of a return.
#[derive(Debug, Serialize)]
pub(crate) struct ReturnLine {
    pub(crate) attributes: Attributes,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: String,
    #[serde(rename = "Mesh_Version__c")]
    pub(crate) mesh_version: u64,
    #[serde(rename = "Number__c")]
    pub(crate) number: i32,
    #[serde(rename = "Sku__c")]
    pub(crate) sku: String,
    #[serde(rename = "Reason__c")]
    pub(crate) reason: Option<String>,
    #[serde(rename = "Cause__c")]
    pub(crate) cause: Option<String>,
    #[serde(flatten)]
    pub(crate) what: ReturnWhat,
}

/// What the two models of a line spell differently. The master is set once and never again.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ReturnWhat {
    /// `Return_Line__c`.
    Custom {
        #[serde(rename = "Return__r", skip_serializing_if = "Option::is_none")]
        master: Option<Key>,
        #[serde(rename = "Requested__c")]
        requested: Number,
        #[serde(rename = "Received__c")]
        received: Number,
    },
    /// `ReturnOrderLineItem`.
    Standard {
        #[serde(rename = "ReturnOrder", skip_serializing_if = "Option::is_none")]
        master: Option<Key>,
        #[serde(rename = "Product2Id", skip_serializing_if = "Option::is_none")]
        product: Option<String>,
        #[serde(rename = "QuantityExpected")]
        requested: Number,
        #[serde(rename = "QuantityReturned")]
        received: Number,
    },
}

/// A line of a return that the org has.
#[derive(Debug, Deserialize)]
pub(crate) struct LineRow {
    #[serde(rename = "Id")]
    pub(crate) id: String,
    #[serde(rename = "Mesh_Id__c")]
    pub(crate) mesh_id: Option<String>,
}

/// A product of the org.
#[derive(Debug, Deserialize)]
pub(crate) struct ProductRow {
    #[serde(rename = "Id")]
    pub(crate) id: String,
    #[serde(rename = "ProductCode")]
    pub(crate) code: Option<String>,
}

/// What we write of a `Case`: where it points.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CaseLinks {
    #[serde(rename = "Order_Ref__r", skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Key>,
    #[serde(rename = "Return_Ref__r", skip_serializing_if = "Option::is_none")]
    pub(crate) r#return: Option<Key>,
    #[serde(rename = "Return_Order_Ref__r", skip_serializing_if = "Option::is_none")]
    pub(crate) return_order: Option<Key>,
}

/// What we read of a `Case`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CaseRow {
    pub(crate) id: String,
    pub(crate) is_deleted: bool,
    pub(crate) case_number: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) is_closed: bool,
    pub(crate) priority: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) contact: Option<Key>,
    pub(crate) account: Option<Key>,
    #[serde(rename = "Order_Ref__r")]
    pub(crate) order: Option<Key>,
    #[serde(rename = "Return_Ref__r")]
    pub(crate) r#return: Option<Key>,
    #[serde(rename = "Return_Order_Ref__r", default)]
    pub(crate) return_order: Option<Key>,
    pub(crate) created_date: Option<String>,
    pub(crate) closed_date: Option<String>,
    pub(crate) system_modstamp: Option<String>,
}

/// The columns of [`CaseRow`] that every prepared org has, as SOQL wants them.
pub(crate) const CASE_COLUMNS: &str = "Id, IsDeleted, CaseNumber, Subject, Status, IsClosed, Priority, Origin, Reason, \
     Contact.Mesh_Id__c, Account.Mesh_Id__c, Order_Ref__r.Mesh_Id__c, Return_Ref__r.Mesh_Id__c, CreatedDate, ClosedDate, SystemModstamp";
