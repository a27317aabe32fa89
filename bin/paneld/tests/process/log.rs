//! What is in the log, and what is not.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use serde_json::Value as Json;

use crate::support::{Place, Server};

/// Sends bytes that are no proper request, and waits until the server hangs up.
fn send(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // It may hang up on garbage, also before all of it was sent.
    let sent = stream.write_all(bytes);
    let _ = sent.and_then(|()| stream.shutdown(Shutdown::Write));
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_write_nothing_into_it() {
    let place = Place::new();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n", "x".repeat(200_000));
    for filter in ["info", "info,paneld_guard=debug"] {
        let server = place.bootstrapped().with("LOG", filter).serve();
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..],
            b"GARBAGE\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
            b"POST /track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            long.as_bytes(),
        ] {
            send(&server, bytes);
        }
        let ended = server.stop();
        for level in ["ERROR", "WARN"] {
            assert_eq!(ended.log(level), [] as [Json; 0], "{filter}");
        }
    }
}

/// Whoever looks for a client that is turned away finds it by its id, and no secret.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_request_have_the_presented_client_id_at_debug() {
    const STRANGER: &str = "b8904453-863d-4e04-8ebc-8abae30ffb1a";
    const SECRET: &str = "sec_of_a_stranger_0123456789";
    for (filter, is_told) in [("debug", true), ("info", false)] {
        let place = Place::new();
        let server = place.bootstrapped().with("LOG", filter).serve();
        let head = |path: &str, id: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nopenpanel-client-id: {id}\r\n\
                 openpanel-client-secret: {SECRET}\r\nContent-Type: application/json\r\n\
                 Content-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            )
        };
        for path in ["/manage/projects", "/track"] {
            send(&server, head(path, STRANGER).as_bytes());
            // Somebody put the secret where the id belongs.
            send(&server, head(path, SECRET).as_bytes());
        }
        let ended = server.stop();
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
        let told = ended.log("DEBUG");
        let told = told.iter().map(Json::to_string);
        let told = told.filter(|line| line.contains("turned a") && line.contains(STRANGER));
        assert_eq!(told.count(), if is_told { 2 } else { 0 });
    }
}
