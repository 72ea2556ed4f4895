//! The rules of a case: what hangs on it, and what its CRM has still to be told. Pure.

use retail_proto::cases::v1 as pb;
use retail_proto::crm::v1 as crm;

use crate::keys::{self, List};
use crate::record::{Case, Kind, Written};
use crate::words::{distinct, millis};

/// Milestones in one request, as the contract allows.
pub(crate) const BATCH: usize = 100;

/// The id of a case here.
pub(crate) fn id(instance: &str, crm_id: &str) -> String {
    format!("{instance}/{crm_id}")
}

/// Parts an id of a case again.
pub(crate) fn named(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or(("", id))
}

impl Case {
    /// A case that nothing is known of but its name.
    pub(crate) fn found(id: &str) -> Self {
        let (instance, crm_id) = named(id);
        Self { instance: instance.to_owned(), crm_id: crm_id.to_owned(), ..Self::default() }
    }

    /// Its id here.
    pub(crate) fn id(&self) -> String {
        id(&self.instance, &self.crm_id)
    }

    /// Name people use.
    pub(crate) fn name(&self) -> String {
        let number =
            self.record.as_ref().and_then(|record| record.record.as_ref()).map_or("", |one| one.number.as_str());
        if number.is_empty() { format!("case {}", self.crm_id) } else { format!("case {number}") }
    }

    /// When it was opened, milliseconds since 1970; 0 while the CRM has not told.
    pub(crate) fn opened_at(&self) -> i64 {
        millis(self.record.as_ref().and_then(|record| record.opened_at.as_ref()))
    }

    /// Orders that hang on it.
    pub(crate) fn orders(&self) -> Vec<String> {
        let own = self.record.iter().map(|record| record.order_ref.as_str());
        distinct(own.chain(texts(&self.asked_orders)).chain(texts(&self.returned_orders)))
    }

    /// Returns that hang on it.
    pub(crate) fn returns(&self) -> Vec<String> {
        let own = self.record.iter().map(|record| record.return_ref.as_str());
        distinct(own.chain(texts(&self.asked_returns)).chain(texts(&self.naming_returns)))
    }

    /// Our customer: as the CRM says, else as what hangs on it says.
    pub(crate) fn customer(&self) -> &str {
        let told = self.record.as_ref().map_or("", |record| record.customer_ref.as_str());
        if told.is_empty() { &self.customer_id } else { told }
    }

    /// Takes over what the CRM says; answers whether anything changed.
    pub(crate) fn take(&mut self, told: &crm::Case) -> bool {
        if self.record.as_ref() == Some(told) && !self.deleted {
            return false;
        }
        let before = (self.orders(), self.returns());
        self.record = Some(told.clone());
        if std::mem::take(&mut self.deleted) {
            self.cause.clear();
        }
        if before != (self.orders(), self.returns()) {
            self.look_again();
        }
        true
    }

    /// The CRM has deleted it: nobody can be told any more.
    pub(crate) fn delete(&mut self) -> bool {
        if self.deleted {
            return false;
        }
        self.deleted = true;
        "NO_SUCH_CASE: deleted in the CRM".clone_into(&mut self.cause);
        true
    }

    /// Ties an order to it; answers whether that is new.
    pub(crate) fn tie_order(&mut self, order_id: &str) -> bool {
        add(&mut self.asked_orders, order_id) && self.look_again()
    }

    /// Ties a return to it; answers whether that is new.
    pub(crate) fn tie_return(&mut self, return_id: &str) -> bool {
        add(&mut self.asked_returns, return_id) && self.look_again()
    }

    /// A return names it; answers whether that is new.
    pub(crate) fn named_by(&mut self, return_id: &str) -> bool {
        add(&mut self.naming_returns, return_id) && self.look_again()
    }

    /// A view may have changed.
    pub(crate) fn look_again(&mut self) -> bool {
        self.wanted = self.wanted.saturating_add(1);
        true
    }

