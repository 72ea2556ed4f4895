//! TLS to the relay, from the first byte and after STARTTLS. The mail server of the sandbox has none, so a door stands before it
//! here. `protected/` holds a certificate for `localhost` and its key, made for these tests and trusted by nobody else.

use std::sync::Arc;

use retail_runtime::{Io, Runtime};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio_rustls::TlsAcceptor;

use crate::world::*;

fn acceptor() -> TlsAcceptor {
    let certificates = CertificateDer::pem_slice_iter(include_bytes!("protected/relay.pem")).map(Result::unwrap);
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("protected/relay.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.collect(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Stands before the mail server and speaks TLS; says its port.
async fn door(runtime: &Runtime, server: u16, starttls: bool) -> u16 {
    let door = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (port, world) = (door.local_addr().port(), runtime.clone());
    runtime.spawn("door", async move {
        while let Ok((io, _)) = door.accept().await {
            let io = if starttls { agreed(io).await } else { io };
            let mut behind = BufReader::new(world.net().connect("127.0.0.1", server).await.unwrap());
            if starttls {
                // The greeting was said in the clear.
                behind.read_line(&mut String::new()).await.unwrap();
            }
            // A client that does not trust us hangs up.
            if let Ok(mut tls) = acceptor().accept(io).await {
                let _ended = copy_bidirectional(&mut tls, &mut behind).await;
            }
        }
    });
    port
}

/// Leads up to the handshake.
async fn agreed(io: Io) -> Io {
    let mut io = BufReader::new(io);
    for reply in ["220 door\r\n", "250-door\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
        if !reply.starts_with("220 door") {
            io.read_line(&mut String::new()).await.unwrap();
        }
        io.write_all(reply.as_bytes()).await.unwrap();
    }
    io.into_inner()
}

async fn sent(tls: &str, starttls: bool, authority: &str) -> (String, u64) {
    let world = world().await;
    let port = door(&world.runtime, world.server.port(), starttls).await;
    let relay = format!("host = 'localhost'\ntls = '{tls}'\nroots = 'tests/it/protected/{authority}.pem'");
    let config = config(port, &With { relay: &relay, ..With::default() });
    let smtp = retail_smtp::Connector::new(&config, &world.runtime).unwrap();
    let world = World { smtp, ..world };
    let said = world.send(&shipped("m-1", "max@example.com")).await;
    (said, world.counted().await.0)
}

#[tokio::test]
async fn a_message_goes_over_tls_from_the_first_byte() {
    assert_eq!(sent("implicit", false, "authority").await, ("DONE".to_owned(), 1));
}

#[tokio::test]
async fn a_message_goes_over_tls_after_starttls() {
    assert_eq!(sent("starttls", true, "authority").await, ("DONE".to_owned(), 1));
}

#[tokio::test]
async fn a_relay_that_nobody_vouches_for_gets_nothing() {
    for (tls, starttls) in [("implicit", false), ("starttls", true)] {
        assert_eq!(sent(tls, starttls, "stranger").await, ("VENDOR_UNREACHABLE".to_owned(), 0), "{tls}");
    }
}

#[tokio::test]
async fn a_relay_that_offers_no_starttls_gets_nothing_in_the_clear() {
    let relay = "host = 'localhost'\ntls = 'starttls'\nroots = 'tests/it/protected/authority.pem'";
    let world = world_with(With { relay, ..With::default() }).await;
    let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
    assert_eq!(refusal.reason(), "RELAY_WITHOUT_TLS");
    assert_eq!((world.steps("/mail").await, world.counted().await), (0, (0, 0)));
}
