//! What stands between a port and what is served there: who may connect, and TLS.
//!
//! [`HttpServer`](actix_web::HttpServer) would do for plain HTTP. With TLS it counts a connection
//! when its handshake is over, so that anyone could keep all others out with handshakes alone. Here
//! everything is put together from the same parts, and a connection counts from its first byte.

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, error::DispatchError};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory,
    fn_service, map_config,
};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Response},
    rt::net::TcpStream,
};
use paneld_guard::{Connections, Encrypted};
use socket2::SockRef;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;

/// How long a caller may leave what was sent to it unread before its connection is ended.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a caller may take for the handshake of TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of a connection may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection: plain, or encrypted.
type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Who may connect to a port, and how.
#[derive(Clone)]
pub(crate) struct Door {
    /// What each peer may have.
    pub(crate) connections: Arc<Connections>,
    /// `None` where nothing is encrypted.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Adds to the server a port and the app that is served there.
///
/// # Errors
/// When the system refuses.
pub(crate) fn add_port<F, I, S, B>(
    server: ServerBuilder,
    listener: TcpListener,
    door: Door,
    app: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, actix_http::Request>,
    S: ServiceFactory<actix_http::Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<actix_http::Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let stopping = server.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    server.listen(address.to_string(), listener, move || {
        let stopping = stopping.clone();
        let app = app().into_factory();
        let app = app.map_err(|error: S::Error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .local_addr(address)
            .on_connect_ext(|stream: &Stream, kept| {
                if let Either::Right(_) = stream {
                    kept.insert(Encrypted);
                }
            })
            .h1(map_config(app, |()| AppConfig::default()));
        let Door { connections, tls } = door.clone();
        let served = fn_service(move |stream: TcpStream| begin(stream, tls.clone())).and_then(http);
        apply_fn_factory(served, move |stream: TcpStream, served| {
            end_when_unread(&stream);
            // One that is already gone has no peer any more.
            let peer = stream.peer_addr().ok();
            let connection = peer.and_then(|peer| connections.open(peer.ip()));
            // It counts from now on, and as long as it lasts.
            let serving = connection.map(|counted| (served.call(stream), counted));
            async move {
                match serving {
                    Some((serving, _counted)) => serving.await,
                    None => Ok(()),
                }
            }
        })
    })
}

/// Encrypts a connection, where that is wanted.
async fn begin(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
) -> Result<(Stream, Option<std::net::SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let stream = match tls {
        Some(tls) => {
            let handshake = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
            Either::Right(handshake.await.map_err(io::Error::from).flatten()?)
        }
        None => Either::Left(stream),
    };
    Ok((stream, peer))
}

/// Ends connections whose callers do not read: actix would hold them, and all that waits to be
/// written to them, for ever.
fn end_when_unread(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT)) {
        tracing::debug!(%error, "a connection could not be given a time limit");
    }
}