    /// Is there anything to look at that was not seen?
    pub(crate) fn is_behind(&self) -> bool {
        self.wanted > self.looked
    }

    /// Takes in what a look has found. Milestones are never taken back: the CRM may have them already.
    pub(crate) fn see(&mut self, wanted: u64, customer_id: &str, orders: &[String], milestones: &[crm::Milestone]) {
        self.looked = wanted;
        orders.clone_into(&mut self.returned_orders);
        if !customer_id.is_empty() {
            customer_id.clone_into(&mut self.customer_id);
        }
        for milestone in milestones {
            if !self.milestones.iter().any(|known| known.id() == milestone.external_ref) {
                self.milestones.push(Written { milestone: Some(milestone.clone()), ..Written::default() });
            }
        }
        // Of what happened at one time, the order of the business stays.
        self.milestones.sort_by_key(|written| {
            millis(written.milestone.as_ref().and_then(|milestone| milestone.happened_at.as_ref()))
        });
    }

    /// Milestones that the CRM does not have yet, oldest first, as many as go into one request.
    pub(crate) fn unwritten(&self) -> Vec<crm::Milestone> {
        let open = self.milestones.iter().filter(|written| !written.done);
        open.filter_map(|written| written.milestone.clone()).take(BATCH).collect()
    }

    /// The order that the CRM's case should point to. An agent's own choice is left alone.
    pub(crate) fn order_to_point_to(&self) -> Option<String> {
        let own = self.record.as_ref()?;
        let order = self.orders().into_iter().next()?;
        (own.order_ref.is_empty() && self.pointed_order != order).then_some(order)
    }

    /// The return that the CRM's case should point to.
    pub(crate) fn return_to_point_to(&self) -> Option<String> {
        let own = self.record.as_ref()?;
        let record = self.returns().into_iter().next()?;
        (own.return_ref.is_empty() && self.pointed_return != record).then_some(record)
    }

    /// Shelves it should stand on.
    pub(crate) fn shelves_due(&self) -> Vec<String> {
        if self.deleted {
            return Vec::new();
        }
        let number =
            self.record.as_ref().and_then(|record| record.record.as_ref()).map_or("", |one| one.number.as_str());
        let mut shelves = Vec::new();
        if !number.is_empty() {
            shelves.push(List::CaseNumber.shelf(&keys::number(number)));
        }
        if !self.customer().is_empty() {
            shelves.push(List::CustomerCases.shelf(self.customer()));
        }
        shelves
    }

    /// Views that should know that it hangs on them.
    pub(crate) fn views_due(&self) -> Vec<String> {
        if self.deleted {
            return Vec::new();
        }
        let mut views: Vec<String> = self.returns().iter().map(|one| Kind::Return.view(one)).collect();
        views.extend(self.orders().iter().map(|one| Kind::Order.view(one)));
        views
    }

    /// Is everything that points to it as it should be?
    pub(crate) fn is_in_place(&self) -> bool {
        self.shelves == self.shelves_due() && self.views == self.views_due() && self.shelved_at == self.opened_at()
    }

    /// As callers see it.
    pub(crate) fn shown(&self) -> pb::LinkedCase {
        let record = self.record.clone().unwrap_or_else(|| crm::Case {
            record: Some(retail_proto::types::v1::Ref {
                kind: "crm".into(),
                instance: self.instance.clone(),
                r#type: "Case".into(),
                id: self.crm_id.clone(),
                number: String::new(),
            }),
            ..crm::Case::default()
        });
        let milestones = self.milestones.iter();
        pb::LinkedCase {
            case_record: Some(record),
            order_ids: self.orders(),
            return_ids: self.returns(),
            milestones: milestones
                .map(|written| pb::CaseMilestone {
                    milestone: written.milestone.clone(),
                    record: written.record.clone(),
                })
                .collect(),
            parked: self.parked || self.deleted,
            cause: self.cause.clone(),
            version: self.version,
        }
    }
}

