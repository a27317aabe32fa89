//! Those who send. Each has visitors of its own, so that what it was answered is in their order.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;
use uuid::{Builder, Uuid};

use crate::{
    ledger::{Ledger, Sent},
    server::{Credentials, PROJECT},
};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                       Chrome/126.0.0.0 Safari/537.36";
/// How many visitors a caller speaks for.
const VISITORS: u32 = 4;
/// How many profiles all callers add to.
const SHARED_PROFILES: u32 = 8;
/// How early and late events may say that they happened, in milliseconds: within what is live.
const EARLY_MS: i64 = 30_000;
const LATE_MS: i64 = 600_000;
/// The name of the last event, and of a profile that is last added to.
pub(crate) const MARK: &str = "mark";
/// How long a caller waits for an answer: longer than the server takes with anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// All callers, at home or at work.
pub(crate) struct Crowd {
    at_home: Vec<Caller>,
    at_work: JoinSet<Result<Caller>>,
}

impl Crowd {
    pub(crate) fn new(size: u32, client: Credentials, random: &mut StdRng) -> Self {
        let callers = (0..size).map(|number| Caller {
            number,
            client: client.clone(),
            random: StdRng::seed_from_u64(random.next_u64()),
            ledger: Ledger::default(),
            again: Vec::new(),
        });
        Self {
            at_home: callers.collect(),
            at_work: JoinSet::new(),
        }
    }

    /// Sets all to work on a server, until it is gone.
    pub(crate) fn go_to(&mut self, url: String) {
        for caller in self.at_home.drain(..) {
            self.at_work.spawn(caller.work(url.clone()));
        }
    }

    /// Waits until all have noticed that the server is gone.
    ///
    /// # Errors
    /// When one got an answer that it should not have got.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        while let Some(caller) = self.at_work.join_next().await {
            self.at_home.push(caller??);
        }
        // Their order decides nothing, but the same seed is to do the same.
        self.at_home.sort_unstable_by_key(|caller| caller.number);
        Ok(())
    }

    /// Repeats what is to be repeated, then sends the marks, and returns what all have sent.
    ///
    /// # Errors
    /// When one got an answer that it should not have got, or none.
    pub(crate) async fn into_ledger(self, url: &str) -> Result<Ledger> {
        let mut all = Ledger::default();
        // The first one comes last, with the marks.
        for mut caller in self.at_home.into_iter().rev() {
            let http = caller.http()?;
            while let Some(request) = caller.again.pop() {
                let answered = caller.send(&http, url, &request).await?;
                answered.context("the server is gone, though nobody killed it")?;
            }
            if caller.number == 0 {
                for request in caller.marks() {
                    let answered = caller.send(&http, url, &request).await?;
                    answered.context("the server is gone, though nobody killed it")?;
                }
            }
            all.merge(caller.ledger);
        }
        Ok(all)
    }
}

/// What is sent, and what it is about.
struct Request {
    body: Json,
    address: String,
    about: About,
    is_repeated: bool,
}

#[derive(Clone)]
enum About {
    Event {
        id: Uuid,
        name: &'static str,
    },
    /// With an id, so that it can be repeated, or without one.
    Sum {
        profile: String,
        by: i64,
        has_id: bool,
    },
    Version {
        profile: String,
        version: u64,
    },
}

struct Caller {
    number: u32,
    client: Credentials,
    random: StdRng,
    ledger: Ledger,
    /// What nobody answered, and is to be sent once more.
    again: Vec<Request>,
}

impl Caller {
    fn http(&self) -> Result<reqwest::Client> {
        Ok(reqwest::Client::builder().timeout(PATIENCE).build()?)
    }

    /// Sends until the server is gone.
    async fn work(mut self, url: String) -> Result<Self> {
        let http = self.http()?;
        loop {
            let request = match self.again.pop() {
                Some(request) => request,
                None => self.think(),
            };
            if self.send(&http, &url, &request).await?.is_none() {
                self.give_up(request);
                return Ok(self);
            }
        }
    }

