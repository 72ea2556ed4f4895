//! A wire with weather: an address in front of one or several others that passes on every byte, until it is told to cut,
//! to hold back, to be late or to pass on crumbs.

use std::net::SocketAddr;
use std::time::Duration;

use retail_runtime::{Io, Listener, Runtime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// The largest crumb.
const CRUMB: usize = 48;

/// What happens to the bytes that arrive from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They pass.
    Fair,
    /// They pass this much later.
    Late(Duration),
    /// They pass in small pieces.
    Crumbs,
    /// They wait for other weather; nobody is told.
    Still,
}

/// The wire.
#[derive(Debug)]
pub struct Proxy {
    at: SocketAddr,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Opens it at `at`, in front of these addresses: a connection goes to one of them that takes it. It stays open until
    /// the runtime stops.
    pub async fn open(runtime: &Runtime, at: SocketAddr, behind: Vec<SocketAddr>) -> Self {
        let listener = runtime.bind(at).await.unwrap();
        let (weather, cuts) = (watch::Sender::new(Weather::Fair), watch::Sender::new(0));
        let proxy = Self { at: listener.local_addr(), weather, cuts };
        let (world, weather, cuts) = (runtime.clone(), proxy.weather.subscribe(), proxy.cuts.subscribe());
        runtime.spawn("proxy", async move { keep(&world, &listener, &behind, &weather, &cuts).await });
        proxy
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// From now on it is so.
    pub fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Cuts every connection that there is; new ones pass.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn keep(
    runtime: &Runtime,
    listener: &Listener,
    behind: &[SocketAddr],
    weather: &watch::Receiver<Weather>,
    cuts: &watch::Receiver<u64>,
) {
    let stopping = runtime.stopping();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((caller, _)) = accepted else { continue };
        let (world, behind, ends) = (runtime.clone(), behind.to_vec(), stopping.clone());
        let (weather, mut cuts) = (weather.clone(), cuts.clone());
        cuts.mark_unchanged();
        runtime.spawn("proxy.connection", async move {
            let Some(called) = any(&world, &behind).await else { return };
            let (from_caller, to_caller) = tokio::io::split(caller);
            let (from_called, to_called) = tokio::io::split(called);
            let there = pass(&world, from_caller, to_called, weather.clone());
            let back = pass(&world, from_called, to_caller, weather);
            tokio::select! {
                // Both ends notice for themselves how it ended.
                _both = futures::future::join(there, back) => {}
                _cut = cuts.changed() => {}
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

/// Passes bytes one way until that way ends; an error ends it like an end.
async fn pass(
    runtime: &Runtime,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..length];
        // The sender of the weather outlives its connections.
        let now = weather.wait_for(|weather| *weather != Weather::Still).await.map_or(Weather::Fair, |now| *now);
        let passed = match now {
            Weather::Fair | Weather::Still => to.write_all(bytes).await,
            Weather::Late(by) => {
                runtime.clock().sleep(by).await;
                to.write_all(bytes).await
            }
            Weather::Crumbs => crumble(runtime, bytes, &mut to).await,
        };
        if passed.is_err() {
            break;
        }
    }
    // The other side may have gone already.
    let _ended = to.shutdown().await;
}

async fn crumble(runtime: &Runtime, mut bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let size = 1 + usize::try_from(runtime.rng().below(u64::try_from(CRUMB).unwrap())).unwrap();
        let (crumb, rest) = bytes.split_at(size.min(bytes.len()));
        to.write_all(crumb).await?;
        to.flush().await?;
        tokio::task::yield_now().await;
        bytes = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wire in front of somebody who says everything back.
    async fn echoed() -> (Runtime, Proxy, Io) {
        let runtime = Runtime::system("test");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.bind(any).await.unwrap();
        let at = listener.local_addr();
        runtime.spawn("echo", async move {
            while let Ok((io, _)) = listener.accept().await {
                let (mut from, mut to) = tokio::io::split(io);
                // One connection after the other is enough here.
                let _ended = tokio::io::copy(&mut from, &mut to).await;
            }
        });
        let proxy = Proxy::open(&runtime, any, vec![at]).await;
        let io = runtime.net().connect("127.0.0.1", proxy.at().port()).await.unwrap();
        (runtime, proxy, io)
    }

    async fn said_back(io: &mut Io, words: &[u8]) -> Vec<u8> {
        io.write_all(words).await.unwrap();
        let mut heard = vec![0; words.len()];
        io.read_exact(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn every_byte_passes_in_order_in_any_weather_but_a_still_one() {
        let (_runtime, proxy, mut io) = echoed().await;
        let words: Vec<u8> = (0..=u8::MAX).cycle().take(3_000).collect();
        for weather in [Weather::Fair, Weather::Crumbs, Weather::Late(Duration::from_millis(1))] {
            proxy.turn(weather);
            assert_eq!(said_back(&mut io, &words).await, words, "{weather:?}");
        }
        proxy.turn(Weather::Still);
        io.write_all(b"x").await.unwrap();
        let mut heard = [0];
        let nothing = tokio::time::timeout(Duration::from_millis(100), io.read_exact(&mut heard)).await;
        assert!(nothing.is_err(), "a still wire passes nothing");
        proxy.turn(Weather::Fair);
        io.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"x", "and loses nothing");
    }

    #[tokio::test]
    async fn a_cut_ends_the_connections_there_are_and_no_later_one() {
        let (runtime, proxy, mut io) = echoed().await;
        assert_eq!(said_back(&mut io, b"here").await, b"here");
        proxy.cut();
        let mut heard = [0];
        assert!(io.read_exact(&mut heard).await.is_err());
        let mut again = runtime.net().connect("127.0.0.1", proxy.at().port()).await.unwrap();
        assert_eq!(said_back(&mut again, b"again").await, b"again");
    }
}
