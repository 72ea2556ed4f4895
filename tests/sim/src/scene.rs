//! What a seed's world is about. Most worlds have a bit of everything; the others put one kind of trouble where it hurts
//! most, so that the safety against it is all that stands between the trouble and a wrong effect.

use std::time::Duration;

use retail_runtime::Rng;

use crate::people::Deed;

/// What a world is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// A bit of everything.
    Usual,
    /// Processes die all the time, in the middle of calls to slow vendors.
    Deaths,
    /// Two replicas of everything; one stands still past its leases while it drives, and wakes up.
    Rivals,
    /// Stores and wires lose answers; people repeat themselves.
    Letters,
    /// Vendors do late what was given up for lost, parcels are small, goods come back.
    Late,
}

impl Theme {
    /// The theme of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Usual, Self::Deaths, Self::Rivals, Self::Letters, Self::Late];
        all.into_iter().find(|theme| format!("{theme:?}").eq_ignore_ascii_case(name))
    }
}

/// A world's plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) theme: Theme,
    /// Does every domain have a second replica?
    pub(crate) seconds: bool,
    /// Are customers told by mail?
    pub(crate) told: bool,
    /// Does the mesh choose the place of each line by a policy?
    pub(crate) sourced: bool,
    /// Is there a web shop, and a payment service that holds its customers' money?
    pub(crate) paid: bool,
    /// Does every transaction run again from its bundle in the end?
    pub(crate) replayed: bool,
    pub(crate) shoppers: u64,
    /// Of each shopper.
    pub(crate) deeds: u64,
    /// Longest time between two deeds of a shopper, in milliseconds.
    pub(crate) pause: u64,
    /// Longest time between two troubles.
    pub(crate) gap: Duration,
    /// How much of time passes in one step; also the shortest way of a message, and how finely a death falls between two
    /// of them. Steps are most of what a world costs: few worlds have small ones.
    pub(crate) tick: Duration,
    /// Of every domain. Where they are few, rivals meet in them.
    pub(crate) partitions: u16,
    /// Seconds that the back office takes to ship, to bill, and to receive; pieces of a line in a parcel.
    pub(crate) office: (u64, u64, u64, u32),
}

impl Scene {
    /// The plan that chance makes; about `wanted`, when somebody wants a theme.
    pub(crate) fn of(rng: &Rng, wanted: Option<Theme>) -> Self {
        let drawn = match rng.below(100) {
            0..45 => Theme::Usual,
            45..60 => Theme::Deaths,
            60..75 => Theme::Rivals,
            75..93 => Theme::Letters,
            _ => Theme::Late,
        };
        let theme = wanted.unwrap_or(drawn);
        let (shoppers, deeds, pause) = match theme {
            Theme::Usual if rng.chance(200) => (1 + rng.below(3), 4 + rng.below(10), 2_500),
            Theme::Usual => (1 + rng.below(2), 2 + rng.below(5), 2_000),
            Theme::Deaths | Theme::Rivals => (2, 3 + rng.below(5), 2_500),
            Theme::Letters => (2, 5 + rng.below(6), 1_500),
            Theme::Late => (2, 5 + rng.below(4), 4_000),
        };
        let gap = match theme {
            Theme::Usual => 500 + rng.below(9_000),
            Theme::Deaths => 300 + rng.below(1_500),
            Theme::Rivals => 2_000 + rng.below(4_000),
            Theme::Letters => 500 + rng.below(1_500),
            Theme::Late => 1_000 + rng.below(4_000),
        };
        let office = match theme {
            // The back office takes its time, more in some worlds than in others.
            Theme::Usual => (rng.below(4) * 3, rng.below(3) * 2, rng.below(3) * 2, pieces(rng)),
            Theme::Deaths | Theme::Rivals | Theme::Letters => (rng.below(3), rng.below(2), rng.below(2), pieces(rng)),
            // Either pieces leave one by one, so that what arrives late finds something left to ship, or all is there soon
            // enough to come back.
            Theme::Late if rng.chance(500) => (8, rng.below(2), 0, 1),
            Theme::Late => (0, 0, 0, 0),
        };
        let seconds = theme == Theme::Rivals || (theme != Theme::Late && rng.chance(350));
        let tick = match rng.below(100) {
            // Most of its time goes by in waiting for what is late.
            _ if theme == Theme::Late => 80,
            0..2 => 5,
            2..6 => 10,
            6..24 => 20,
            _ => 40,
        };
        let partitions = match rng.below(100) {
            0..3 => 64,
            3..40 => 8,
            _ => 4,
        };
        let (gap, tick) = (Duration::from_millis(gap), Duration::from_millis(tick));
        let told = rng.chance(400);
        let sourced = rng.chance(400);
        let (paid, replayed) = (rng.chance(600), rng.chance(400));
        Self { theme, seconds, told, sourced, paid, replayed, shoppers, deeds, pause, gap, tick, partitions, office }
    }

    /// What somebody does next.
    pub(crate) fn deed(&self, rng: &Rng) -> Deed {
        let often: [(Deed, u64); 15] = match self.theme {
            Theme::Usual | Theme::Deaths | Theme::Rivals => [
                (Deed::Sell, 34),
                (Deed::Order, 16),
                (Deed::OrderOnTheWeb, 9),
                (Deed::CallOffAtTheShop, 6),
                (Deed::CallOff, 8),
                (Deed::CallOffALine, 7),
                (Deed::Edit, 8),
                (Deed::MoveToAnotherPlace, 9),
                (Deed::RefillTheStore, 5),
                (Deed::WorkInTheStore, 12),
                (Deed::RefundInTheAdmin, 8),
                (Deed::SendBack, 13),
                (Deed::Adjust, 7),
                (Deed::ChangeCustomer, 6),
                (Deed::ReuseKey, 2),
            ],
            Theme::Letters => [
                (Deed::Sell, 12),
                (Deed::Order, 30),
                (Deed::OrderOnTheWeb, 10),
                (Deed::CallOffAtTheShop, 2),
                (Deed::CallOff, 8),
                (Deed::CallOffALine, 4),
                (Deed::Edit, 5),
                (Deed::MoveToAnotherPlace, 4),
                (Deed::RefillTheStore, 3),
                (Deed::WorkInTheStore, 8),
                (Deed::RefundInTheAdmin, 2),
                (Deed::SendBack, 12),
                (Deed::Adjust, 24),
                (Deed::ChangeCustomer, 2),
                (Deed::ReuseKey, 8),
            ],
            Theme::Late => [
                (Deed::Sell, 50),
                (Deed::Order, 2),
                (Deed::OrderOnTheWeb, 4),
                (Deed::CallOffAtTheShop, 3),
                (Deed::CallOff, 5),
                (Deed::CallOffALine, 3),
                (Deed::Edit, 3),
                (Deed::MoveToAnotherPlace, 3),
                (Deed::RefillTheStore, 2),
                (Deed::WorkInTheStore, 1),
                (Deed::RefundInTheAdmin, 2),
                (Deed::SendBack, 34),
                (Deed::Adjust, 2),
                (Deed::ChangeCustomer, 1),
                (Deed::ReuseKey, 1),
            ],
        };
        let all: u64 = often.iter().map(|(_, share)| share).sum();
        let mut drawn = rng.below(all);
        for (deed, share) in often {
            if drawn < share {
                return deed;
            }
            drawn -= share;
        }
        Deed::Sell
    }
}

/// Most parcels take everything.
fn pieces(rng: &Rng) -> u32 {
    if rng.chance(700) { 0 } else { 1 + u32::from(rng.chance(500)) }
}
