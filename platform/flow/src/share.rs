//! How many partitions a replica is to hold, and which it gives away when it has too many. Pure.

use retail_store::Partition;

/// The share of the replica at this place among so many: all shares together are all partitions, and no two differ by
/// more than one.
pub(crate) fn share_of(all: usize, place: usize, replicas: usize) -> usize {
    let (each, rest) = (all.checked_div(replicas).unwrap_or(all), all.checked_rem(replicas).unwrap_or(0));
    each.saturating_add(usize::from(place < rest))
}

/// What matters of a partition that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    /// Drivers under way in it.
    pub(crate) at_work: usize,
    /// It is on its way out already.
    pub(crate) leaving: bool,
}

/// The partitions to give away when so many are too many: those that are idle, or soon will be, first.
pub(crate) fn surplus(holds: &[(Partition, Hold)], count: usize) -> Vec<Partition> {
    let mut kept: Vec<&(Partition, Hold)> = holds.iter().filter(|(_, hold)| !hold.leaving).collect();
    kept.sort_by_key(|(partition, hold)| (hold.at_work, *partition));
    kept.into_iter().take(count).map(|(partition, _)| *partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_leave_nothing_over() {
        for replicas in 1..=80 {
            let shares: Vec<usize> = (0..replicas).map(|place| share_of(64, place, replicas)).collect();
            assert_eq!(shares.iter().sum::<usize>(), 64);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }

    #[test]
    fn idle_partitions_go_first_and_what_leaves_already_is_not_counted_twice() {
        let hold = |number: u16, at_work, leaving| (Partition::new(number).unwrap(), Hold { at_work, leaving });
        let holds = [hold(0, 3, false), hold(1, 0, true), hold(2, 1, false), hold(3, 0, false)];
        let numbers = |count| surplus(&holds, count).into_iter().map(Partition::number).collect::<Vec<_>>();
        assert_eq!(numbers(2), [3, 2]);
        assert_eq!(numbers(9), [3, 2, 0]);
    }
}
