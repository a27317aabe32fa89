//! HTTPS, spoken by the executable itself.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use paneld_domain::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::ServerName,
        version::{TLS12, TLS13},
    },
};

use crate::support::{Launch, Place, ROOT_ID, ROOT_SECRET, Server};

const REFUSED: &str = "the new TLS certificate is refused, the old one stays";
const RENEWED: &str = "took the new TLS certificate";

/// Somebody who signs certificates, and whom callers trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM form.
struct Made {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// A certificate with this number that expires in this year, and those that lead to the root.
    fn sign(&self, serial: u64, year: i32) -> Made {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.serial_number = Some(serial.into());
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let own = params.signed_by(&key, &self.0).unwrap();
        Made {
            certificate: own.pem() + &self.0.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Connects to a server that shows a certificate of this authority.
    async fn connect(
        &self,
        address: SocketAddr,
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector
            .connect(name, TcpStream::connect(address).await?)
            .await
    }

    /// The number of the certificate that a server shows to who connects now.
    async fn shown(&self, address: SocketAddr) -> u64 {
        let stream = self.connect(address, &TLS13).await.unwrap();
        let (_, connection) = stream.get_ref();
        let own = &connection.peer_certificates().unwrap()[0];
        // The number is the second field of what is signed, behind that of the version.
        let at = own.windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]);
        let number = &own[at.unwrap() + 5..];
        let bytes = number[2..].iter().take(number[1].into());
        bytes.fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}

impl Place {
    /// Puts certificate and key where [`encrypted`] has the server look for them.
    fn install(&self, made: &Made) {
        self.write("certificate.pem", &made.certificate);
        self.write("key.pem", &made.key);
        self.set_key_mode(0o600);
    }

    fn set_key_mode(&self, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path().join("key.pem"), mode).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

fn encrypted(place: &Place, launch: Launch) -> Launch {
    launch
        .with(
            "TLS_CERTIFICATE",
            &place.file("certificate.pem").display().to_string(),
        )
        .with("TLS_KEY", &place.file("key.pem").display().to_string())
}

/// Starts a server with a certificate of this authority, with the number 1.
fn serve(place: &Place, authority: &Authority) -> Server {
    place.install(&authority.sign(1, 2100));
    encrypted(place, place.bootstrapped()).serve()
}

/// A request with the credentials of [`Place::bootstrapped`].
fn request(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nopenpanel-client-id: {ROOT_ID}\r\n\
         openpanel-client-secret: {ROOT_SECRET}\r\ncontent-type: application/json\r\n\
         user-agent: Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// Asks, and reads an answer that tells its length; the connection stays open.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let head = loop {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    let length = text.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split('\r').next().unwrap().parse().unwrap();
    while answer.len() < head + length {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    String::from_utf8(answer).unwrap()
}

/// All that comes until the connection ends, however it does.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // It may be reset, with what was sent still unread.
    let _ = stream.read_to_end(&mut all).await;
    all
}

#[tokio::test]
async fn events_and_reports_come_and_go_encrypted() {
    let (place, authority) = (Place::new(), Authority::new());
    let server = serve(&place, &authority);
    for (version, spoken) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let stream = authority.connect(server.address, version).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(spoken));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    let mut stream = authority.connect(server.address, &TLS13).await.unwrap();
    let project = json!({"id": "shop", "name": "Shop", "domain": "https://shop.example",
        "cors": ["https://shop.example"], "types": ["website"]});
    let made = ask(
        &mut stream,
        &request("POST", "/manage/projects", &project.to_string()),
    )
    .await;
    assert!(made.starts_with("HTTP/1.1 200"), "{made}");
    let made = &made[made.find("\r\n\r\n").unwrap()..];
    let made = serde_json::from_str::<serde_json::Value>(made).unwrap();
    let client = &made["data"]["client"];
    let view = json!({"type": "track", "payload": {"name": "screen_view",
        "properties": {"__path": "https://shop.example/"}}});
    let view = request("POST", "/track", &view.to_string())
        .replace(ROOT_ID, client["id"].as_str().unwrap())
        .replace(ROOT_SECRET, client["secret"].as_str().unwrap());
    let tracked = ask(&mut stream, &view).await;
    assert!(tracked.starts_with("HTTP/1.1 200"), "{tracked}");
    let report = ask(&mut stream, &request("GET", "/insights/shop/metrics", "")).await;
    assert!(report.starts_with("HTTP/1.1 200"), "{report}");
    server.stop();
}

#[tokio::test]
async fn a_refusal_arrives_however_large_the_body_was() {
    let (place, authority) = (Place::new(), Authority::new());
    let server = serve(&place, &authority);
    let body = "x".repeat(2 << 20);
    for (wrong, status) in [(true, "401"), (false, "413")] {
        let stream = authority.connect(server.address, &TLS13).await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(stream);
        let mut sent = request("POST", "/manage/projects", &body);
        if wrong {
            sent = sent.replace(ROOT_SECRET, "another-secret-0123456789");
        }
        let sending = tokio::spawn(async move {
            // The server need not take all of it.
            let _ = writing.write_all(sent.as_bytes()).await;
            writing
        });
        let mut answer = [0; 12];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes());
        drop(reading);
        sending.abort();
    }
}

