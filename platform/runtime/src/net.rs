//! The network: real sockets, or a simulated one. Every listener and every connection comes from here.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub struct Io(Box<dyn Stream>);

impl Io {
    /// Wraps any byte stream.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Io")
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

/// Accepts connections.
pub trait Accept: Send + Sync {
    /// Where it listens.
    fn local_addr(&self) -> SocketAddr;
    /// The next connection.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>>;
}

/// A listening socket.
#[derive(Clone)]
pub struct Listener(Arc<dyn Accept>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.local_addr())
    }
}

impl Listener {
    /// A listener over another network.
    #[must_use]
    pub fn new(accept: Arc<dyn Accept>) -> Self {
        Self(accept)
    }

    /// Where it listens; with port 0 asked for, the port that was given.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// The next connection.
    ///
    /// # Errors
    /// Errors of the socket; those of one connection are worth another try.
    pub async fn accept(&self) -> io::Result<(Io, SocketAddr)> {
        self.0.accept().await
    }
}

/// A network.
pub trait Network: Send + Sync {
    /// Opens a connection.
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Io>>;
    /// Opens a listener.
    fn bind(&self, at: SocketAddr) -> BoxFuture<'static, io::Result<Listener>>;
    /// The hosts behind a name, each as `connect` takes it. A network without names leaves it as it is.
    fn resolve(&self, host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(vec![host]) })
    }
}

/// The network. Clones share it.
#[derive(Clone)]
pub struct Net(Arc<dyn Network>);

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl Net {
    /// Real sockets.
    #[must_use]
    pub fn tcp() -> Self {
        Self(Arc::new(Tcp))
    }

    /// Another network.
    #[must_use]
    pub fn new(network: Arc<dyn Network>) -> Self {
        Self(network)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn connect(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Io>> + Send + use<> {
        self.0.connect(host, port)
    }

    /// Opens a listener.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn bind(&self, at: SocketAddr) -> impl Future<Output = io::Result<Listener>> + Send + use<> {
        self.0.bind(at)
    }

    /// The hosts behind a name, each as [`Net::connect`] takes it.
    ///
    /// # Errors
    /// When the name cannot be asked for, or nothing is behind it.
    pub fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<String>>> + Send + use<> {
        self.0.resolve(host, port)
    }
}

struct Tcp;

impl Network for Tcp {
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Io>> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Ok(Io::new(stream))
        })
    }

    fn bind(&self, at: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        Box::pin(async move {
            let listener = TcpListener::bind(at).await?;
            let at = listener.local_addr()?;
            Ok(Listener::new(Arc::new(TcpAccept { listener, at })))
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let mut found: Vec<String> =
                tokio::net::lookup_host((host.as_str(), port)).await?.map(|at| at.ip().to_string()).collect();
            found.sort_unstable();
            found.dedup();
            Ok(found)
        })
    }
}

struct TcpAccept {
    listener: TcpListener,
    at: SocketAddr,
}

impl Accept for TcpAccept {
    fn local_addr(&self) -> SocketAddr {
        self.at
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Io::new(stream), peer))
        })
    }
}
