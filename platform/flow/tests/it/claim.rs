//! A key belongs to one request, and its claim is never taken for the change it is for.

use std::convert::Infallible;

use retail_flow::claim_key;
use retail_store::{Caller, Draft, Error};

use crate::toy::{Parcel, World};

/// Enough keys that some lie in the partition of the parcel they are for.
const KEYS: usize = 512;

#[tokio::test(start_paused = true)]
async fn a_change_that_lies_in_the_partition_of_its_claim_is_made() {
    let world = World::new();
    for place in 0..KEYS {
        let (key, id) = (format!("k-{place}"), format!("p-{place}"));
        claim_key(&world.store, "ada", "Tell", &key, b"tell").await.unwrap();
        let rule = |draft: &mut Draft<Parcel>| {
            draft.doc.told = true;
            Ok::<_, Infallible>(Parcel { told: true, ..Parcel::default() })
        };
        let caller = Caller::keyed("ada", "Tell", &key, b"tell");
        let done = world.store.update::<Parcel, Parcel, _>(&id, caller, rule).await.unwrap();
        assert!(!done.repeated && done.value.told, "{key} was taken for a repeat");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_for_one_request_and_may_be_repeated_with_it() {
    let world = World::new();
    let claim = |content: &'static [u8]| claim_key(&world.store, "ada", "Tell", "k", content);
    claim(b"one").await.unwrap();
    claim(b"one").await.unwrap();
    assert_eq!(claim(b"other").await, Err(Error::KeyReused));
    claim_key(&world.store, "bob", "Tell", "k", b"other").await.unwrap();
}
