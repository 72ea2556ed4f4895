//! How far groups are behind the feeds, as operators and gauges read it.

use futures::future::try_join_all;
use retail_runtime::Timestamp;

use crate::fault::Error;
use crate::key::Partition;
use crate::store::Store;

/// How far a group is behind in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Which partition.
    pub partition: Partition,
    /// Which group.
    pub group: String,
    /// Events it has not acknowledged.
    pub entries: u64,
    /// When the oldest of them happened; `None` when there is none.
    pub oldest: Option<Timestamp>,
    /// True: it was silent too long and must resync; nothing is kept for it any more.
    pub expired: bool,
}

impl Store {
    /// How far a group is behind in every partition where it is declared, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn lag(&self, group: &str) -> Result<Vec<Lag>, Error> {
        let lags = try_join_all(Partition::all().map(|partition| self.lag_in(partition, group))).await?;
        Ok(lags.into_iter().flatten().collect())
    }

    /// How far a group is behind in one partition; `None` when it was never declared there.
    ///
    /// # Errors
    /// As [`Store::lag`].
    pub async fn lag_in(&self, partition: Partition, group: &str) -> Result<Option<Lag>, Error> {
        let Some(offset) = self.offset(partition, group).await? else { return Ok(None) };
        let ends = self.ends(partition).await?;
        // An expired group is not waited for: what it lacks may be trimmed already.
        let from = if offset.position.sequence < ends.begin.sequence { ends.begin } else { offset.position };
        let entries = ends.end.sequence.saturating_sub(offset.position.sequence);
        let oldest = if entries == 0 {
            None
        } else {
            match self.feed(partition, &from, 1).await {
                Ok(entries) => entries.into_iter().next().map(|entry| entry.event.time),
                // Trimmed between the two looks: the next one sees it.
                Err(Error::OutOfRange { .. }) => None,
                Err(error) => return Err(error),
            }
        };
        Ok(Some(Lag { partition, group: group.to_owned(), entries, oldest, expired: offset.expired }))
    }
}
