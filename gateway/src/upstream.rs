//! Calls to services with bytes that are protobuf already.

use std::collections::HashMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use retail_runtime::{Peer, PeerError, Runtime};
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::{Request, Response, Status};

/// Passes messages through as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PassThrough;

impl Codec for PassThrough {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = PassThrough;
    type Decoder = PassThrough;

    fn encoder(&mut self) -> PassThrough {
        PassThrough
    }

    fn decoder(&mut self) -> PassThrough {
        PassThrough
    }
}

impl Encoder for PassThrough {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for PassThrough {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Where each service is.
#[derive(Debug)]
pub(crate) struct Upstreams {
    peers: HashMap<String, Peer>,
    largest: usize,
}

impl Upstreams {
    /// Lazy channels to every service; `largest` bounds one message in either direction, in bytes.
    pub(crate) fn new<'a>(
        runtime: &Runtime,
        addresses: impl Iterator<Item = (&'a str, &'a str)>,
        largest: usize,
    ) -> Result<Upstreams, PeerError> {
        let mut by_address: HashMap<&str, Peer> = HashMap::new();
        let mut peers = HashMap::new();
        for (name, address) in addresses {
            let peer = match by_address.get(address) {
                Some(peer) => peer.clone(),
                None => runtime.peer(address)?,
            };
            by_address.insert(address, peer.clone());
            peers.insert(name.to_owned(), peer);
        }
        Ok(Upstreams { peers, largest })
    }

    /// One request, one answer.
    pub(crate) async fn unary(
        &self,
        name: &str,
        path: &PathAndQuery,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Status> {
        self.ready(name).await?.unary(request, path.clone(), PassThrough).await
    }

    /// One request, many answers.
    pub(crate) async fn stream(
        &self,
        name: &str,
        path: &PathAndQuery,
        request: Request<Bytes>,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        self.ready(name).await?.server_streaming(request, path.clone(), PassThrough).await
    }

    async fn ready(&self, name: &str) -> Result<Grpc<Peer>, Status> {
        let Some(peer) = self.peers.get(name) else {
            return Err(Status::unimplemented("no such service"));
        };
        let grpc = Grpc::new(peer.clone()).accept_compressed(CompressionEncoding::Gzip);
        let mut grpc = grpc.max_decoding_message_size(self.largest).max_encoding_message_size(self.largest);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }
}
