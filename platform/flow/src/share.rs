//! Which partitions a replica with too many of them gives away. Pure.

use retail_store::Partition;

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
    fn idle_partitions_go_first_and_what_leaves_already_is_not_counted_twice() {
        let hold = |number: u16, at_work, leaving| (Partition::new(number).unwrap(), Hold { at_work, leaving });
        let holds = [hold(0, 3, false), hold(1, 0, true), hold(2, 1, false), hold(3, 0, false)];
        let numbers = |count| surplus(&holds, count).into_iter().map(Partition::number).collect::<Vec<_>>();
        assert_eq!(numbers(2), [3, 2]);
        assert_eq!(numbers(9), [3, 2, 0]);
    }
}
