//! Commits that get lost, and requests that die in the middle.

use std::collections::BTreeSet;

use retail_proto::customers::v1 as pb;
use retail_store::Fate;

use crate::harness::{Mesh, contact, merge_of, mesh, says, unmerge_of};

/// Lets the n-th commit from now go wrong, and all others go well.
fn spoil(mesh: &Mesh, nth: usize, fate: Fate) {
    let mut left = nth;
    mesh.model.fate(move |_, _| {
        let now = left == 0;
        left = left.wrapping_sub(1);
        if now { fate } else { Fate::Lucky }
    });
}

fn records(customer: &pb::Customer) -> BTreeSet<&str> {
    customer.refs.iter().map(|record| record.id.as_str()).collect()
}

#[tokio::test]
async fn a_merge_and_its_undoing_are_whole_whichever_commit_is_lost_and_repeated() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.quiet().await;
    let (first, second) = (mesh.customer(&one).await, mesh.customer(&two).await);
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        for nth in 0..7 {
            let key = format!("{fate:?}-{nth}");
            spoil(&mesh, nth, fate);
            // Lost or not: the repeat is what counts.
            let _lost = mesh.merge(merge_of(&key, &one, &two)).await;
            let merged = mesh.merge(merge_of(&key, &one, &two)).await.unwrap();
            assert_eq!(merged.merged_ids, std::slice::from_ref(&two), "{key}");
            assert_eq!(mesh.customer(&two).await.customer_id, one, "{key}");
            spoil(&mesh, nth, fate);
            let _lost = mesh.unmerge(unmerge_of(&key, &one, &two)).await;
            let (survivor, restored) = mesh.unmerge(unmerge_of(&key, &one, &two)).await.unwrap();
            assert_eq!(records(&survivor), records(&first), "{key}");
            assert_eq!((records(&restored), &restored.profile), (records(&second), &second.profile), "{key}");
        }
    }
}

#[tokio::test]
async fn a_merge_that_nobody_comes_back_for_is_completed() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.quiet().await;
    // The key, the first bond and the second are written; the commit that takes the parts is not.
    spoil(&mesh, 3, Fate::RequestLost);
    let _lost = mesh.merge(merge_of("m", &one, &two)).await;
    mesh.until("the worker has completed the merge", || async {
        mesh.customer(&two).await.customer_id == one
            && mesh.customer(&one).await.merged_ids == std::slice::from_ref(&two)
    })
    .await;
}

#[tokio::test]
async fn a_sync_whose_answer_was_lost_is_applied_once() {
    let mesh = mesh().await;
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        for nth in 0..4 {
            let id = format!("{fate:?}-{nth}");
            let said = says(contact(&id), 1, pb::Profile { first_name: "Ada".into(), ..Default::default() });
            mesh.quiet().await;
            spoil(&mesh, nth, fate);
            let _lost = mesh.sync(said.clone()).await;
            let heard = mesh.sync(said.clone()).await.unwrap();
            assert_eq!(heard.result(), pb::SyncResult::Applied, "{id}");
            assert_eq!(mesh.sync(said).await.unwrap(), heard, "the same key, the same answer");
            let found =
                mesh.find(pb::FindCustomersRequest { system_id: Some(contact(&id)), ..Default::default() }).await;
            assert_eq!(found.unwrap().len(), 1);
        }
    }
}
