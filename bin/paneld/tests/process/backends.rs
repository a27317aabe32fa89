//! What the executable needs around it: Redis, a database, and a network that fails.

use std::{
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use paneld_testing::Database;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{oneshot, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// Redis, keeping nothing on disk. It is killed when this is dropped.
pub(crate) struct Redis {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        Self {
            child: Self::spawn(&folder, port),
            folder,
            port,
        }
    }

    fn spawn(folder: &TempDir, port: u16) -> Child {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(port.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn();
        let child = child.expect("redis-server is needed on the path");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.child = Self::spawn(&self.folder, self.port);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network between a process and a server.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: String,
    silent: watch::Sender<bool>,
    /// All connections end when this is dropped.
    open: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Between a process and the server of this database.
    pub(crate) async fn to(database: &Database) -> Self {
        Self::start(database.server()).await
    }

    /// The URL of the database behind it.
    pub(crate) fn url(&self, database: &Database) -> String {
        database.url_behind(self.address)
    }

    async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = watch::Sender::new(false);
        let (open, serving) = spawn(listener, &target, &silent);
        Self {
            address,
            target,
            silent,
            open: Some(open),
            serving,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, and refuses new ones. All are closed when this returns.
    pub(crate) async fn cut(&mut self) {
        self.open = None;
        (&mut self.serving).await.unwrap();
    }

    /// Swallows all that is sent, on connections that are there and on new ones.
    pub(crate) fn hang(&self) {
        self.silent.send_replace(true);
    }

    /// Works again; what was swallowed arrives late.
    pub(crate) async fn restore(&mut self) {
        self.silent.send_replace(false);
        if self.serving.is_finished() {
            let listener = TcpListener::bind(self.address).await.unwrap();
            let (open, serving) = spawn(listener, &self.target, &self.silent);
            (self.open, self.serving) = (Some(open), serving);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves until what is returned first is dropped.
fn spawn(
    listener: TcpListener,
    target: &str,
    silent: &watch::Sender<bool>,
) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (open, cut) = oneshot::channel();
    let work = serve(listener, target.to_owned(), silent.subscribe(), cut);
    (open, tokio::spawn(work))
}

async fn serve(
    listener: TcpListener,
    target: String,
    silent: watch::Receiver<bool>,
    mut cut: oneshot::Receiver<()>,
) {
    // All end with this.
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = tokio::select! {
            accepted = listener.accept() => accepted.unwrap(),
            _ = &mut cut => break,
        };
        let far = tokio::net::TcpStream::connect(&target).await.unwrap();
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let (there, back) = (
            copy(near_in, far_out, silent.clone()),
            copy(far_in, near_out, silent.clone()),
        );
        connections.spawn(async {
            tokio::select! {
                () = there => {}
                () = back => {}
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut silent: watch::Receiver<bool>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if silent.wait_for(|silent| !silent).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// The server of a database, as it is with TLS: what stands before it has a certificate of its
/// own making.
pub(crate) struct TlsServer {
    address: SocketAddr,
    certificate: String,
    serving: JoinHandle<()>,
}

impl TlsServer {
    pub(crate) async fn before(database: &Database) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let serving = tokio::spawn(serve_tls(listener, acceptor, database.server()));
        Self {
            address,
            certificate: made.cert.pem(),
            serving,
        }
    }

    /// The URL of the database behind it.
    pub(crate) fn url(&self, database: &Database) -> String {
        database.url_behind(self.address)
    }

    /// What it shows, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, target: String) {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(&target).await.unwrap();
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // PostgreSQL is asked for TLS in its own words first:
            // <https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12>
            let mut request = [0; 8];
            near.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
            near.write_all(b"S").await.unwrap();
            // Who does not trust the certificate goes away.
            if let Ok(mut near) = acceptor.accept(near).await {
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
