//! Worker leases and the fence they put around commits.

use std::time::Duration;

use retail_store::{Commit, Fence, LeaseAnswer, LeaseOp, Outcome, Refused, Wanted};

use crate::bed::{Bed, With as _, at, new, p, suite};

suite! {
    a_free_lease_is_taken_and_a_held_one_is_not,
    a_lease_that_ran_out_goes_to_another_with_a_higher_epoch,
    taking_ones_own_lease_again_renews_it,
    a_renewed_lease_lasts_longer,
    a_lost_lease_is_not_renewed,
    a_released_lease_is_free_at_once_and_its_epoch_is_not_used_again,
    a_commit_with_the_lease_is_applied,
    a_commit_of_the_holder_before_is_refused,
    a_commit_after_the_release_is_refused,
    the_same_epoch_with_another_nonce_is_refused,
    a_lease_nobody_took_over_still_fences_after_it_ran_out,
}

const TTL: Duration = Duration::from_secs(10);

async fn take(bed: &Bed, who: u8, now: i64) -> LeaseAnswer {
    bed.backend.lease(p(), LeaseOp::Take { nonce: [who; 16], ttl: TTL, now: at(now) }).await.unwrap()
}

async fn held(bed: &Bed, who: u8, now: i64) -> Fence {
    match take(bed, who, now).await {
        LeaseAnswer::Held(lease) => lease.fence,
        other => panic!("not taken: {other:?}"),
    }
}

async fn renew(bed: &Bed, fence: Fence, now: i64) -> LeaseAnswer {
    bed.backend.lease(p(), LeaseOp::Renew { fence, ttl: TTL, now: at(now) }).await.unwrap()
}

async fn release(bed: &Bed, fence: Fence) {
    assert_eq!(bed.backend.lease(p(), LeaseOp::Release { fence }).await, Ok(LeaseAnswer::Gone));
}

fn fenced(fence: Fence) -> Commit {
    let mut commit = new().event("a", 1);
    commit.fences = vec![fence];
    commit
}

async fn a_free_lease_is_taken_and_a_held_one_is_not(bed: Bed) {
    assert_eq!(held(&bed, 1, 100).await, Fence { epoch: 1, nonce: [1; 16] });
    assert_eq!(take(&bed, 2, 105).await, LeaseAnswer::Taken { until: at(110) });
    let wanted = Wanted { lease: true, ..Wanted::default() };
    assert_eq!(bed.backend.load(p(), wanted).await.unwrap().lease.unwrap().until, at(110));
}

async fn a_lease_that_ran_out_goes_to_another_with_a_higher_epoch(bed: Bed) {
    held(&bed, 1, 100).await;
    assert_eq!(held(&bed, 2, 110).await, Fence { epoch: 2, nonce: [2; 16] });
}

async fn taking_ones_own_lease_again_renews_it(bed: Bed) {
    held(&bed, 1, 100).await;
    assert_eq!(held(&bed, 1, 105).await.epoch, 1);
    assert_eq!(take(&bed, 2, 112).await, LeaseAnswer::Taken { until: at(115) });
}

async fn a_renewed_lease_lasts_longer(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    let LeaseAnswer::Held(lease) = renew(&bed, fence, 108).await else { panic!("lost") };
    assert_eq!((lease.fence, lease.until), (fence, at(118)));
    assert_eq!(take(&bed, 2, 117).await, LeaseAnswer::Taken { until: at(118) });
}

async fn a_lost_lease_is_not_renewed(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    held(&bed, 2, 200).await;
    assert_eq!(renew(&bed, fence, 201).await, LeaseAnswer::Gone);
}

async fn a_released_lease_is_free_at_once_and_its_epoch_is_not_used_again(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    release(&bed, fence).await;
    let next = held(&bed, 2, 101).await;
    assert_eq!(next.epoch, 2);
    // A late release by the one before changes nothing.
    release(&bed, fence).await;
    assert_eq!(take(&bed, 3, 102).await, LeaseAnswer::Taken { until: at(111) });
    assert_eq!(renew(&bed, fence, 103).await, LeaseAnswer::Gone);
}

async fn a_commit_with_the_lease_is_applied(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    bed.apply(fenced(fence)).await;
}

async fn a_commit_of_the_holder_before_is_refused(bed: Bed) {
    let old = held(&bed, 1, 100).await;
    let new = held(&bed, 2, 200).await;
    assert_eq!(bed.commit(fenced(old)).await, Outcome::Refused(Refused::Fence(old)));
    assert!(bed.sequences().await.is_empty());
    let mut both = fenced(new);
    both.fences.push(old);
    assert_eq!(bed.commit(both).await, Outcome::Refused(Refused::Fence(old)));
}

async fn a_commit_after_the_release_is_refused(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    release(&bed, fence).await;
    assert_eq!(bed.commit(fenced(fence)).await, Outcome::Refused(Refused::Fence(fence)));
}

async fn the_same_epoch_with_another_nonce_is_refused(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    let forged = Fence { nonce: [9; 16], ..fence };
    assert_eq!(bed.commit(fenced(forged)).await, Outcome::Refused(Refused::Fence(forged)));
    assert_eq!(renew(&bed, forged, 101).await, LeaseAnswer::Gone);
}

async fn a_lease_nobody_took_over_still_fences_after_it_ran_out(bed: Bed) {
    let fence = held(&bed, 1, 100).await;
    let mut late = fenced(fence);
    late.at = at(5_000);
    bed.apply(late).await;
    assert!(matches!(renew(&bed, fence, 5_001).await, LeaseAnswer::Held(_)));
}
