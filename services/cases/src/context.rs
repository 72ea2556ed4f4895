//! Everything about a customer's affair in one call: looked up in this service's own store, many reads side by side. No
//! owner is asked but inventory, for a moment; the others only for a key that is not known here.

use std::time::Duration;

use futures::future::{try_join, try_join_all, try_join3};
use retail_flow::{Reading, Standing};
use retail_proto::cases::v1 as pb;
use retail_proto::customers::v1::CustomerKind;
use retail_proto::inventory::v1::Availability;
use retail_proto::orders::v1::{LineKind, Order, OrderState};
use retail_proto::returns::v1::Return;
use retail_runtime::{Clock, Timestamp};
use retail_store::Store;

use crate::fault::Error;
use crate::find::Key;
use crate::gather::{Gatherer, Picked, Shown, pick};
use crate::owners::{Owners, Silent};
use crate::promises;
use crate::record::{Case, Kind};
use crate::sections::{Holds, Word, judge, worst};
use crate::seeds::{Seeds, Seeker};
use crate::words::{distinct, quantity};

/// What is shown at most.
const MOST_ORDERS: usize = 50;
const MOST_RETURNS: usize = 50;
const MOST_CASES: usize = 20;
/// Items that inventory is asked for at most, as its contract allows.
const MOST_ITEMS: usize = 500;

/// The feeds, as far as they are known.
#[derive(Clone)]
pub(crate) struct Standings {
    pub(crate) orders: Standing,
    pub(crate) returns: Standing,
    pub(crate) customers: Standing,
}

/// Answers with context.
#[derive(Clone)]
pub(crate) struct Contexts {
    store: Store,
    clock: Clock,
    owners: Owners,
    seeker: Seeker,
    standings: Standings,
    /// CRM instances.
    crms: Vec<String>,
    group: String,
    stale_after: Duration,
}

impl Contexts {
    /// Contexts from this store.
    pub(crate) fn new(
        store: &Store,
        clock: &Clock,
        seeker: Seeker,
        owners: Owners,
        standings: Standings,
        (crms, group, stale_after): (Vec<String>, String, Duration),
    ) -> Self {
        Self { store: store.clone(), clock: clock.clone(), owners, seeker, standings, crms, group, stale_after }
    }

    /// Everything about the affair that a key names.
    pub(crate) async fn get(&self, request: &pb::GetContextRequest) -> Result<pb::Context, Error> {
        let key = Key::read(request)?;
        let seeds = self.seeker.seek(&key).await?;
        if seeds.are_none() && seeds.silent.is_none() {
            return Err(key.unknown());
        }
        let picked = self.pick(&key, &seeds).await?;
        self.show(picked, seeds).await
    }

    /// Which orders, returns and cases belong to it.
    async fn pick(&self, key: &Key, seeds: &Seeds) -> Result<Picked, Error> {
        let gatherer = Gatherer::new(&self.store, &seeds.spare);
        let tied_returns = seeds.cases.iter().flat_map(Case::returns);
        let tied_orders = seeds.cases.iter().flat_map(Case::orders);
        let first_returns: Vec<String> = seeds.returns.iter().cloned().chain(tied_returns).collect();
        let returns = gatherer.returns(&distinct(first_returns.iter().map(String::as_str))).await?;
        let of_returns = returns.iter().flat_map(|one| crate::agents::orders(&one.message));
        let first_orders: Vec<String> = seeds.orders.iter().cloned().chain(tied_orders).chain(of_returns).collect();
        let orders = gatherer.orders(&distinct(first_orders.iter().map(String::as_str))).await?;

        let people = people(key, seeds, &orders, &returns);
        let families = gatherer.families(&people).await?;
        let customer = families.iter().filter_map(|family| family.customer.as_ref());
        let customer = customer.max_by_key(|customer| crate::words::millis(customer.updated_at.as_ref())).cloned();
        // Everybody without a name is one customer: what others of them bought is nobody's business here.
        let is_nobody = customer.as_ref().is_some_and(|customer| customer.kind() == CustomerKind::Anonymous);
        // Whoever gave an address with an order is not yet known to be the one whose order it is.
        let is_guess = key.is_contact() && seeds.customers.is_empty();
        let ids: Vec<String> = if is_guess || (is_nobody && !key.is_customer()) {
            Vec::new()
        } else {
            families.iter().flat_map(|family| family.ids.iter().cloned()).collect()
        };
        let shared = families.len();
        let untold = if customer.is_none() { people.first().cloned() } else { None };
        let (more_orders, more_returns, more_cases) = try_join3(
            gatherer.orders_of(&ids, MOST_ORDERS),
            gatherer.returns_of(&ids, &orders, MOST_RETURNS),
            gatherer.cases_of(&ids, MOST_CASES),
        )
        .await?;
        let orders = pick(orders, more_orders, MOST_ORDERS);
        let returns = pick(returns, more_returns, MOST_RETURNS);
        let hanging =
            orders.shown.iter().flat_map(|one| &one.cases).chain(returns.shown.iter().flat_map(|one| &one.cases));
        let hanging = distinct(hanging.map(String::as_str));
        let cases = gatherer.cases(seeds.cases.clone(), &hanging, more_cases, MOST_CASES).await?;
        Ok(Picked { customer, untold, shared, orders, returns, cases })
    }

