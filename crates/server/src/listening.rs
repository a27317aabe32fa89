//! A server on a port of its own.

use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZero,
    sync::Arc,
};

use actix_server::{ServerBuilder, ServerHandle};
use actix_web::{App, HttpRequest, web};
use paneld_guard::{Connections, PublicUrl};
use paneld_http::{Document, Prefix};
use tokio::task::JoinHandle;

use crate::{
    Builder, CannotGoOn, Server, StartError,
    first_start::local_url,
    redirect::redirect,
    serving::{Door, add_port},
    tls::Tls,
};

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
        let tls = builder.start_tls()?;
        let place = match &tls {
            Some(_) => format!("https://{address}"),
            None => address.to_string(),
        };
        let mut server = Server::open(&builder, &place).await?;
        match serve(&mut server, &builder, address, tls).await {
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

/// Binds the ports, and begins to serve them once the first credentials are made.
async fn serve(
    server: &mut Server,
    builder: &Builder,
    address: SocketAddr,
    tls: Option<Tls>,
) -> Result<(SocketAddr, actix_server::Server), StartError> {
    let listener = bind(address)?;
    let address = listener.local_addr().unwrap_or(address);
    let most = connections_per_worker();
    let connections = Connections::new(most * workers(), builder.trusted_proxies.clone());
    let door = Door {
        connections: Arc::new(connections),
        tls: tls.as_ref().map(|tls| tls.acceptor.clone()),
    };
    let mut ports = actix_server::Server::build()
        .disable_signals()
        .shutdown_timeout(builder.shutdown_timeout.as_secs())
        .workers(workers())
        .max_concurrent_connections(most);
    if let Some(plain) = builder.listen_redirect {
        let door = Door {
            tls: None,
            ..door.clone()
        };
        ports = add_redirect(ports, server, plain, door, https_port(builder, address))?;
    }
    let (requests, services) = (server.requests(), server.services.clone());
    let document = Document::below(Prefix::ROOT, services.console.is_some());
    let document = web::Data::new(document);
    ports = add_port(ports, listener, door, move || {
        App::new()
            .wrap(requests.clone())
            .configure(|app| paneld_http::configure(app, &services, &document))
    })
    .map_err(|source| StartError::Listen { address, source })?;

    // Before the first request can come in, but with the address known for what is printed.
    let url = local_url(builder.scheme(), address);
    server.begin(builder, Some(url)).await?;
    let is_encrypted = tls.is_some();
    if let Some(tls) = tls {
        server.renew(builder, tls);
    }
    let running = ports.run();
    tracing::info!(%address, "listening");
    if !address.ip().is_loopback() && !is_encrypted {
        tracing::warn!(
            %address,
            "listening beyond loopback without TLS: what is sent, credentials too, can be read \
             on the way unless a proxy in front encrypts"
        );
    }
    Ok((address, running))
}

/// Leads whoever comes to a second port to the first one.
fn add_redirect(
    ports: ServerBuilder,
    server: &Server,
    plain: SocketAddr,
    door: Door,
    port: u16,
) -> Result<ServerBuilder, StartError> {
    let listener = bind(plain)?;
    let address = listener.local_addr().unwrap_or(plain);
    let requests = server.requests();
    let ports = add_port(ports, listener, door, move || {
        let to_https = move |request: HttpRequest| ready(redirect(&request, port));
        let app = App::new().wrap(requests.clone());
        app.default_service(web::to(to_https))
    });
    tracing::info!(%address, "redirecting to https");
    ports.map_err(|source| StartError::Listen { address, source })
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })
}

/// The port at which callers find what is encrypted: in front of a container it may be another one
/// than that on which the server listens.
fn https_port(builder: &Builder, address: SocketAddr) -> u16 {
    let public = builder.public_url.as_ref();
    public
        .and_then(PublicUrl::https_port)
        .unwrap_or(address.port())
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
