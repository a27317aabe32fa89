//! Track, with what nobody thought of: real payloads, changed at random, through the public
//! parser and through the whole server. The short run is the same every time; the long one,
//! `cargo xtask fuzz`, begins somewhere else each time and says where.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use paneld_domain::{Timestamp, parse_timestamp};
use paneld_service::ingest::{self, Body, Form, Input, NotJson, Tracked};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::Value as Json;

use crate::{
    backends::{Backends, told},
    mutation::Mutator,
    shop::Shop,
    support::{START, TestServer},
};

const REQUESTS: &str = include_str!("../fixtures/reference/requests.jsonl");
/// Of how many bodies for the parser one goes through the server, too.
const PARSED_PER_SENT: u32 = 20;
const FORMS: [(Form, &str); 5] = [
    (Form::Track, "/track"),
    (Form::Event, "/event"),
    (Form::Profile, "/profile"),
    (Form::Increment, "/profile/increment"),
    (Form::Decrement, "/profile/decrement"),
];

/// What the parser makes of a body, or nothing.
fn parse(form: Form, body: &[u8], arrival: Timestamp) -> Result<Tracked, String> {
    let not_json = |why: NotJson| why.to_string();
    let body = Body::new(body).map_err(not_json)?;
    let envelope = body.envelope().map_err(not_json)?;
    ingest::read(form, &body, &envelope, arrival).map_err(|problems| {
        assert!(!problems.is_empty(), "refused for no reason");
        assert!(problems.len() < 2_000, "{}", problems.len());
        format!("{problems:?}")
    })
}

/// What has to be true of whatever the parser lets through.
fn assert_sane(tracked: &Tracked) {
    let mut shown = tracked.clone();
    if let Input::Event(event) = &mut shown.input {
        // Read, and then forgotten.
        event.timestamp = None;
    }
    // The text of it all shows every NUL; and backslashes, twice.
    let shown = format!("{shown:?}").replace(r"\\", "");
    assert!(!shown.contains(r"\0"), "{tracked:?}");
    let properties = match &tracked.input {
        Input::Event(event) => {
            assert!((1..=80).contains(&event.name.chars().count()));
            assert!(event.path.len().max(event.referrer.len()) <= 16 * 1024);
            &event.properties
        }
        Input::Identify(identified) => &identified.identity.properties,
        Input::Group { properties, .. } => properties,
        Input::Add { by, .. } => return assert!(by.is_finite() && *by != 0.0),
        _ => return,
    };
    assert!(properties.len() <= 501, "{}", properties.len());
    for (name, value) in properties {
        assert!(name.len() <= 256 && value.len() <= 16 * 1024 && !value.is_empty());
    }
}

/// A server, and what it should have stored.
struct Run {
    shop: Shop,
    now: Timestamp,
    mutator: Mutator,
    rng: StdRng,
    /// The ids that were given to events by their callers, and how many have none.
    ids: BTreeSet<String>,
    without_id: usize,
}

impl Run {
    async fn begin(seed: u64) -> Self {
        let limits = [("RATE_LIMIT_TRACK", "off")];
        let server = TestServer::start_on(Backends::of_this_process(), &limits).await;
        let bodies = REQUESTS.lines().step_by(7).map(|line| {
            let request = serde_json::from_str::<Json>(line).unwrap();
            request["body"].to_string()
        });
        Self {
            shop: Shop::open_on(server, serde_json::json!({})).await,
            now: parse_timestamp(START).unwrap(),
            mutator: Mutator::new(bodies.map(String::into_bytes).collect()),
            rng: StdRng::seed_from_u64(seed),
            ids: BTreeSet::new(),
            without_id: 0,
        }
    }

    /// Many bodies for the parser, and the last of them for the server.
    async fn step(&mut self) {
        for _ in 1..PARSED_PER_SENT {
            let body = self.mutator.body(&mut self.rng);
            for (form, _) in FORMS {
                if let Ok(tracked) = parse(form, &body, self.now) {
                    assert_sane(&tracked);
                }
            }
        }
        let body = self.mutator.body(&mut self.rng);
        let (form, path) = FORMS[self.rng.random_range(0..FORMS.len())];
        // Most real requests have that form.
        let (form, path) = if self.rng.random_ratio(3, 4) {
            FORMS[0]
        } else {
            (form, path)
        };
        self.send(form, path, body).await;
    }

    async fn send(&mut self, form: Form, path: &str, body: Vec<u8>) {
        if self.rng.random_ratio(1, 8) {
            let by = Duration::from_millis(self.rng.random_range(0..120_000));
            self.shop.server.advance(by);
            self.now += by;
        }
        let expected = parse(form, &body, self.now);
        let caller = self
            .shop
            .backend
            .with_header("content-type", "application/json");
        let shown = String::from_utf8_lossy(&body).into_owned();
        let reply = caller.send(Method::POST, path, Some(body)).await;
        match expected {
            Ok(tracked) => {
                assert!(
                    [200, 202].contains(&reply.status.as_u16()),
                    "{path} {shown}: {}",
                    reply.text
                );
                if let Input::Event(_) = tracked.input {
                    match tracked.id {
                        Some(id) => drop(self.ids.insert(id.to_string())),
                        None => self.without_id += 1,
                    }
                }
            }
            Err(why) if why.contains("projectId") => {}
            Err(why) => assert_eq!(reply.status, 400, "{path} {shown}: {why}: {}", reply.text),
        }
    }

    /// All that was accepted is stored, and can be read.
    async fn end(self) {
        let events = self.shop.server;
        events.settle().await;
        let reply = events
            .root()
            .get("/export/events?projectId=shop&limit=1")
            .await;
        reply.data();
        let all = reply.body["meta"]["totalCount"].as_u64().unwrap();
        let mut of_sessions = 0;
        for name in ["session_start", "session_end"] {
            let path = format!("/export/events?projectId=shop&limit=1&event={name}");
            let reply = events.root().get(&path).await;
            of_sessions += reply.body["meta"]["totalCount"].as_u64().unwrap();
        }
        let expected = self.without_id + self.ids.len();
        assert_eq!(usize::try_from(all - of_sessions).unwrap(), expected);
        events.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_little_of_everything() {
    let mut run = Run::begin(20_260_115).await;
    for _ in 0..400 {
        run.step().await;
    }
    assert!(run.without_id > 50, "{}", run.without_id);
    run.end().await;
}

/// `cargo xtask fuzz` says for how long.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for as long as it is told"]
async fn a_lot_of_everything() {
    let seconds = told("PANELD_TEST_FUZZ_SECONDS").parse().unwrap_or(0);
    if seconds == 0 {
        return;
    }
    let seed = match told("PANELD_TEST_FUZZ_SEED").as_str() {
        "" => rand::rng().random(),
        told => told.parse().unwrap(),
    };
    crate::install::say(&format!("fuzzing from seed {seed}"));
    let mut run = Run::begin(seed).await;
    let (until, mut steps) = (now() + Duration::from_secs(seconds), 0_u64);
    while now() < until {
        run.step().await;
        steps += 1;
    }
    let stored = run.without_id + run.ids.len();
    let parsed = steps * u64::from(PARSED_PER_SENT);
    crate::install::say(&format!(
        "{parsed} bodies parsed, {steps} sent, {stored} events stored"
    ));
    run.end().await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to go on is no business of the server's"
)]
fn now() -> Instant {
    Instant::now()
}
