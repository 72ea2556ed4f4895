//! Which units of a shipment go to which fulfilment order. Pure: what is there already is left alone.

use std::collections::BTreeMap;

/// What may be done with a fulfilment order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Units may be fulfilled.
    Open,
    /// Held, or its time has not come.
    Held,
    /// Over; what it fulfilled counts.
    Over,
    /// Undone; nothing of it counts.
    Cancelled,
}

/// A fulfilment order of the shop.
#[derive(Debug, Clone)]
pub(crate) struct FulfilmentOrder {
    pub(crate) gid: String,
    pub(crate) standing: Standing,
    /// The shop's id of the location that fulfils it; none when it is gone.
    pub(crate) location: Option<u64>,
    /// The shop lets another location take it over.
    pub(crate) movable: bool,
    /// The customer collects it there.
    pub(crate) pickup: bool,
    pub(crate) lines: Vec<Line>,
}

/// A line of it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) gid: String,
    /// The order's line item.
    pub(crate) item: u64,
    pub(crate) total: i64,
    pub(crate) remaining: i64,
}

/// What goes out in one call: one fulfilment order, some of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) order: String,
    pub(crate) lines: Vec<(String, i64)>,
}

/// What is to be done about a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing: the shop shows it. `elsewhere` are line items that it shows under another fulfilment.
    Done { elsewhere: Vec<u64> },
    /// These calls, in this order.
    Send { parcels: Vec<Parcel>, elsewhere: Vec<u64> },
    /// Nothing can be done.
    Refuse { reason: &'static str, item: u64 },
}

/// At most this many lines fit a call ("FulfillmentOrderLineItemsInput").
const LINES: usize = 512;

#[derive(Default)]
struct Room {
    known: bool,
    open: i64,
    held: i64,
    fulfilled: i64,
}

/// What of a shipment the shop does not show under it yet.
pub(crate) fn missing(asked: &BTreeMap<u64, i64>, recorded: &BTreeMap<u64, i64>) -> BTreeMap<u64, i64> {
    let left = |(item, units): (&u64, &i64)| {
        let missing = units.saturating_sub(recorded.get(item).copied().unwrap_or_default());
        (missing > 0).then_some((*item, missing))
    };
    asked.iter().filter_map(left).collect()
}

/// Plans a shipment. `recorded` are units that the shop shows under this very shipment already.
pub(crate) fn plan(asked: &BTreeMap<u64, i64>, recorded: &BTreeMap<u64, i64>, orders: &[FulfilmentOrder]) -> Plan {
    let (mut wanted, mut elsewhere) = (BTreeMap::new(), Vec::new());
    for (item, units) in asked {
        let ours = recorded.get(item).copied().unwrap_or_default();
        let missing = units.saturating_sub(ours);
        if missing <= 0 {
            continue;
        }
        let room = room(*item, orders);
        if room.open >= missing {
            wanted.insert(*item, missing);
        } else if room.open.saturating_add(room.held) == 0 && room.fulfilled.saturating_sub(ours) >= missing {
            elsewhere.push(*item);
        } else if !room.known {
            return Plan::Refuse { reason: "NO_SUCH_SHOP_LINE", item: *item };
        } else if room.open.saturating_add(room.held) >= missing {
            return Plan::Refuse { reason: "FULFILMENT_ON_HOLD", item: *item };
        } else {
            return Plan::Refuse { reason: "NOTHING_LEFT_TO_FULFIL", item: *item };
        }
    }
    if wanted.is_empty() {
        return Plan::Done { elsewhere };
    }
    let mut parcels = Vec::new();
    for order in orders.iter().filter(|order| order.standing == Standing::Open) {
        let mut lines = Vec::new();
        for line in &order.lines {
            let Some(missing) = wanted.get_mut(&line.item) else { continue };
            let units = line.remaining.min(*missing);
            if units > 0 {
                *missing = missing.saturating_sub(units);
                lines.push((line.gid.clone(), units));
            }
        }
        let chunks = lines.chunks(LINES);
        parcels.extend(chunks.map(|lines| Parcel { order: order.gid.clone(), lines: lines.to_vec() }));
    }
    Plan::Send { parcels, elsewhere }
}

