//! Asking CRMs for cases that changed.

use retail_flow::{Changes, Failure, Source, System};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;

use crate::calls::LARGEST_ANSWER;
use crate::cases::Cases;

/// Takes what CRMs say into these cases.
pub(crate) struct Facts(pub(crate) Cases);

impl Source for Facts {
    type Change = crm::CaseChange;
    const CALL: &'static str = "crm.poll_cases";
    const NAME: &'static str = "reading of the CRM's cases";

    async fn ask(&self, system: System<'_>, cursor: &str) -> Result<Changes<Self::Change>, Failure> {
        let request =
            crm::PollCasesRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
        let client = CrmServiceClient::new(system.connector.clone());
        let answer = client.max_decoding_message_size(LARGEST_ANSWER).poll_cases(request).await?.into_inner();
        let named = |change: crm::CaseChange| {
            let id = change.case_record.as_ref()?.record.as_ref()?.id.clone();
            Some((id, change))
        };
        let newest = answer.changes.into_iter().filter_map(named).collect();
        Ok(Changes { newest, cursor: answer.cursor, more: answer.more })
    }

    async fn take(&self, system: System<'_>, change: Self::Change) -> Result<(), Failure> {
        let Some(told) = change.case_record else { return Ok(()) };
        let taken = self.0.take(system.instance, told, change.deleted).await;
        taken.map_err(|error| Failure::not_done("STORE", error.to_string()))
    }
}
