//! Who is served from elsewhere when too much is promised, out of the lists of promises.

use retail_store::{Document as _, IndexQuery, Store};

use crate::fault::Error;
use crate::keys::site_id;
use crate::reservation::Part;
use crate::shortage::{Proposal, claims, propose};
use crate::site::{self, Site};
use crate::stock::Stock;

/// Promises that are read at once for a proposal.
const PROMISES: usize = 200;

/// Makes proposals.
#[derive(Clone)]
pub(crate) struct Proposing {
    store: Store,
}

impl Proposing {
    /// Over a store.
    #[must_use]
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The newest promises, as many as the shortfall needs.
    pub(crate) async fn of(&self, row: &Stock) -> Result<Proposal, Error> {
        let partition = Site::partition(&site_id(&row.location));
        let (mut newest_first, mut freed, mut after) = (vec![], 0_i64, None);
        while freed < row.shortfall {
            let name = site::promised(&row.location, &row.sku);
            let query = IndexQuery { name, prefix: vec![], after, limit: PROMISES };
            let entries = self.store.index(partition, &query).await?;
            for entry in &entries {
                let Some(part) = self.store.read::<Part>(entry.key.id()).await? else { continue };
                for claim in claims(&part.doc, &row.sku) {
                    freed = freed.saturating_add(claim.frees);
                    newest_first.push(claim);
                }
                if freed >= row.shortfall {
                    break;
                }
            }
            match entries.last() {
                Some(last) if entries.len() >= PROMISES => after = Some((last.sort.clone(), last.key.clone())),
                Some(_) | None => break,
            }
        }
        Ok(propose(row.shortfall, newest_first))
    }
}
