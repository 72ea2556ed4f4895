//! Telling the CRM what its agents see of a return: whenever they would see a difference, on the side, for as long as it
//! takes. Orders are told by their owner.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary, Verdict};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::returns::v1::Return;
use retail_runtime::{Peer, Timestamp};
use retail_store::Draft;

use crate::agents;
use crate::calls::done;
use crate::record::View;

impl View {
    /// Is there anything that agents should see and do not?
    pub(crate) fn is_untold(&self) -> bool {
        !self.crm.is_empty() && !self.stamp.is_empty() && self.stamp != self.told
    }
}

/// Tell the CRM what its agents should see.
#[derive(Debug, Clone)]
pub(crate) struct TellReturn {
    instance: String,
    stamp: String,
}

impl Step for TellReturn {
    fn name(&self) -> String {
        format!("crm.return_context/{}/{}", self.instance, self.stamp)
    }

    fn class(&self) -> Class {
        Class::Keyed
    }

    fn lane(&self) -> &'static str {
        "crm"
    }

    fn policy(&self) -> Policy {
        // A CRM may be away for days: agents are told when it is back.
        Policy { deadline: Duration::MAX, ..Policy::VENDOR }
    }
}

/// The process of telling.
pub(crate) struct Desk {
    crms: BTreeMap<String, Peer>,
}

impl Desk {
    /// Tells these CRMs.
    pub(crate) fn new(crms: BTreeMap<String, Peer>) -> Arc<Self> {
        Arc::new(Self { crms })
    }
}

impl Process for Desk {
    type Doc = View;
    type Step = TellReturn;
    type Outcome = ();

    fn decide(&self, view: &View, _now: Timestamp) -> Next<TellReturn> {
        if view.is_untold() {
            Next::Do(vec![TellReturn { instance: view.crm.clone(), stamp: view.stamp.clone() }])
        } else {
            Next::Wait(None)
        }
    }

    async fn perform(&self, _id: &str, view: &View, step: &TellReturn, _attempt: Attempt) -> Result<(), Failure> {
        let Some(peer) = self.crms.get(&step.instance) else {
            let detail = format!("crm {} is not configured; set crms.{}.address", step.instance, step.instance);
            return Err(Failure::refused("SYSTEM_NOT_CONFIGURED", detail));
        };
        let record =
            Return::decode(view.body.clone()).map_err(|error| Failure::refused("EVENT_BROKEN", error.to_string()))?;
        let request = crm::UpsertReturnContextRequest {
            instance: step.instance.clone(),
            context: Some(agents::context(&record)),
        };
        let answer = CrmServiceClient::new(peer.clone()).upsert_return_context(request).await?.into_inner();
        done("crm.UpsertReturnContext", answer.outcome.as_ref())
    }

    fn apply(&self, draft: &mut Draft<View>, step: &TellReturn, (): &(), _now: Timestamp) {
        step.stamp.clone_into(&mut draft.doc.told);
        draft.doc.cause.clear();
    }

    fn refused(&self, draft: &mut Draft<View>, step: &TellReturn, why: &Failure, _now: Timestamp) -> Verdict {
        // The side must never stop the business: the next change tells the CRM again.
        step.stamp.clone_into(&mut draft.doc.told);
        draft.doc.cause = format!("{}: {}", why.reason(), why.detail());
        Verdict::Handled
    }

    fn seal(&self, _draft: &mut Draft<View>, _before: &View, _now: Timestamp) {}

    fn summary(&self, view: &View) -> Summary {
        let status = if !view.cause.is_empty() {
            format!("Agents are not told: {}", view.cause)
        } else if view.is_untold() {
            "Agents are being told".to_owned()
        } else {
            "Agents are told".to_owned()
        };
        Summary { name: view.name.clone(), status }
    }
}
