//! A network in memory: enough of one for tests.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use retail_runtime::{Accept, Io, Listener, Network};
use tokio::io::DuplexStream;
use tokio::sync::{Mutex as Queue, mpsc};

/// An empty network.
pub(crate) fn network() -> Arc<dyn Network> {
    Arc::new(Memory::default())
}

#[derive(Default)]
struct Memory(Mutex<HashMap<u16, mpsc::Sender<DuplexStream>>>);

struct Port {
    at: SocketAddr,
    arriving: Queue<mpsc::Receiver<DuplexStream>>,
}

impl Network for Memory {
    fn connect(&self, _host: &str, port: u16) -> BoxFuture<'static, io::Result<Io>> {
        let listening = self.0.lock().unwrap().get(&port).cloned();
        Box::pin(async move {
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let (near, far) = tokio::io::duplex(64 * 1024);
            listening.ok_or_else(refused)?.send(far).await.map_err(|_| refused())?;
            Ok(Io::new(near))
        })
    }

    fn bind(&self, mut at: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        let mut ports = self.0.lock().unwrap();
        if at.port() == 0 {
            at.set_port((1..).find(|port| !ports.contains_key(port)).unwrap());
        }
        let (sender, receiver) = mpsc::channel(16);
        ports.insert(at.port(), sender);
        Box::pin(async move { Ok(Listener::new(Arc::new(Port { at, arriving: Queue::new(receiver) }))) })
    }
}

impl Accept for Port {
    fn local_addr(&self) -> SocketAddr {
        self.at
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>> {
        Box::pin(async move {
            let stream = self.arriving.lock().await.recv().await.ok_or(io::ErrorKind::NotConnected)?;
            Ok((Io::new(stream), ([127, 0, 0, 1], 9).into()))
        })
    }
}
