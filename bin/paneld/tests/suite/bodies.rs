//! Bodies that come slowly, are large, or are many: `docs/contract/auth-and-limits.md` §5.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::Duration,
};

use paneld_domain::Clock;
use serde_json::{Value as Json, json};

use crate::{
    shop::{ORIGIN, Shop, send, text, track, view},
    support::TestServer,
};

const MIB: usize = 1024 * 1024;
const SECOND: Duration = Duration::from_secs(1);
/// How long anything may take before a test fails; the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(120);

/// Who sends, in headers.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// A request whose body is never finished.
struct Unfinished(BufReader<TcpStream>);

impl Unfinished {
    /// Sends the head of a request, and waits until its body is waited for.
    fn begin(server: &TestServer, path: &str, headers: Headers<'_>, length: usize) -> Self {
        let address = server.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n"
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut unfinished = Self(BufReader::new(stream));
        assert_eq!(unfinished.status(), 100);
        unfinished
    }

    /// Sends so much of the body; the server may have ended the connection.
    fn send(&mut self, bytes: usize) {
        let piece = vec![b' '; 64 * 1024];
        let mut left = bytes;
        while left > 0 {
            let next = left.min(piece.len());
            if self.0.get_mut().write_all(&piece[..next]).is_err() {
                return;
            }
            left -= next;
        }
    }

    /// Sends the end of the body, and returns the status.
    fn finish(mut self, rest: &str) -> u16 {
        self.0.get_mut().write_all(rest.as_bytes()).unwrap();
        self.status()
    }

    /// Lets seconds go by until there is a reply. Returns its status, and how many went by: some
    /// of them before the server began to wait.
    fn status_as_time_passes(mut self, server: &TestServer) -> (u16, Duration) {
        let stream = self.0.get_ref().try_clone().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut waited = Duration::ZERO;
        while self.0.fill_buf().is_err() && waited < 3_600 * SECOND {
            server.advance(SECOND);
            waited += SECOND;
        }
        (self.status(), waited)
    }

    /// The status of the next reply; none when the connection ended with bytes unread, which can
    /// take the reply with it.
    fn status(&mut self) -> u16 {
        let mut line = String::new();
        if self.0.read_line(&mut line).is_err() || line.is_empty() {
            return 0;
        }
        let status = line[9..12].parse().unwrap();
        if status == 100 {
            assert_eq!(self.0.read_line(&mut line).unwrap(), 2);
        }
        status
    }
}

/// Begins so many, all by the same sender, and sends so much of each.
fn hold(
    server: &TestServer,
    path: &str,
    headers: Headers<'_>,
    count: usize,
    bytes: usize,
) -> Vec<Unfinished> {
    let begun = (0..count).map(|_| {
        let mut unfinished = Unfinished::begin(server, path, headers, bytes + 1);
        unfinished.send(bytes);
        unfinished
    });
    begun.collect()
}

/// How many of them were told this.
fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|&&told| told == status).count()
}

/// Lets time go by until all are over, and returns what each was told.
fn statuses(server: &TestServer, held: Vec<Unfinished>) -> Vec<u16> {
    server.advance(120 * SECOND);
    held.into_iter().map(|mut held| held.status()).collect()
}

