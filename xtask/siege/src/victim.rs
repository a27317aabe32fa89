//! The victim: visitors of its pages, and somebody who reads its reports. It knows what must come
//! out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use chrono::Utc;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use crate::server::{House, ORIGIN, Server};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                       Chrome/126.0.0.0 Safari/537.36";
/// A visitor sends something as often.
const PACE: Duration = Duration::from_millis(40);
/// A report is read, and life looked for, as often.
const REPORTS: Duration = Duration::from_millis(250);
const HEALTH: Duration = Duration::from_millis(100);
/// How long the victim waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take until everything is visible.
const SETTLE_TIME: Duration = Duration::from_secs(60);
/// How many sessions a page has.
const PAGE: usize = 100;
/// How many visitors are there at once, and of how many views their visits are.
const VISITORS: usize = 20;
const VIEWS: [u64; 5] = [1, 4, 2, 1, 7];

/// What is read again and again.
const READ: [&str; 6] = [
    "/insights/victim/metrics?range=7d",
    "/insights/victim/pages?range=7d",
    "/insights/victim/live",
    "/insights/victim/sessions?limit=20",
    "/export/charts?projectId=victim&series=[{%22name%22:%22screen_view%22}]",
    "/export/events?projectId=victim&limit=20",
];

/// What was answered to one kind of request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    /// How long each took.
    pub(crate) times: Vec<Duration>,
    /// Those that should not be.
    pub(crate) bad: Vec<String>,
}

impl Answers {
    /// The time that so many of a hundred did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        times.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// What the victim went through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diary {
    pub(crate) track: Answers,
    pub(crate) reports: Answers,
    pub(crate) health: Answers,
    /// What was sent of each session.
    sessions: BTreeMap<String, Visit>,
}

/// A visit, as it was seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Visit {
    views: u64,
    /// Times in milliseconds since 1970.
    first: i64,
    last: i64,
}