fn texts(ids: &[String]) -> impl Iterator<Item = &str> {
    ids.iter().map(String::as_str)
}

fn add(list: &mut Vec<String>, id: &str) -> bool {
    let is_new = !list.iter().any(|known| known == id);
    if is_new {
        list.push(id.to_owned());
    }
    is_new
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(order_ref: &str) -> crm::Case {
        crm::Case { order_ref: order_ref.into(), customer_ref: "c-1".into(), ..crm::Case::default() }
    }

    fn case() -> Case {
        let mut case = Case::found("crm/500");
        case.take(&told(""));
        case
    }

    fn milestone(id: u32, at: i64) -> crm::Milestone {
        let happened_at = Some(retail_proto::timestamp(at));
        crm::Milestone { external_ref: id.to_string(), happened_at, ..crm::Milestone::default() }
    }

    #[test]
    fn a_link_is_looked_at_once_and_again_only_when_something_changes() {
        let mut case = case();
        assert!(case.tie_order("o-1") && case.is_behind());
        let wanted = case.wanted;
        case.see(wanted, "", &[], &[]);
        assert!(!case.is_behind());
        assert!(!case.tie_order("o-1") && !case.is_behind(), "linking twice is a no-op");
        case.look_again();
        assert!(case.is_behind());
    }

    #[test]
    fn what_changed_during_a_look_is_looked_at_again() {
        let mut case = case();
        case.tie_order("o-1");
        let begun = case.wanted;
        case.look_again();
        case.see(begun, "", &[], &[]);
        assert!(case.is_behind());
    }

    #[test]
    fn no_request_has_more_milestones_than_the_contract_takes() {
        let mut case = case();
        let many: Vec<crm::Milestone> = (0..250).map(|id| milestone(id, i64::from(id))).collect();
        case.see(1, "", &[], &many);
        let mut sizes = Vec::new();
        while !case.unwritten().is_empty() {
            let batch: Vec<String> = case.unwritten().into_iter().map(|one| one.external_ref).collect();
            sizes.push(batch.len());
            for written in case.milestones.iter_mut().filter(|written| batch.contains(&written.id().to_owned())) {
                written.done = true;
            }
        }
        assert_eq!(sizes, [100, 100, 50]);
    }

    #[test]
    fn an_agents_pointer_is_never_replaced() {
        let mut case = case();
        case.tie_order("o-1");
        assert_eq!(case.order_to_point_to().as_deref(), Some("o-1"));
        case.take(&told("o-2"));
        assert_eq!(case.order_to_point_to(), None);
        assert_eq!(case.orders(), ["o-2", "o-1"]);
    }

    #[test]
    fn a_deleted_case_stands_nowhere_and_is_told_nothing_until_it_is_there_again() {
        let mut case = case();
        case.tie_order("o-1");
        assert!(case.delete() && !case.delete());
        assert!(case.shelves_due().is_empty() && case.views_due().is_empty() && case.shown().parked);
        assert!(case.take(&told("")));
        assert!(!case.shown().parked);
        assert_eq!(case.views_due(), ["order/o-1"]);
    }

    proptest! {
        #[test]
        fn milestones_stand_in_the_order_of_their_times_each_once(times in prop::collection::vec(0..50_i64, 0..30)) {
            let mut case = case();
            let all: Vec<crm::Milestone> = (0..).zip(&times).map(|(id, at)| milestone(id, *at)).collect();
            for part in all.chunks(4) {
                case.see(1, "", &[], part);
                case.see(1, "", &[], part);
            }
            let stood: Vec<i64> = case
                .milestones
                .iter()
                .map(|written| millis(written.milestone.as_ref().and_then(|one| one.happened_at.as_ref())))
                .collect();
            let mut sorted = times;
            sorted.sort_unstable();
            prop_assert_eq!(stood, sorted);
        }
    }
}
