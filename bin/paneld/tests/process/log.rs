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
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    // It may hang up on garbage.
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
