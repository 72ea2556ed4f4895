//! Tying a case to an order or a return, for a caller.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::cases::v1 as pb;
use retail_runtime::fault::Violations;
use retail_store::Store;

use crate::case;
use crate::cases::Cases;
use crate::fault::Error;
use crate::owners::{Owners, Silent};
use crate::record::{Case, Kind, View};

/// Ties cases.
#[derive(Clone)]
pub(crate) struct Linking {
    store: Store,
    cases: Cases,
    owners: Owners,
    crms: Vec<String>,
}

impl Linking {
    /// Ties cases of these CRMs.
    pub(crate) fn new(store: &Store, cases: Cases, owners: Owners, crms: Vec<String>) -> Self {
        Self { store: store.clone(), cases, owners, crms }
    }

    /// Ties a case; answers it, and whether this was a repeat.
    pub(crate) async fn link(&self, principal: &str, request: &pb::LinkCaseRequest) -> Result<(Case, bool), Error> {
        let mut bad = Violations::default();
        let key = &request.idempotency_key;
        let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        bad.require(
            "idempotency_key",
            fits,
            "give a key of 1 to 255 visible ASCII characters, the same for every repeat",
        );
        bad.require("case_id", !request.case_id.is_empty(), "give the CRM's id of the case");
        let named = !request.order_id.is_empty() || !request.return_id.is_empty();
        bad.require("order_id", named, "give order_id or return_id");
        let only = if self.crms.len() == 1 { self.crms.first().cloned() } else { None };
        let instance = if request.instance.is_empty() { only } else { Some(request.instance.clone()) };
        bad.require("instance", instance.is_some(), "name the CRM: none or several are configured");
        bad.check()?;
        let instance = instance.filter(|instance| self.crms.contains(instance)).ok_or_else(|| {
            Error::SystemNotConfigured { instance: request.instance.clone(), configured: self.crms.join(", ") }
        })?;
        let asked = Asked::new(principal, "LinkCase", key, request.encode_to_vec());
        asked.claim(&self.store).await?;
        self.find_case(&instance, &request.case_id).await?;
        self.find_transactions(&request.order_id, &request.return_id).await?;
        let id = case::id(&instance, &request.case_id);
        let tied = self.cases.tie(&id, asked.caller(), request.order_id.clone(), request.return_id.clone()).await;
        Ok(tied.map_err(|error| asked.refused(error))?)
    }

    /// A case that the poll has not brought yet, or was told to be deleted, is asked for once.
    async fn find_case(&self, instance: &str, crm_id: &str) -> Result<(), Error> {
        let known = self.cases.read(&case::id(instance, crm_id)).await?;
        if known.is_some_and(|case| case.record.is_some() && !case.deleted) {
            return Ok(());
        }
        let told = self.owners.case(crm_id, "").await.map_err(silent)?;
        let told = told.into_iter().find(|(at, _)| at == instance);
        let (_, told) = told.ok_or_else(|| Error::NoSuchCase(crm_id.to_owned()))?;
        Ok(self.cases.take(instance, told, false).await?)
    }

    async fn find_transactions(&self, order_id: &str, return_id: &str) -> Result<(), Error> {
        let is_here = async |kind: Kind, id: &str| {
            Ok::<_, Error>(self.store.read::<View>(&kind.view(id)).await?.is_some_and(|view| view.doc.is_known()))
        };
        if !order_id.is_empty()
            && !is_here(Kind::Order, order_id).await?
            && self.owners.order(order_id).await.map_err(silent)?.is_empty()
        {
            return Err(Error::NoSuchOrder(order_id.to_owned()));
        }
        if !return_id.is_empty()
            && !is_here(Kind::Return, return_id).await?
            && self.owners.return_record(return_id).await.map_err(silent)?.is_empty()
        {
            return Err(Error::NoSuchReturn(return_id.to_owned()));
        }
        Ok(())
    }
}

fn silent(why: Silent) -> Error {
    Error::Peer(why.detail)
}
