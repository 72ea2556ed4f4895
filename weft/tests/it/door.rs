//! One address in front of several replicas, as a balancer has it: every connection goes to one that takes it.

use std::net::SocketAddr;

use retail_runtime::{Io, Listener, Runtime};

/// Opens a door; it stays open until the runtime stops.
pub(crate) async fn open(runtime: &Runtime, behind: Vec<SocketAddr>) -> SocketAddr {
    let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let at = listener.local_addr();
    let world = runtime.clone();
    runtime.spawn("door", async move { keep(&world, &listener, &behind).await });
    at
}

async fn keep(runtime: &Runtime, listener: &Listener, behind: &[SocketAddr]) {
    let stopping = runtime.stopping();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((mut caller, _)) = accepted else { continue };
        let (world, behind, ends) = (runtime.clone(), behind.to_vec(), stopping.clone());
        runtime.spawn("door.caller", async move {
            let Some(mut replica) = any(&world, &behind).await else { return };
            tokio::select! {
                // Both sides notice for themselves how it ended.
                _ended = tokio::io::copy_bidirectional(&mut caller, &mut replica) => {}
                () = ends.cancelled() => {}
            }
        });
    }
}

async fn any(runtime: &Runtime, behind: &[SocketAddr]) -> Option<Io> {
    let first = usize::try_from(runtime.rng().below(u64::try_from(behind.len()).unwrap())).unwrap();
    for at in behind.iter().cycle().skip(first).take(behind.len()) {
        if let Ok(io) = runtime.net().connect(&at.ip().to_string(), at.port()).await {
            return Some(io);
        }
    }
    None
}
