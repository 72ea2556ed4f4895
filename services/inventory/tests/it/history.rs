//! Many buyers of one item at once: what they were told could have been told one after the other. Nobody hears "sold out"
//! while there is some, nobody gets what another has or takes what he said must be left, and a number that was read is one
//! that was true.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use retail_proto::inventory::v1::ReservationState;
use retail_runtime::Rng;

use crate::harness::{Mesh, mesh, reserve};
use crate::linear::{Seen, Spec, is_explained};

const BUYERS: u64 = 6;
const DEEDS: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Deed {
    /// So many, and so many that must be left.
    Reserve(i64, i64),
    Release(i64),
    Look,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Promised(bool),
    Released,
    Available(i64),
}

/// What may be sold, as one buyer at a time would find it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Counter(i64);

impl Spec for Counter {
    type Op = Deed;
    type Answer = Told;

    fn after(&self, deed: &Deed) -> (Self, Told) {
        match *deed {
            Deed::Reserve(pieces, kept) if pieces + kept <= self.0 => (Self(self.0 - pieces), Told::Promised(true)),
            Deed::Reserve(..) => (self.clone(), Told::Promised(false)),
            Deed::Release(pieces) => (Self(self.0 + pieces), Told::Released),
            Deed::Look => (self.clone(), Told::Available(self.0)),
        }
    }
}

/// What a buyer did, and the reservations that are left.
type Bought = (Vec<Seen<Deed, Told>>, Vec<String>);

async fn buy(mesh: &Mesh, round: u64, who: u64, moments: &AtomicU64) -> Bought {
    let rng = Rng::seeded(round * 100 + who);
    let moment = || moments.fetch_add(1, Ordering::SeqCst);
    let (mut seen, mut held) = (Vec::new(), Vec::new());
    for number in 0..DEEDS {
        let release = !held.is_empty() && rng.chance(500);
        let asked = moment();
        let (op, answer) = if release {
            let (id, pieces): (String, i64) = held.remove(0);
            assert_eq!(mesh.release(&id).await.unwrap().state(), ReservationState::Released);
            (Deed::Release(pieces), Told::Released)
        } else if rng.chance(200) {
            let available = mesh.available("B", "MAIN").await.unwrap();
            (Deed::Look, Told::Available(available.parse().unwrap()))
        } else {
            let (id, pieces) = (format!("o-{round}-{who}-{number}"), 1 + i64::try_from(rng.below(3)).unwrap());
            // Every other buyer leaves one or two.
            let kept = if who.is_multiple_of(2) { 1 + i64::try_from(rng.below(2)).unwrap() } else { 0 };
            let mut request = reserve(&id, &[("1", "B", "", &pieces.to_string())]);
            request.lines[0].keep_back = kept.to_string();
            let answer = mesh.try_reserve(request).await.unwrap();
            let promised = answer.reservation.is_some();
            if promised {
                held.push((id, pieces));
            }
            (Deed::Reserve(pieces, kept), Told::Promised(promised))
        };
        seen.push(Seen { asked, answered: moment(), op, answer });
    }
    (seen, held.into_iter().map(|(id, _)| id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_buyers_of_the_last_units_were_told_has_an_order() {
    let mesh = mesh().await;
    let moments = AtomicU64::new(0);
    for round in 0..10 {
        let buyers = (0..BUYERS).map(|who| buy(&mesh, round, who, &moments));
        let (histories, left): (Vec<_>, Vec<_>) = join_all(buyers).await.into_iter().unzip();
        let history: Vec<_> = histories.into_iter().flatten().collect();
        assert!(is_explained(&Counter(5), &history), "round {round}: no order explains {history:#?}");
        // The next round begins with all of it.
        for id in left.iter().flatten() {
            mesh.release(id).await.unwrap();
        }
    }
}
