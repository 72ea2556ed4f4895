//! Whether what many callers saw at once could have been seen by one after the other: each operation as if it happened at
//! one moment between its question and its answer. The search is Wing and Gong's, with what it has seen remembered.

use std::collections::HashSet;
use std::hash::Hash;

/// What one caller at a time would see.
pub(crate) trait Spec: Clone + Eq + Hash {
    /// What is asked.
    type Op;
    /// What is answered.
    type Answer: PartialEq;

    /// The answer, and how things stand after it.
    fn after(&self, op: &Self::Op) -> (Self, Self::Answer);
}

/// One operation that was answered. Moments are numbers of one counter.
#[derive(Debug, Clone)]
pub(crate) struct Seen<O, A> {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) op: O,
    pub(crate) answer: A,
}

/// True when an order of the operations explains every answer. At most 128 operations.
pub(crate) fn is_explained<S: Spec>(begin: &S, history: &[Seen<S::Op, S::Answer>]) -> bool {
    assert!(history.len() <= 128);
    let all = if history.len() == 128 { u128::MAX } else { (1_u128 << history.len()) - 1 };
    let mut tried: HashSet<(u128, S)> = HashSet::new();
    let mut open = vec![(0_u128, begin.clone())];
    while let Some((done, state)) = open.pop() {
        if done == all {
            return true;
        }
        let left = || (0..history.len()).filter(|place| done & (1 << place) == 0);
        let first_answer = left().map(|place| history[place].answered).min().unwrap();
        for place in left().filter(|place| history[*place].asked < first_answer) {
            let (next, answer) = state.after(&history[place].op);
            let step = (done | (1 << place), next);
            if answer == history[place].answer && tried.insert(step.clone()) {
                open.push(step);
            }
        }
    }
    false
}

/// A register that holds the last number that was written.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Register(u8);

#[derive(Clone, Copy)]
enum Do {
    Write(u8),
    Read,
}

impl Spec for Register {
    type Op = Do;
    type Answer = u8;

    fn after(&self, op: &Do) -> (Self, u8) {
        match op {
            Do::Write(number) => (Self(*number), *number),
            Do::Read => (self.clone(), self.0),
        }
    }
}

fn seen(asked: u64, answered: u64, op: Do, answer: u8) -> Seen<Do, u8> {
    Seen { asked, answered, op, answer }
}

#[test]
fn a_read_that_overlaps_a_write_may_see_it_or_not() {
    for value in [0, 7] {
        assert!(is_explained(&Register(0), &[seen(1, 4, Do::Write(7), 7), seen(2, 3, Do::Read, value)]));
    }
}

#[test]
fn what_was_seen_once_is_not_unseen() {
    let history = [seen(1, 8, Do::Write(7), 7), seen(2, 3, Do::Read, 7), seen(4, 5, Do::Read, 0)];
    assert!(!is_explained(&Register(0), &history));
}

#[test]
fn a_read_after_a_write_sees_it() {
    assert!(!is_explained(&Register(0), &[seen(1, 2, Do::Write(7), 7), seen(3, 4, Do::Read, 0)]));
}