/// Uses a server for so long.
pub(crate) async fn live(url: String, house: House, time: Duration) -> Result<Diary> {
    let caller = Caller {
        http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        url,
        house,
        diary: Mutex::default(),
        until: Instant::now() + time,
    };
    tokio::join!(caller.visit(), caller.read(), caller.look());
    Ok(caller
        .diary
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

struct Caller {
    http: reqwest::Client,
    url: String,
    house: House,
    diary: Mutex<Diary>,
    until: Instant,
}

/// Asks, and tells what was answered and how long it took.
async fn ask(request: reqwest::RequestBuilder) -> (Result<String, String>, Duration) {
    let begun = Instant::now();
    let answer = async {
        let reply = request.send().await.map_err(|error| format!("{error:?}"))?;
        let (status, text) = (reply.status(), reply.text().await);
        let text = text.map_err(|error| format!("{error:?}"))?;
        match status.as_u16() {
            200 => Ok(text),
            status => Err(format!("{status}: {text}")),
        }
    };
    let answer = answer.await;
    (answer, begun.elapsed())
}

impl Caller {
    fn note(&self, note: impl FnOnce(&mut Diary)) {
        note(&mut self.diary.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The next time that something is due, if there is still time for it.
    async fn next(&self, ticks: &mut Interval) -> bool {
        ticks.tick().await;
        Instant::now() < self.until
    }

    /// Visitors, one after the other, each with an address of its own; a view every time.
    async fn visit(&self) {
        let mut ticks = every(PACE);
        // How many views are left to each, and its address.
        let mut visitors = vec![(0_u64, 0); VISITORS];
        for turn in 0.. {
            if !self.next(&mut ticks).await {
                return;
            }
            let Some((left, number)) = visitors.get_mut(turn % VISITORS) else {
                return;
            };
            if *left == 0 {
                *number = turn;
                // Twenty visitors, five lengths: it is shifted, so that each has all of them.
                *left = VIEWS[(turn / VISITORS + turn) % VIEWS.len()];
            }
            *left -= 1;
            #[expect(clippy::disallowed_methods, reason = "a caller has a clock of its own")]
            let at = Utc::now().timestamp_millis();
            let properties = json!({"__path": format!("{ORIGIN}/products/{}", turn % 50),
                "__title": "Product", "__timestamp": at});
            let address = format!(
                "25.{}.{}.{}",
                *number >> 16,
                *number >> 8 & 255,
                *number & 255
            );
            let request = self
                .http
                .post(format!("{}/track", self.url))
                .header("openpanel-client-id", &self.house.write.id)
                .header("origin", ORIGIN)
                .header("user-agent", BROWSER)
                .header("x-forwarded-for", address)
                .json(&json!({"type": "track",
                    "payload": {"name": "screen_view", "properties": properties}}));
            let (answer, time) = ask(request).await;
            self.note(|diary| {
                diary.track.times.push(time);
                match answer {
                    Ok(ids) => diary.note_view(&ids, at),
                    Err(bad) => diary.track.bad.push(bad),
                }
            });
        }
    }

    /// Reports, one after the other.
    async fn read(&self) {
        let read = &self.house.read;
        let mut ticks = every(REPORTS);
        for path in READ.iter().cycle() {
            if !self.next(&mut ticks).await {
                return;
            }
            let request = self.http.get(format!("{}{path}", self.url));
            let request = request.basic_auth(&read.id, Some(&read.secret));
            let (answer, time) = ask(request).await;
            self.note(|diary| {
                diary.reports.times.push(time);
                diary.reports.bad.extend(answer.err());
            });
        }
    }

    /// Whether the server is alive.
    async fn look(&self) {
        let url = format!("{}/healthz/live", self.url);
        let mut ticks = every(HEALTH);
        while self.next(&mut ticks).await {
            let (answer, time) = ask(self.http.get(&url)).await;
            self.note(|diary| {
                diary.health.times.push(time);
                diary.health.bad.extend(answer.err());
            });
        }
    }
}

fn every(time: Duration) -> Interval {
    let mut ticks = interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Diary {
    /// About how many bytes it sent.
    pub(crate) fn sent(&self) -> u64 {
        const EACH: usize = 200;
        (self.track.times.len() * EACH) as u64
    }

    fn note_view(&mut self, ids: &str, at: i64) {
        let ids = serde_json::from_str::<Json>(ids).unwrap_or_default();
        let session = ids["sessionId"].as_str().unwrap_or_default().to_owned();
        let view = Visit {
            views: 1,
            first: at,
            last: at,
        };
        note(&mut self.sessions, session, view);
    }
}

/// Puts a visit, or more of one, with the others.
fn note(sessions: &mut BTreeMap<String, Visit>, id: String, seen: Visit) {
    let visit = sessions.entry(id).or_insert(Visit { views: 0, ..seen });
    visit.views += seen.views;
    visit.first = visit.first.min(seen.first);
    visit.last = visit.last.max(seen.last);
}

/// Demands that the server tells of each session what these diaries tell.
pub(crate) async fn compare(
    diaries: [Option<&Diary>; 2],
    server: &Server,
    house: &House,
) -> Result<()> {
    let mut expected = BTreeMap::new();
    for (id, visit) in diaries
        .into_iter()
        .flatten()
        .flat_map(|diary| &diary.sessions)
    {
        note(&mut expected, id.clone(), *visit);
    }
    let begun = Instant::now();
    loop {
        let difference = match stored(server, house).await {
            Ok(stored) => difference(&expected, &stored),
            Err(error) => Some(format!("{error:#}")),
        };
        match difference {
            None => return Ok(()),
            Some(difference) if begun.elapsed() > SETTLE_TIME => bail!(difference),
            Some(_) => sleep(REPORTS).await,
        }
    }
}

async fn stored(server: &Server, house: &House) -> Result<BTreeMap<String, Json>> {
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let mut stored = BTreeMap::new();
    for page in 1.. {
        // Slower than its limit.
        sleep(Duration::from_millis(110)).await;
        let path = format!("/insights/victim/sessions?limit={PAGE}&cursor={page}");
        let request = http.get(server.url(&path));
        let request = request.basic_auth(&house.root.id, Some(&house.root.secret));
        let (answer, _) = ask(request).await;
        let answer = answer.map_err(|bad| anyhow::anyhow!("{path}: {bad}"))?;
        let rows = serde_json::from_str::<Vec<Json>>(&answer)?;
        let count = rows.len();
        for row in rows {
            let id = row["id"].as_str().context("a session has no id")?;
            ensure!(
                stored.insert(id.to_owned(), row.clone()).is_none(),
                "{id} is there twice"
            );
        }
        if count < PAGE {
            break;
        }
    }
    Ok(stored)
}

fn difference(
    expected: &BTreeMap<String, Visit>,
    stored: &BTreeMap<String, Json>,
) -> Option<String> {
    if stored.len() != expected.len() {
        let (found, expected) = (stored.len(), expected.len());
        return Some(format!("{found} sessions are stored, not {expected}"));
    }
    expected.iter().find_map(|(id, visit)| {
        let row = &stored.get(id)?;
        let told = (
            &row["screen_view_count"],
            &row["duration"],
            &row["is_bounce"],
        );
        let expected = (
            &json!(visit.views),
            &json!(visit.last - visit.first),
            &json!(visit.views <= 1),
        );
        (told != expected).then(|| format!("session {id} has {told:?}, not {expected:?}"))
    })
}
