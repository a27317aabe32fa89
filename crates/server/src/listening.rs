//! A server on a port of its own.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    num::NonZero,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Extensions, ServerHandle},
    web,
};
use paneld_guard::Connections;
use paneld_http::{Document, Prefix};
use socket2::SockRef;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{Builder, CannotGoOn, Server, StartError};

/// How long a caller may leave what was sent to it unread before its connection is ended.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Descriptors that connections must leave to the catalog, the log and the listeners.
const RESERVED_DESCRIPTORS: u64 = 64;

/// A server that listens on a port of its own.
#[derive(Debug)]
pub struct ListeningServer {
    server: Box<Server>,
    address: SocketAddr,
    handle: ServerHandle,
    /// `None` once its end was told.
    serving: Option<JoinHandle<io::Result<()>>>,
}

impl Builder {
    /// Starts the server on a port of its own, which it serves with as many threads as there are
    /// processors. To have all connections that it may, the process takes as many descriptors as
    /// the system lets it have.
    ///
    /// # Errors
    /// As of [`build`](Self::build), and when it cannot listen there.
    pub async fn listen(self, address: SocketAddr) -> Result<ListeningServer, StartError> {
        // Boxed, for it is deep: compilers of hosts would have to look through all of it.
        Box::pin(ListeningServer::start(self, address)).await
    }
}

impl ListeningServer {
    pub(crate) async fn start(builder: Builder, address: SocketAddr) -> Result<Self, StartError> {
        let mut server = Server::open(&builder, &address.to_string()).await?;
        match serve(&mut server, &builder, address).await {
            Ok((address, running)) => Ok(Self {
                server: Box::new(server),
                address,
                handle: running.handle(),
                serving: Some(tokio::spawn(running)),
            }),
            Err(error) => {
                server.stop().await;
                Err(error)
            }
        }
    }

    /// Where it listens: the port that the system chose, where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is behind the port.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Waits until the server cannot go on, and tells why. It is to be stopped then.
    pub async fn failed(&mut self) -> CannotGoOn {
        let Some(serving) = self.serving.as_mut() else {
            return CannotGoOn::NotServing(None);
        };
        let ended = tokio::select! {
            ended = serving => ended,
            beside = self.server.lost() => return beside.into(),
        };
        self.serving = None;
        let error = ended.map_err(io::Error::other).and_then(|served| served);
        CannotGoOn::NotServing(error.err())
    }

    /// Stops: no new connections, requests finish within the
    /// [shutdown timeout](Builder::shutdown_timeout), and what waits to be written is written.
    ///
    /// # Errors
    /// When serving ended with an error. The rest is done all the same.
    pub async fn stop(self) -> io::Result<()> {
        self.server.end_streams();
        self.handle.stop(true).await;
        let served = match self.serving {
            Some(serving) => serving
                .await
                .map_err(io::Error::other)
                .and_then(|served| served),
            None => Ok(()),
        };
        Box::pin(self.server.stop()).await;
        served
    }
}

/// Binds the port, and begins to serve it once the first credentials are made.
async fn serve(
    server: &mut Server,
    builder: &Builder,
    address: SocketAddr,
) -> Result<(SocketAddr, actix_web::dev::Server), StartError> {
    let (requests, services) = (server.requests(), server.services.clone());
    let document = Document::below(Prefix::ROOT, services.console.is_some());
    let document = web::Data::new(document);
    let most = connections_per_worker();
    let connections = Connections::new(most * workers(), builder.trusted_proxies.clone());
    let http = HttpServer::new(move || {
        App::new()
            .wrap(requests.clone())
            .configure(|app| paneld_http::configure(app, &services, &document))
    })
    .disable_signals()
    .shutdown_timeout(builder.shutdown_timeout.as_secs())
    .workers(workers())
    .max_connections(most)
    .on_connect(move |connection, extensions| {
        if let Some(stream) = connection.downcast_ref::<TcpStream>() {
            end_when_unread(stream);
            end_when_too_many(stream, &connections, extensions);
        }
    })
    .bind(address)
    .map_err(|source| StartError::Listen { address, source })?;
    let address = http.addrs().first().copied().unwrap_or(address);

    // Before the first request can come in, but with the address known for what is printed.
    server.begin(builder, Some(address)).await?;
    let running = http.run();
    tracing::info!(%address, "listening");
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond loopback without TLS: what is sent, credentials too, can be read \
             on the way unless a proxy in front encrypts"
        );
    }
    Ok((address, running))
}

/// Ends connections whose callers do not read: actix would hold them, and all that waits to be
/// written to them, for ever.
fn end_when_unread(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT)) {
        tracing::debug!(%error, "a connection could not be given a time limit");
    }
}

/// Ends a connection whose peer has its share of them already; counts it as long as it lasts
/// else.
fn end_when_too_many(stream: &TcpStream, connections: &Connections, kept: &mut Extensions) {
    // One that is already gone has no peer any more.
    let Ok(peer) = stream.peer_addr() else {
        return;
    };
    match connections.open(peer.ip()) {
        Some(connection) => {
            kept.insert(connection);
        }
        None => {
            let ended = SockRef::from(stream).shutdown(Shutdown::Both);
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection could not be ended");
            }
        }
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// As many connections as the process may have descriptors for, at most what actix has by
/// default: more would be accepted and fail, and the catalog with them.
fn connections_per_worker() -> usize {
    const MOST: u64 = 25_600;
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    let each = descriptors.saturating_sub(RESERVED_DESCRIPTORS) / workers() as u64;
    usize::try_from(each.clamp(1, MOST)).unwrap_or(1)
}