fn replay(bytes: usize) -> Json {
    json!({"chunk_index": 0, "events_count": 1, "is_full_snapshot": true,
        "started_at": "2026-01-15T10:30:00Z", "ended_at": "2026-01-15T10:30:00Z",
        "payload": "x".repeat(bytes)})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_visitor_with_slow_bodies_keeps_nobody_out() {
    let shop = Shop::open().await;
    let other = shop.server.create_organization("Other").await;
    let id = text(&shop.client["id"]);
    let attacker = [
        ("openpanel-client-id", id.as_str()),
        ("origin", ORIGIN),
        ("x-forwarded-for", "203.0.113.66"),
    ];
    let mut held = hold(&shop.server, "/track", &attacker, 16, 4 * MIB - 1);
    for _ in 0..2 {
        // Other visitors of the same page, also with recordings; its server; other organizations.
        let neighbour = shop.browser.with_header("x-forwarded-for", "203.0.113.7");
        view(&neighbour, "/").await;
        let reply = send(&neighbour, "replay", replay(MIB)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let reply = track(&shop.backend, json!({"name": "order"})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let name = json!({"name": "Elsewhere"});
        assert_eq!(other.patch("/manage/organization", name).await.status, 200);
        // From here on they are slow ones, and new ones come.
        shop.server.advance(2 * SECOND);
        held.extend(hold(&shop.server, "/track", &attacker, 8, 4 * MIB - 1));
    }
    let statuses = statuses(&shop.server, held);
    // Sixteen times four would be more than all pages together may hold.
    assert!(count(&statuses, 408) >= 1, "{statuses:?}");
    assert!(statuses.len() - count(&statuses, 408) >= 8, "{statuses:?}");
    assert_eq!(count(&statuses, 200), 0);
    // What was held is there again.
    let reply = send(&shop.browser, "replay", replay(2 * MIB)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_keep_nobody_out() {
    let shop = Shop::open().await;
    let attacker = [("x-forwarded-for", "203.0.113.66")];
    let mut held = hold(&shop.server, "/track", &attacker, 100, 64 * 1024 - 1);
    let body = json!({"clientId": shop.client["id"], "clientSecret": shop.client["secret"],
        "type": "track", "payload": {"name": "order"}});
    for _ in 0..2 {
        // Others who have their credentials in the body, and everybody else.
        let stranger = shop.server.anonymous();
        let stranger = stranger.with_header("x-forwarded-for", "203.0.113.7");
        let reply = stranger.post("/track", body.clone()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        view(&shop.browser, "/").await;
        let project = json!({"name": "Another"});
        let reply = shop.server.root().post("/manage/projects", project).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        shop.server.advance(2 * SECOND);
        held.extend(hold(&shop.server, "/track", &attacker, 60, 64 * 1024 - 1));
    }
    let statuses = statuses(&shop.server, held);
    assert!(count(&statuses, 408) >= 20, "{statuses:?}");
    assert!(statuses.len() - count(&statuses, 408) >= 60, "{statuses:?}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_with_large_bodies_keeps_no_other_out() {
    let shop = Shop::open().await;
    let other = shop.server.create_organization("Other").await;
    let (id, secret) = (text(&shop.client["id"]), text(&shop.client["secret"]));
    let client = [
        ("openpanel-client-id", id.as_str()),
        ("openpanel-client-secret", secret.as_str()),
    ];
    let held = hold(&shop.server, "/import/events", &client, 4, 32 * MIB - 1);
    let padding = " ".repeat(MIB - 100);
    let name = json!({"name": "Elsewhere", "padding": padding});
    let reply = other.patch("/manage/organization", name).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    view(&shop.browser, "/").await;
    let statuses = statuses(&shop.server, held);
    assert_eq!(count(&statuses, 408), 1, "{statuses:?}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_phones_live_and_what_rests_does_not() {
    let shop = Shop::open().await;
    view(&shop.browser, "/").await;
    let id = text(&shop.client["id"]);
    let phone = [("openpanel-client-id", id.as_str()), ("origin", ORIGIN)];
    let event = r#"{"type": "track", "payload": {"name": "slow"}}"#;
    let begin = || Unfinished::begin(&shop.server, "/track", &phone, event.len());

    let patient = begin();
    shop.server.advance(Duration::from_millis(9_900));
    assert_eq!(patient.finish(event), 200);

    let (status, waited) = begin().status_as_time_passes(&shop.server);
    assert_eq!(status, 408);
    assert!(waited >= 10 * SECOND, "{waited:?}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sends_recordings_of_four_mebibytes() {
    let shop = Shop::open().await;
    let body = |size: usize| {
        let start = json!({"type": "replay", "payload": replay(1)}).to_string();
        format!("{start}{}", " ".repeat(size - start.len()))
    };
    let send = async |size| {
        let body = body(size);
        let sent = shop
            .browser
            .send_text(reqwest::Method::POST, "/track", &body);
        sent.await.status.as_u16()
    };
    assert_eq!(send(4 * MIB).await, 200);
    assert_eq!(send(4 * MIB + 1).await, 413);
    shop.server.stop().await;
}

/// Whoever asks meanwhile gets an answer: nothing large is parsed where others wait.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_hold_nobody_up() {
    let shop = Shop::open().await;
    let rows = (0..10_000).map(|number| {
        json!({"name": "old", "created_at": "2026-01-14 10:00:00.000",
            "properties": {"number": number, "text": "x".repeat(3_000)}})
    });
    let body = Json::from(rows.collect::<Vec<_>>()).to_string();
    assert!(body.len() > 28 * MIB && body.len() < 32 * MIB);
    let backend = shop.backend.clone();
    let importing = tokio::spawn(async move {
        let sent = backend.send_text(reqwest::Method::POST, "/import/events", &body);
        sent.await.status.as_u16()
    });
    let clock = Clock::system();
    let mut slowest = Duration::ZERO;
    while !importing.is_finished() {
        // On a connection of its own, so that each worker is asked.
        let start = clock.elapsed();
        let reply = shop.server.anonymous().get("/healthz/live").await;
        assert_eq!(reply.status, 200);
        slowest = slowest.max(clock.elapsed() - start);
    }
    assert_eq!(importing.await.unwrap(), 200);
    // Parsing alone takes seconds in this build.
    assert!(slowest < SECOND, "{slowest:?}");
    shop.server.stop().await;
}