fn room(item: u64, orders: &[FulfilmentOrder]) -> Room {
    let mut room = Room::default();
    for order in orders {
        for line in order.lines.iter().filter(|line| line.item == item) {
            let fulfilled = line.total.saturating_sub(line.remaining);
            match order.standing {
                Standing::Open => room.open = room.open.saturating_add(line.remaining),
                Standing::Held => room.held = room.held.saturating_add(line.remaining),
                Standing::Over => {}
                Standing::Cancelled => continue,
            }
            room.known = true;
            room.fulfilled = room.fulfilled.saturating_add(fulfilled);
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(gid: &str, standing: Standing, lines: &[(u64, i64, i64)]) -> FulfilmentOrder {
        let lines = lines.iter().map(|(item, total, remaining)| Line {
            gid: format!("{gid}/{item}"),
            item: *item,
            total: *total,
            remaining: *remaining,
        });
        let (location, movable, pickup) = (Some(1), true, false);
        FulfilmentOrder { gid: gid.to_owned(), standing, location, movable, pickup, lines: lines.collect() }
    }

    fn map(units: &[(u64, i64)]) -> BTreeMap<u64, i64> {
        units.iter().copied().collect()
    }

    #[test]
    fn a_line_that_two_places_ship_goes_out_in_two_calls() {
        let orders = [order("a", Standing::Open, &[(1, 2, 2)]), order("b", Standing::Open, &[(1, 3, 3), (2, 1, 1)])];
        let Plan::Send { parcels, elsewhere } = plan(&map(&[(1, 4), (2, 1)]), &map(&[]), &orders) else { panic!() };
        assert!(elsewhere.is_empty());
        assert_eq!(parcels[0], Parcel { order: "a".into(), lines: vec![("a/1".into(), 2)] });
        assert_eq!(parcels[1], Parcel { order: "b".into(), lines: vec![("b/1".into(), 2), ("b/2".into(), 1)] });
    }

    #[test]
    fn only_what_is_not_recorded_yet_goes_out() {
        let orders = [order("a", Standing::Open, &[(1, 4, 2), (2, 1, 1)])];
        assert_eq!(
            plan(&map(&[(1, 2), (2, 1)]), &map(&[(1, 2)]), &orders),
            Plan::Send {
                parcels: vec![Parcel { order: "a".into(), lines: vec![("a/2".into(), 1)] }],
                elsewhere: vec![]
            }
        );
        assert_eq!(plan(&map(&[(1, 2)]), &map(&[(1, 2)]), &orders), Plan::Done { elsewhere: vec![] });
    }

    #[test]
    fn a_line_that_somebody_else_fulfilled_is_done_and_named() {
        let orders = [order("a", Standing::Over, &[(1, 2, 0)])];
        assert_eq!(plan(&map(&[(1, 2)]), &map(&[]), &orders), Plan::Done { elsewhere: vec![1] });
    }

    #[test]
    fn a_line_that_was_cancelled_or_refunded_away_is_never_called_done() {
        let refuse = |reason| Plan::Refuse { reason, item: 1 };
        let asked = map(&[(1, 2)]);
        let cancelled = [order("a", Standing::Cancelled, &[(1, 2, 0)])];
        assert_eq!(plan(&asked, &map(&[]), &cancelled), refuse("NO_SUCH_SHOP_LINE"));
        let refunded = [order("a", Standing::Over, &[(1, 0, 0)])];
        assert_eq!(plan(&asked, &map(&[]), &refunded), refuse("NOTHING_LEFT_TO_FULFIL"));
        let held = [order("a", Standing::Held, &[(1, 2, 2)])];
        assert_eq!(plan(&asked, &map(&[]), &held), refuse("FULFILMENT_ON_HOLD"));
        let short = [order("a", Standing::Open, &[(1, 2, 1)])];
        assert_eq!(plan(&asked, &map(&[]), &short), refuse("NOTHING_LEFT_TO_FULFIL"));
        assert_eq!(plan(&asked, &map(&[]), &[]), refuse("NO_SUCH_SHOP_LINE"));
    }

    #[test]
    fn a_thousand_lines_go_out_in_calls_of_512() {
        let lines: Vec<(u64, i64, i64)> = (1..=1_114).map(|item| (item, 1, 1)).collect();
        let orders = [order("a", Standing::Open, &lines)];
        let asked = lines.iter().map(|(item, ..)| (*item, 1)).collect();
        let Plan::Send { parcels, .. } = plan(&asked, &map(&[]), &orders) else { panic!() };
        assert_eq!(parcels.iter().map(|parcel| parcel.lines.len()).collect::<Vec<_>>(), [512, 512, 90]);
    }

    proptest! {
        #[test]
        fn what_goes_out_is_exactly_what_was_asked_and_never_more_than_remains(
            rooms in proptest::collection::vec((0_u64..4, 0_i64..5), 1..12),
            asked in proptest::collection::btree_map(0_u64..4, 1_i64..6, 1..4),
        ) {
            let orders: Vec<FulfilmentOrder> = rooms.iter().enumerate()
                .map(|(index, (item, left))| order(&format!("o{index}"), Standing::Open, &[(*item, *left, *left)]))
                .collect();
            match plan(&asked, &BTreeMap::new(), &orders) {
                Plan::Send { parcels, .. } => {
                    let mut sent = BTreeMap::<u64, i64>::new();
                    for (parcel, index) in parcels.iter().map(|parcel| (parcel, parcel.order[1..].parse::<usize>().unwrap())) {
                        for (_, units) in &parcel.lines {
                            prop_assert!(*units > 0 && *units <= rooms[index].1);
                            *sent.entry(rooms[index].0).or_default() += units;
                        }
                    }
                    prop_assert_eq!(sent, asked);
                }
                Plan::Refuse { item, .. } => {
                    let left: i64 = rooms.iter().filter(|(known, _)| *known == item).map(|(_, left)| left).sum();
                    prop_assert!(left < asked[&item]);
                }
                Plan::Done { .. } => prop_assert!(false, "nothing was fulfilled yet"),
            }
        }
    }
}