    /// The answer, each section with its worth.
    async fn show(&self, picked: Picked, seeds: Seeds) -> Result<pb::Context, Error> {
        let now = self.clock.now();
        let stock = async { Ok::<_, Error>(self.stock(&picked.orders.shown, now).await) };
        let parked = self.parked(&picked);
        let (((availability, stock_word, asked), parked), polls) =
            try_join(try_join(stock, parked), self.polls()).await?;

        let feed = |kind: Kind| self.word(kind, &picked, &seeds, now);
        let (order_word, return_word, customer_word) = (feed(Kind::Order), feed(Kind::Return), feed(Kind::Customer));
        let case_word = match &seeds.silent {
            Some((name, why)) if *name == "cases" => Word::silent("crm", why.clone()),
            Some(_) | None => polls,
        };
        let orders = picked.orders.shown.into_iter().map(|one| one.message).collect::<Vec<Order>>();
        let returns = picked.returns.shown.into_iter().map(|one| one.message).collect::<Vec<Return>>();
        let promises = promises::open(&orders, &returns);
        let holds = |nothing: bool, truncated: bool| Holds { nothing, truncated, ..Holds::default() };
        let with = |kind: Kind, holds: Holds| Holds {
            parked: parked.iter().find(|(of, _)| *of == kind).map(|(_, why)| why.clone()),
            ..holds
        };
        let note = match &picked.untold {
            Some(id) => format!("customers has not told of {id} yet"),
            None if picked.shared > 1 => {
                format!("{} customers share this; the one that changed last is shown", picked.shared)
            }
            None => String::new(),
        };
        let section = |name: &str, word: &Word, holds: &Holds| judge(name, word, holds, now, self.stale_after);
        let sections = vec![
            section(
                "customer",
                &customer_word,
                &with(Kind::Customer, Holds { note, ..holds(picked.customer.is_none(), picked.shared > 1) }),
            ),
            section("orders", &order_word, &with(Kind::Order, holds(orders.is_empty(), picked.orders.truncated))),
            section("returns", &return_word, &with(Kind::Return, holds(returns.is_empty(), picked.returns.truncated))),
            section("cases", &case_word, &holds(picked.cases.shown.is_empty(), picked.cases.truncated)),
            section("availability", &stock_word, &holds(availability.is_empty(), asked > MOST_ITEMS)),
            section("promises", &worst("weft", &[&order_word, &return_word]), &holds(promises.is_empty(), false)),
        ];
        Ok(pb::Context {
            sections,
            customer: picked.customer,
            orders,
            returns,
            cases: picked.cases.shown.iter().map(Case::shown).collect(),
            availability,
            promises,
        })
    }

    /// How far the word of an owner reaches: its feed's, or what it has said to this very call.
    fn word(&self, kind: Kind, picked: &Picked, seeds: &Seeds, now: Timestamp) -> Word {
        let source = kind.feed();
        if let Some((name, why)) = &seeds.silent
            && *name == source
        {
            return Word::silent(source, why.clone());
        }
        let (standing, said) = match kind {
            Kind::Order => (&self.standings.orders, seeds.spare.orders.len() >= picked.orders.shown.len()),
            Kind::Return => (&self.standings.returns, seeds.spare.returns.len() >= picked.returns.shown.len()),
            Kind::Customer => (&self.standings.customers, true),
        };
        let asked = match kind {
            Kind::Order => !seeds.spare.orders.is_empty(),
            Kind::Return => !seeds.spare.returns.is_empty(),
            Kind::Customer => !seeds.spare.customers.is_empty(),
        };
        if asked && said { Word::said(source, now) } else { Word::of_feed(source, standing.known()) }
    }

