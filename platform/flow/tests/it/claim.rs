//! A key belongs to one request, and its claim is never taken for the change it is for.

use std::convert::Infallible;

use retail_flow::{Asked, MESH, Unclaimed};
use retail_store::Draft;

use crate::toy::{Parcel, World};

/// Enough keys that some lie in the partition of the parcel they are for.
const KEYS: usize = 512;

#[tokio::test(start_paused = true)]
async fn a_change_that_lies_in_the_partition_of_its_claim_is_made() {
    let world = World::new();
    for place in 0..KEYS {
        let (key, id) = (format!("k-{place}"), format!("p-{place}"));
        let asked = Asked::new("ada", "Tell", &key, b"tell".to_vec());
        asked.claim(&world.store).await.unwrap();
        let rule = |draft: &mut Draft<Parcel>| {
            draft.doc.told = true;
            Ok::<_, Infallible>(Parcel { told: true, ..Parcel::default() })
        };
        let done = world.store.update::<Parcel, Parcel, _>(&id, asked.caller(), rule).await.unwrap();
        assert!(!done.repeated && done.value.told, "{key} was taken for a repeat");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_for_one_request_and_may_be_repeated_with_it() {
    let world = World::new();
    let ask = |who: &str, content: &[u8]| Asked::new(who, "Tell", "k", content.to_vec());
    ask("ada", b"one").claim(&world.store).await.unwrap();
    ask("ada", b"one").claim(&world.store).await.unwrap();
    assert_eq!(ask("ada", b"other").claim(&world.store).await, Err(Unclaimed::KeyReused("k".to_owned())));
    ask("bob", b"other").claim(&world.store).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn callers_inside_the_mesh_claim_nothing() {
    let world = World::new();
    for content in [b"one", b"two"] {
        Asked::new(MESH, "Tell", "k", content.to_vec()).claim(&world.store).await.unwrap();
    }
}
