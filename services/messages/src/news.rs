//! What an order or a return says that was not known, and what of it the customer is told. Pure.
//!
//! Told is what certainly happened after messages were switched on. When it happened is known where the owner says so;
//! and where the version before is known too, for then it happened with this one. Otherwise (the feed was trimmed, or was
//! read anew from the owner's list) it happened at some time after the last version that is known, or after the order was
//! placed: the earliest of these counts, so that in doubt something is old.

use crate::config::Config;
use crate::facts::Fact;
use crate::occasion::Occasion;
use crate::record::Correspondence;
use crate::words::at;

/// How the owner said it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saying<'a> {
    /// Version that the owner gave it.
    pub version: u64,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Others look after it: its facts are theirs to tell.
    pub adopted: bool,
    /// Channel instance.
    pub channel: &'a str,
}

/// A fact that was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub fact: Fact,
    /// When it happened at the earliest, milliseconds since 1970.
    pub at: i64,
    /// Why the customer is not told; empty when a message is due.
    pub untold: String,
}

/// Why nothing is told of an order that was sold elsewhere.
const ADOPTED: &str = "it was adopted";

/// Forgets what was not told because the order was adopted and is not so any more: an order that was only early is an
/// ordinary one now, and is booked once more.
pub(crate) fn forget_adoption(known: &mut Correspondence, facts: &[Fact]) {
    known.facts.retain(|one| one.untold != ADOPTED || facts.iter().any(|fact| fact.id == one.id));
}

/// What is new, in the order in which it happened.
pub(crate) fn judge(
    known: &Correspondence,
    facts: Vec<Fact>,
    said: Saying<'_>,
    config: &Config,
    (since, now): (i64, i64),
) -> Vec<News> {
    let follows = said.version == known.version.saturating_add(1);
    let happened = |fact: &Fact| {
        let earliest = if follows { said.at } else { fact.after.max(known.said_at) };
        fact.at.unwrap_or(earliest)
    };
    let new = facts.into_iter().filter(|fact| !known.knows(&fact.id));
    let mut news: Vec<News> = new.map(|fact| News { at: happened(&fact), fact, untold: String::new() }).collect();
    // Of what happened at one time, the order of the business stays.
    news.sort_by_key(|one| one.at);
    let mut told_uncollected =
        known.facts.iter().any(|one| one.id.starts_with("not_collected") && one.untold.is_empty());
    let mut tells_ordered = false;
    for one in &mut news {
        one.untold = why_not(known, one, said, config, (since, now));
        // What it was changed to before it was booked is what is told as ordered.
        if one.untold.is_empty() && one.fact.occasion == Occasion::Edited && tells_ordered {
            "it is told as ordered".clone_into(&mut one.untold);
        }
        tells_ordered |= one.fact.occasion == Occasion::Ordered && one.untold.is_empty();
        if one.untold.is_empty() && one.fact.id == "cancelled" && told_uncollected {
            "it was told as not collected".clone_into(&mut one.untold);
        }
        told_uncollected |= one.fact.occasion == Occasion::NotCollected && one.untold.is_empty();
    }
    news
}

fn why_not(known: &Correspondence, one: &News, said: Saying<'_>, config: &Config, (since, now): (i64, i64)) -> String {
    let Fact { id, occasion, silent, .. } = &one.fact;
    if !silent.is_empty() {
        return (*silent).to_owned();
    }
    if said.adopted {
        return ADOPTED.to_owned();
    }
    // Of one millisecond nobody knows which came first.
    if one.at <= since {
        return "it is from before messages were switched on".to_owned();
    }
    if *occasion == Occasion::Delayed {
        // Days sort as they are written.
        match known.facts.iter().map(|one| one.id.as_str()).filter(|known| known.starts_with("delayed/")).max() {
            None => return "it is the first day that was named".to_owned(),
            Some(latest) if latest >= id.as_str() => return "it is not later than was said".to_owned(),
            Some(_) => {}
        }
    }
    let channel = config.channels.get(said.channel).filter(|channel| channel.tells(*occasion));
    let Some(channel) = channel else { return "it is not told here".to_owned() };
    if channel.expires_at(*occasion, one.at) <= at(now) {
        return "it is too late to tell".to_owned();
    }
    String::new()
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
