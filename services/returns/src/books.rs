//! The books of orders: every way into the allowances, each a few lines around a pure rule. What is judged is claimed
//! in the same commit, so that two returns that race for the last piece see each other.

use std::convert::Infallible;

use retail_flow::Failure;
use retail_store::{Draft, Store, UpdateError};

use crate::allowance::{Allowance, Entry, Settling};
use crate::eligibility::{self, Question, Verdict};
use crate::sale::Sale;
use crate::settling::Judged;
use crate::terms::Terms;

/// The books.
#[derive(Clone)]
pub(crate) struct Books {
    store: Store,
    terms: Terms,
}

impl Books {
    /// Books in this store, judged by these terms.
    #[must_use]
    pub(crate) fn new(store: &Store, terms: Terms) -> Self {
        Self { store: store.clone(), terms }
    }

    /// The books of an order as they stand.
    pub(crate) async fn of(&self, order_id: &str) -> Result<Allowance, Failure> {
        let found = self.store.read::<Allowance>(order_id).await;
        let found = found.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
        Ok(found.map(|books| books.doc).unwrap_or_default())
    }

    /// Judges without claiming.
    #[must_use]
    pub(crate) fn judge(&self, sale: &Sale, books: &Allowance, question: &Question) -> Verdict {
        judge(&self.terms, sale, books, question)
    }

    /// Judges lines against the books as they stand, and claims what may come back. While `patient`, a line whose order
    /// is on its way claims nothing: it is judged again as a whole. A repeat answers the claims that are there.
    pub(crate) async fn claim(
        &self,
        sale: &Sale,
        questions: Vec<Question>,
        patient: bool,
    ) -> Result<Vec<Judged>, Failure> {
        let (terms, sale_) = (self.terms.clone(), sale.clone());
        let rule = move |draft: &mut Draft<Allowance>| {
            let each = questions.iter().map(|question| claim(&terms, &sale_, &mut draft.doc, question, patient));
            Ok::<_, Infallible>(each.collect())
        };
        self.change(&sale.order_id, rule).await
    }

    /// Decides how a part ends in money; `None` while the order's own money is on its way.
    pub(crate) async fn settle(&self, sale: &Sale, asked: Settling) -> Result<Option<Entry>, Failure> {
        let sale_ = sale.clone();
        let rule = move |draft: &mut Draft<Allowance>| Ok::<_, Infallible>(draft.doc.settle(&sale_, &asked));
        self.change(&sale.order_id, rule).await
    }

    /// What of a part's credit pays its invoice is as much as the order does not take any more; answers how the part ends in
    /// money.
    pub(crate) async fn take_off(&self, sale: &Sale, part: &str, taken_off: i64) -> Result<Entry, Failure> {
        let (sale_, part) = (sale.clone(), part.to_owned());
        let rule =
            move |draft: &mut Draft<Allowance>| Ok::<_, Infallible>(draft.doc.take_off(&sale_, &part, taken_off));
        let entry = self.change(&sale.order_id, rule).await?;
        entry.ok_or_else(|| Failure::refused("NO_SUCH_PART", "the books of the order do not know the part"))
    }

    /// Gives back what a return has claimed of an order.
    pub(crate) async fn give_back(&self, order_id: &str, return_id: &str) -> Result<(), Failure> {
        let return_id = return_id.to_owned();
        let rule = move |draft: &mut Draft<Allowance>| {
            draft.doc.give_back(&return_id);
            Ok::<_, Infallible>(())
        };
        self.change(order_id, rule).await
    }

    /// Notes money that the shop gave back by itself.
    pub(crate) async fn note_given(&self, order_id: &str, return_id: &str, minor: i64) -> Result<(), Failure> {
        let return_id = return_id.to_owned();
        let rule = move |draft: &mut Draft<Allowance>| {
            draft.doc.note_given(&return_id, minor);
            Ok::<_, Infallible>(())
        };
        self.change(order_id, rule).await
    }

    async fn change<R: Send + 'static>(
        &self,
        order_id: &str,
        rule: impl Fn(&mut Draft<Allowance>) -> Result<R, Infallible> + Send + 'static,
    ) -> Result<R, Failure> {
        match self.store.step::<Allowance, _, _>(order_id, None, rule).await {
            Ok(done) => Ok(done.value),
            Err(UpdateError::Store(error)) => Err(Failure::not_done("STORE", error.to_string())),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}

fn judge(terms: &Terms, sale: &Sale, books: &Allowance, question: &Question) -> Verdict {
    let policy = sale.line(question.order_line).map(|sold| terms.policy(sale, sold));
    let policy = policy.unwrap_or_else(|| terms.policy(sale, &crate::sale::SoldLine::default()));
    eligibility::judge(question, sale, books, policy, terms.zone(&sale.channel))
}

fn claim(terms: &Terms, sale: &Sale, books: &mut Allowance, question: &Question, patient: bool) -> Judged {
    let mut verdict = judge(terms, sale, books, question);
    verdict.in_flight &= patient;
    let quantity = if verdict.in_flight { 0 } else { verdict.quantity };
    let slices = match sale.line(question.order_line) {
        Some(sold) => books.claim(&question.return_id, question.number, sale, sold, quantity),
        None => Vec::new(),
    };
    Judged { question: question.clone(), verdict, slices }
}