    /// Stock of what open orders wait for; how far that word reaches, and how many items there are.
    async fn stock(&self, orders: &[Shown<Order>], now: Timestamp) -> (Vec<Availability>, Word, usize) {
        let skus = awaited(orders.iter().map(|one| &one.message));
        let asked = skus.len();
        if skus.is_empty() {
            return (Vec::new(), Word::said("inventory", now), 0);
        }
        match self.owners.availability(skus.into_iter().take(MOST_ITEMS).collect()).await {
            Ok(rows) => (rows, Word::said("inventory", self.clock.now()), asked),
            Err(why) => (Vec::new(), Word::silent("inventory", why), asked),
        }
    }

    /// The CRMs' word: that of the one that has been silent longest.
    async fn polls(&self) -> Result<Word, Error> {
        let read = |name: &String| {
            let name = name.clone();
            async move {
                let reading = self.store.read::<Reading>(&name).await?;
                let read_at = reading.map_or(0, |reading| reading.doc.read_at);
                Ok::<_, Error>(Word::of_poll(format!("crm/{name}"), read_at))
            }
        };
        let words = try_join_all(self.crms.iter().map(read)).await?;
        let oldest = words.into_iter().min_by_key(|word| word.as_of);
        // Without a CRM there are no cases, and that is certain.
        Ok(oldest.unwrap_or_else(|| Word::said("crm", self.clock.now())))
    }

    /// What is shown of an aggregate that waits in the dead letters is older than its owner says.
    async fn parked(&self, picked: &Picked) -> Result<Vec<(Kind, Silent)>, Error> {
        let customer = picked.customer.iter().map(|customer| (Kind::Customer, customer.customer_id.clone()));
        let orders = picked.orders.shown.iter().map(|one| (Kind::Order, one.id.clone()));
        let returns = picked.returns.shown.iter().map(|one| (Kind::Return, one.id.clone()));
        let look = |(kind, id): (Kind, String)| async move {
            let subject = kind.view(&id);
            let parked = retail_flow::is_parked(&self.store, &self.group, kind.feed(), &subject).await?;
            let detail = format!("what {} said last of {subject} could not be taken in", kind.feed());
            Ok::<_, Error>(parked.then(|| (kind, Silent { reason: "EVENT_PARKED".to_owned(), detail })))
        };
        let found = try_join_all(customer.chain(orders).chain(returns).map(look)).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// Whose affairs are meant: of a way to reach people everybody who has it, else the first that anything names.
fn people(key: &Key, seeds: &Seeds, orders: &[Shown<Order>], returns: &[Shown<Return>]) -> Vec<String> {
    let cases = seeds.cases.iter().map(Case::customer);
    let orders = orders.iter().map(|one| one.message.customer_id.as_str());
    let returns = returns.iter().map(|one| one.message.customer_id.as_str());
    let named = distinct(seeds.customers.iter().map(String::as_str).chain(cases).chain(orders).chain(returns));
    if key.is_contact() && !seeds.customers.is_empty() {
        return seeds.customers.clone();
    }
    named.into_iter().take(1).collect()
}

/// Items of open orders that have not shipped yet.
fn awaited<'a>(orders: impl Iterator<Item = &'a Order>) -> Vec<String> {
    let open = orders.filter(|order| match order.state() {
        OrderState::Received
        | OrderState::Held
        | OrderState::Reserved
        | OrderState::Booked
        | OrderState::PartlyShipped => true,
        OrderState::Unspecified
        | OrderState::Shipped
        | OrderState::Completed
        | OrderState::Cancelling
        | OrderState::Cancelled
        | OrderState::Refused => false,
    });
    let lines = open.flat_map(|order| &order.lines).filter(|line| line.kind() == LineKind::Goods);
    let lines = lines.filter(|line| quantity(&line.shipped) < quantity(&line.quantity));
    let mut skus: Vec<&str> = lines.map(|line| line.sku.as_str()).filter(|sku| !sku.is_empty()).collect();
    skus.sort_unstable();
    skus.dedup();
    skus.into_iter().map(str::to_owned).collect()
}