    /// Thinks of something to send.
    fn think(&mut self) -> Request {
        let visitor = self.random.random_range(0..VISITORS);
        let body = |kind: &str, payload: Json| json!({"type": kind, "payload": payload});
        let id = Builder::from_random_bytes(self.random.random()).into_uuid();
        let (body, about) = match self.random.random_range(0..20) {
            0..15 => {
                let name = ["screen_view", "click", "purchase"][self.random.random_range(0..3)];
                let path = format!("https://crash.example/{}", self.random.random_range(0..9));
                let mut properties = json!({"__path": path});
                if self.random.random_ratio(1, 3) {
                    let at = now_ms() + self.random.random_range(-LATE_MS..EARLY_MS);
                    properties["__timestamp"] = json!(at);
                }
                let payload = json!({"name": name, "properties": properties, "eventId": id});
                (body("track", payload), About::Event { id, name })
            }
            15..19 => {
                let profile = format!("shared-{}", self.random.random_range(0..SHARED_PROFILES));
                let value = self.random.random_range(1..10);
                let (kind, by) = match self.random.random_ratio(1, 4) {
                    true => ("decrement", -value),
                    false => ("increment", value),
                };
                let has_id = self.random.random_ratio(1, 2);
                let mut payload = json!({"profileId": profile, "property": "n", "value": value});
                if has_id {
                    payload["eventId"] = json!(id);
                }
                (
                    body(kind, payload),
                    About::Sum {
                        profile,
                        by,
                        has_id,
                    },
                )
            }
            _ => {
                let profile = format!("person-{}-{visitor}", self.number);
                let version = self.ledger.versions.entry(profile.clone()).or_default();
                version.sent += 1;
                let version = version.sent;
                let payload = json!({"profileId": profile, "firstName": version.to_string()});
                (
                    body("identify", payload),
                    About::Version { profile, version },
                )
            }
        };
        Request {
            body,
            address: format!("203.0.{}.{visitor}", self.number),
            about,
            is_repeated: false,
        }
    }

    /// What is sent last: when it is visible, so is everything.
    fn marks(&mut self) -> [Request; 2] {
        let id = Builder::from_random_bytes(self.random.random()).into_uuid();
        let of = |kind: &str, payload: Json, about| Request {
            body: json!({"type": kind, "payload": payload}),
            address: "203.0.113.1".to_owned(),
            about,
            is_repeated: false,
        };
        let (name, profile) = (MARK, MARK.to_owned());
        let event = json!({"name": MARK, "eventId": id});
        let addition = json!({"profileId": MARK, "property": "n", "value": 1});
        let about = About::Sum {
            profile,
            by: 1,
            has_id: false,
        };
        [
            of("track", event, About::Event { id, name }),
            of("increment", addition, about),
        ]
    }

    /// Sends, and notes the answer. `None` when there was none: the server is gone.
    async fn send(
        &mut self,
        http: &reqwest::Client,
        url: &str,
        request: &Request,
    ) -> Result<Option<()>> {
        let sent = http
            .post(format!("{url}/track?projectId={PROJECT}"))
            .header("openpanel-client-id", &self.client.id)
            .header("openpanel-client-secret", &self.client.secret)
            .header("openpanel-client-ip", &request.address)
            .header("user-agent", BROWSER)
            .json(&request.body)
            .send()
            .await;
        let Ok(reply) = sent else {
            return Ok(None);
        };
        let status = reply.status();
        let Ok(text) = reply.text().await else {
            return Ok(None);
        };
        if status != 200 {
            bail!("{} was answered with {status}: {text}", request.body);
        }
        let ids = serde_json::from_str::<Json>(&text)?;
        self.note(request, &ids);
        Ok(Some(()))
    }

    fn note(&mut self, request: &Request, ids: &Json) {
        self.ledger.repeated += u64::from(request.is_repeated);
        match request.about.clone() {
            About::Event { id, name } => {
                let text = |name: &str| ids[name].as_str().unwrap_or_default().to_owned();
                let answer = Some((text("deviceId"), text("sessionId")));
                self.ledger.events.insert(id, Sent { name, answer });
                return;
            }
            About::Sum { profile, by, .. } => {
                self.ledger.sums.entry(profile).or_default().certain += by;
            }
            About::Version { profile, version } => {
                let known = self.ledger.versions.entry(profile).or_default();
                known.acknowledged = version;
            }
        }
        self.ledger.others.0 += 1;
    }

    /// Nobody knows whether it was taken: it is sent once more if that does no harm, or noted.
    fn give_up(&mut self, mut request: Request) {
        let may_repeat = match &request.about {
            About::Event { .. } => true,
            About::Sum { has_id, .. } => *has_id,
            About::Version { .. } => false,
        };
        if may_repeat && self.random.random_ratio(2, 3) {
            request.is_repeated = true;
            self.again.push(request);
            return;
        }
        match request.about {
            About::Event { id, name } => {
                self.ledger.events.insert(id, Sent { name, answer: None });
                return;
            }
            About::Sum { profile, by, .. } => {
                let sum = self.ledger.sums.entry(profile).or_default();
                sum.at_most_more += by.max(0);
                sum.at_most_less += (-by).max(0);
            }
            About::Version { .. } => {}
        }
        self.ledger.others.1 += 1;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: it has no clock that tests set"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    i64::try_from(ms).unwrap_or_default()
}