#[tokio::test]
async fn what_is_not_tls_or_too_old_is_closed() {
    let (place, authority) = (Place::new(), Authority::new());
    let server = serve(&place, &authority);
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let said = rest(&mut plain).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");

    // A greeting of TLS 1.1, with one suite that it knows.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut old = TcpStream::connect(server.address).await.unwrap();
    old.write_all(&hello).await.unwrap();
    let said = rest(&mut old).await;
    // An alert that ends all: the version, or what it has no way to say.
    assert_eq!((said[0], said[5]), (21, 2), "{said:?}");
}

#[tokio::test]
async fn a_handshake_that_stands_still_is_ended() {
    let (place, authority) = (Place::new(), Authority::new());
    let server = serve(&place, &authority);
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(&[0x16, 3, 1]).await.unwrap();
    let started = Clock::system();
    assert_eq!(rest(&mut slow).await, b"");
    let seconds = started.elapsed().as_secs();
    assert!((4..30).contains(&seconds), "{seconds}");
}

/// Who never begins a handshake has no more of the connections than others.
#[tokio::test]
async fn a_connection_counts_before_its_handshake() {
    let (place, authority) = (Place::new(), Authority::new());
    place.install(&authority.sign(1, 2100));
    // Leaves room for 192 connections, of which one peer may have half.
    let limited = Launch::program("sh")
        .arg("-c")
        .arg("ulimit -n 256 && exec \"$0\"")
        .arg(env!("CARGO_BIN_EXE_paneld"))
        .with("LISTEN", "127.0.0.1:0")
        .with("DATA_DIR", &place.data_dir().display().to_string())
        .with("METRICS_LISTEN", "127.0.0.1:0")
        .with("TRUSTED_PROXIES", "none");
    let server = encrypted(&place, limited).serve();
    let mut held = Vec::new();
    for _ in 0..97 {
        held.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(rest(&mut held[96]).await, b"");
    let metrics = metrics_of(&server).await;
    let none = "paneld_connections_refused_total 0\n";
    assert!(!metrics.contains(none), "{metrics}");
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_failed_request() {
    let (place, authority) = (Place::new(), Authority::new());
    let server = serve(&place, &authority);
    let address = server.address;
    assert_eq!(authority.shown(address).await, 1);
    let mut kept = authority.connect(address, &TLS12).await.unwrap();
    let get = request("GET", "/manage/me", "");
    assert!(ask(&mut kept, &get).await.starts_with("HTTP/1.1 200"));

    place.install(&authority.sign(2, 2101));
    let renewed = async {
        loop {
            // Each is a connection of its own.
            let mut stream = authority.connect(address, &TLS13).await.unwrap();
            assert!(ask(&mut stream, &get).await.starts_with("HTTP/1.1 200"));
            assert!(ask(&mut kept, &get).await.starts_with("HTTP/1.1 200"));
            if authority.shown(address).await == 2 {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), renewed)
        .await
        .unwrap();
    server.process.wait_for_log(RENEWED);

    // The certificate is new, and its key is missing.
    place.write("certificate.pem", &authority.sign(3, 2102).certificate);
    server.process.wait_for_log(REFUSED);
    assert_eq!(authority.shown(address).await, 2);
    assert!(ask(&mut kept, &get).await.starts_with("HTTP/1.1 200"));
    let ended = server.stop();
    let errors = ended.log("ERROR");
    assert_eq!(errors.len(), 1, "{}", ended.stderr);
    let why = errors[0]["error"].as_str().unwrap();
    assert!(why.starts_with("tls_key: the key in "), "{why}");
}

#[tokio::test]
async fn who_comes_unencrypted_is_led_to_https() {
    let (place, authority) = (Place::new(), Authority::new());
    place.install(&authority.sign(1, 2100));
    let launch = encrypted(&place, place.bootstrapped());
    let server = launch.with("LISTEN_REDIRECT", "127.0.0.1:0").serve();
    let line = server.process.wait_for_log("redirecting to https");
    let plain: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(plain).await.unwrap();
    let answer = ask(
        &mut stream,
        &request("POST", "/track?a=b", "{}").replace("localhost", "stats.example:80"),
    )
    .await;
    let port = server.address.port();
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    let location = format!("location: https://stats.example:{port}/track?a=b\r\n");
    assert!(answer.to_lowercase().contains(&location), "{answer}");
    let mut stream = TcpStream::connect(plain).await.unwrap();
    let nowhere = "GET /healthz/live HTTP/1.1\r\nhost: a@b\r\n\r\n";
    let answer = ask(&mut stream, nowhere).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    server.stop();
}

#[tokio::test]
async fn links_and_cookies_are_for_https() {
    let (place, authority) = (Place::new(), Authority::new());
    place.install(&authority.sign(1, 2100));
    let server = encrypted(&place, place.paneld()).serve();
    let credentials = fs::read_to_string(place.data_dir().join("initial-credentials")).unwrap();
    let link = format!("https://{}/console/#token=", server.address);
    assert!(credentials.contains(&link), "{credentials}");
    // The command line knows it from the server, not from its own settings.
    let printed = place.paneld().args("admin console").run().output();
    assert!(printed.contains("https://127.0.0.1:"), "{printed}");
    let token = printed.split("#token=").nth(1).unwrap();
    let token = token.split_whitespace().next().unwrap();
    let mut stream = authority.connect(server.address, &TLS13).await.unwrap();
    let body = json!({ "token": token }).to_string();
    let sign_in = format!(
        "POST /console/session HTTP/1.1\r\nhost: localhost\r\nx-paneld-console: 1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(&mut stream, &sign_in).await;
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: "));
    let cookie = cookie.unwrap_or_else(|| panic!("{answer}"));
    assert!(cookie.contains("__Host-") && cookie.ends_with("; Secure"));
    assert!(!answer.to_lowercase().contains("strict-transport-security"));
    server.stop();
}

#[test]
fn wrong_files_are_named_with_their_setting() {
    let (place, authority) = (Place::new(), Authority::new());
    let refused = |sentences: &[&str]| {
        let ended = encrypted(&place, place.paneld()).run();
        ended.assert_refused(1, sentences);
    };
    refused(&["tls_certificate: cannot read", "certificate.pem"]);
    let (made, other) = (authority.sign(1, 2100), authority.sign(2, 2100));
    place.write("certificate.pem", &made.certificate);
    refused(&["tls_key: cannot read", "key.pem"]);
    place.write("key.pem", &made.certificate);
    refused(&["tls_key: there is no key in", "key.pem"]);
    place.write("key.pem", &other.key);
    refused(&[
        "tls_key: the key in",
        "does not belong to the first certificate in",
    ]);
    place.write("key.pem", &made.key.replace("PRIVATE", "ENCRYPTED PRIVATE"));
    refused(&["tls_key: the key in", "openssl pkey -in", "key.pem"]);
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    place.write("key.pem", garbage);
    refused(&["tls_key: the key in", "cannot be used"]);
    place.write("key.pem", &made.key);
    place.write("certificate.pem", &made.key);
    refused(&["tls_certificate: there is no certificate in"]);
    place.write(
        "certificate.pem",
        &garbage.replace("PRIVATE KEY", "CERTIFICATE"),
    );
    refused(&["tls_certificate: a certificate in", "cannot be read"]);
    assert!(!place.data_dir().exists());

    let half = place.paneld().with("TLS_KEY", "key.pem").run();
    half.assert_refused(
        1,
        &["PANELD_TLS_CERTIFICATE and PANELD_TLS_KEY go together"],
    );
    let redirect = place.paneld().with("LISTEN_REDIRECT", "127.0.0.1:0").run();
    redirect.assert_refused(1, &["PANELD_LISTEN_REDIRECT leads to https"]);
}

#[tokio::test]
async fn what_will_go_wrong_is_a_warning_and_the_end_is_a_metric() {
    let (place, authority) = (Place::new(), Authority::new());
    let warnings = |launch: Launch| {
        let ended = launch.serve().stop();
        let warnings = ended.log("WARN").into_iter();
        let warnings = warnings.map(|line| line["message"].as_str().unwrap().to_owned());
        warnings.collect::<Vec<_>>().join("\n")
    };
    let open = |place: &Place| encrypted(place, place.paneld()).with("LISTEN", "0.0.0.0:0");
    place.install(&authority.sign(1, 2100));
    assert_eq!(warnings(open(&place)), "");

    let mut alone = authority.sign(1, 2021);
    let end = alone.certificate.find("-----END").unwrap();
    let end = end + alone.certificate[end..].find('\n').unwrap() + 1;
    alone.certificate.truncate(end);
    place.install(&alone);
    place.set_key_mode(0o644);
    let said = warnings(open(&place));
    for sentence in [
        "the TLS certificate has expired",
        "there is one TLS certificate, and it did not sign itself",
        "every user of this machine may read the TLS key",
    ] {
        assert!(said.contains(sentence), "{said}");
    }

    place.install(&authority.sign(1, 2100));
    let launch = encrypted(&place, place.paneld()).with("METRICS_LISTEN", "127.0.0.1:0");
    let server = launch.serve();
    let metrics = metrics_of(&server).await;
    // 2100-01-01T00:00:00Z
    let line = "paneld_tls_certificate_expires_timestamp_seconds 4102444800\n";
    assert!(metrics.contains(line), "{metrics}");
}

async fn metrics_of(server: &Server) -> String {
    let line = server.process.wait_for_log("serving metrics");
    let address = line["address"].as_str().unwrap();
    let answer = reqwest::get(format!("http://{address}/metrics")).await;
    answer.unwrap().text().await.unwrap()
}
