//! A network inside the process, for counting: in paused time no clock moves while anybody has something to do, so that
//! a busy machine changes no count.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use retail_runtime::{Accept, Clock, Io, Listener, Net, Network, TimeSource, Timestamp};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

type Doors = Arc<Mutex<BTreeMap<u16, mpsc::UnboundedSender<DuplexStream>>>>;

#[derive(Default)]
struct Wires(Doors);

struct Door {
    at: SocketAddr,
    callers: tokio::sync::Mutex<mpsc::UnboundedReceiver<DuplexStream>>,
}

impl Accept for Door {
    fn local_addr(&self) -> SocketAddr {
        self.at
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>> {
        Box::pin(async move {
            let caller = self.callers.lock().await.recv().await;
            caller.map(|stream| (Io::new(stream), self.at)).ok_or_else(|| io::ErrorKind::NotConnected.into())
        })
    }
}

impl Network for Wires {
    fn connect(&self, _: &str, port: u16) -> BoxFuture<'static, io::Result<Io>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let open = self.0.lock().unwrap().get(&port).is_some_and(|door| door.send(far).is_ok());
        let stream = if open { Ok(Io::new(near)) } else { Err(io::ErrorKind::ConnectionRefused.into()) };
        Box::pin(async move { stream })
    }

    fn bind(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        let mut doors = self.0.lock().unwrap();
        let port = u16::try_from(doors.len()).unwrap() + 1;
        let (door, callers) = mpsc::unbounded_channel();
        doors.insert(port, door);
        let door = Door { at: SocketAddr::from(([127, 0, 0, 1], port)), callers: tokio::sync::Mutex::new(callers) };
        Box::pin(async move { Ok(Listener::new(Arc::new(door))) })
    }
}

/// Time that follows tokio's pausable clock.
struct Paused(tokio::time::Instant);

impl TimeSource for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + self.0.elapsed()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock and a network for a test in paused time.
pub(crate) fn still() -> (Clock, Net) {
    (Clock::new(Arc::new(Paused(tokio::time::Instant::now()))), Net::new(Arc::<Wires>::default()))
}
