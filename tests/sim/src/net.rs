//! The simulated network as the platform's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use retail_runtime::{Accept, Io, Listener, Net, Network};
use turmoil::net::{TcpListener, TcpStream};

/// The network as one host sees it.
pub(crate) fn net(host: &str) -> Net {
    Net::new(Arc::new(Simulated { own: turmoil::lookup(host) }))
}

struct Simulated {
    own: IpAddr,
}

impl Network for Simulated {
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Io>> {
        let host = host.to_owned();
        Box::pin(async move {
            // An address is one too: vendors send their callers to where they were found.
            let at = host.parse::<IpAddr>().unwrap_or_else(|_| turmoil::lookup(host.as_str()));
            Ok(Io::new(TcpStream::connect(SocketAddr::new(at, port)).await?))
        })
    }

    fn bind(&self, at: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        let own = self.own;
        Box::pin(async move {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, at.port()))).await?;
            let at = SocketAddr::new(own, listener.local_addr()?.port());
            Ok(Listener::new(Arc::new(Bound { listener, at })))
        })
    }
}

struct Bound {
    listener: TcpListener,
    at: SocketAddr,
}

impl Accept for Bound {
    fn local_addr(&self) -> SocketAddr {
        self.at
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            Ok((Io::new(stream), peer))
        })
    }
}
