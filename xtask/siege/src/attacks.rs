//! What strangers and bad neighbours do. All of it is bounded in count and time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::server::{Credentials, House, ORIGIN};

/// How long an attacker waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nearly as long as a text may be.
const LONGEST_TEXT: usize = 16_000;
/// How much a flood of large bodies sends at most, in one go.
const FLOOD_BYTES: u64 = 64 << 20;

/// Every attack, in the order in which they are made when they come in turn.
pub(crate) const ALL: [Attack; 15] = [
    Attack::Profile,
    Attack::Groups,
    Attack::Sessions,
    Attack::WideRows,
    Attack::SlowBodies,
    Attack::Patterns,
    Attack::Formulas,
    Attack::Windows,
    Attack::Reports,
    Attack::StalledExports,
    Attack::WrongSecrets,
    Attack::Aliases,
    Attack::Addresses,
    Attack::Noise,
    Attack::Manage,
];

/// A kind of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// New keys for one profile, a megabyte at a time.
    Profile,
    /// A profile with thousands of groups, large groups, long names.
    Groups,
    /// Sessions that carry as much as they can.
    Sessions,
    /// Events, people and recordings that are each as large as is taken.
    WideRows,
    /// Bodies that nearly never end, with credentials and without.
    SlowBodies,
    /// Filters of thousands of patterns.
    Patterns,
    /// Formulas over as many series as there are.
    Formulas,
    /// Windows of centuries, and an event of the year 1.
    Windows,
    /// A hundred reports at once.
    Reports,
    /// Exports that nobody reads.
    StalledExports,
    /// Secrets that take long to check.
    WrongSecrets,
    /// Other names for the profiles of others, also of the victim.
    Aliases,
    /// Addresses that nobody has, and those of the victim's visitors.
    Addresses,
    /// What is no HTTP, no JSON, or too much of it.
    Noise,
    /// What a root client can have made.
    Manage,
}

/// Who attacks, and what came of it.
#[derive(Clone)]
pub(crate) struct Attacker {
    http: reqwest::Client,
    address: std::net::SocketAddr,
    house: House,
    /// The victim's public id.
    victim: String,
    pub(crate) tally: Arc<Tally>,
}

/// What attackers sent and were answered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Bytes of bodies, whoever sent them.
    pub(crate) sent: AtomicU64,
    /// By the first digit of the status; those without an answer are first.
    pub(crate) answers: [AtomicU64; 6],
}

impl Attacker {
    pub(crate) fn new(
        address: std::net::SocketAddr,
        house: &House,
        victim: &House,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            address,
            house: house.clone(),
            victim: victim.write.id.clone(),
            tally: Arc::default(),
        })
    }

    /// Makes one attack, again and again until then.
    pub(crate) async fn attack(self, attack: Attack, until: Instant) {
        let mut random = StdRng::seed_from_u64(attack as u64);
        for round in 0.. {
            if Instant::now() >= until {
                return;
            }
            let made = timeout_at(until, self.once(attack, round, &mut random));
            // The time is over.
            let _over = made.await;
        }
    }

    async fn once(&self, attack: Attack, round: u64, random: &mut StdRng) {
        match attack {
            Attack::Profile => self.grow_a_profile(round).await,
            Attack::Groups => self.grow_groups(round).await,
            Attack::Sessions => self.fill_sessions(random).await,
            Attack::WideRows => self.widen(round).await,
            Attack::SlowBodies => self.send_slowly().await,
            Attack::Patterns => self.ask_for_patterns().await,
            Attack::Formulas => self.ask_for_formulas().await,
            Attack::Windows => self.ask_for_centuries().await,
            Attack::Reports => self.ask_a_hundred_times().await,
            Attack::StalledExports => self.stall().await,
            Attack::WrongSecrets => self.guess(random).await,
            Attack::Aliases => self.alias(round).await,
            Attack::Addresses => self.forge(random).await,
            Attack::Noise => self.make_noise(random).await,
            Attack::Manage => self.manage(round).await,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Option<String> {
        let Ok(request) = request.build() else {
            return None;
        };
        let bytes = request.body().and_then(|body| body.as_bytes());
        self.note_sent(bytes.map_or(0, <[u8]>::len) + request.url().as_str().len());
        let (digit, text) = match self.http.execute(request).await {
            Ok(reply) => (reply.status().as_u16() / 100, reply.text().await.ok()),
            Err(_none) => (0, None),
        };
        if let Some(count) = self.tally.answers.get(usize::from(digit)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        text
    }

    fn note_sent(&self, bytes: usize) {
        self.tally.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// From a page, without a secret.
    fn page_request(&self, client: &str, address: u32, body: &Json) -> reqwest::RequestBuilder {
        self.http
            .post(self.url("/track"))
            .header("openpanel-client-id", client)
            .header("origin", ORIGIN)
            .header(
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0",
            )
            .header(
                "x-forwarded-for",
                std::net::Ipv4Addr::from(address).to_string(),
            )
            .json(body)
    }

    async fn track(&self, address: u32, kind: &str, payload: Json) {
        let body = json!({"type": kind, "payload": payload});
        let request = self.page_request(&self.house.write.id, address, &body);
        self.send(request).await;
    }

    async fn read(&self, path: &str, query: &[(&str, String)]) {
        let Ok(url) = reqwest::Url::parse_with_params(&self.url(path), query) else {
            return;
        };
        let request = self.http.get(url);
        let Credentials { id, secret } = &self.house.read;
        self.send(request.basic_auth(id, Some(secret))).await;
    }

    async fn grow_a_profile(&self, round: u64) {
        let megabyte = |round: u64| {
            let keys = (0..10_000).map(|key| {
                (
                    format!("{round}-{key}-{}", "k".repeat(40)),
                    json!("v".repeat(40)),
                )
            });
            keys.collect::<Map<_, _>>()
        };
        let payload = json!({"profileId": "giant", "properties": megabyte(round),
            "firstName": "n".repeat(1 << 16)});
        // Not from one address, whose rate is bounded.
        self.track(round as u32, "identify", payload).await;
        let payload = json!({"profileId": "giant", "firstName": "n".repeat(1_000_000)});
        self.track(round as u32, "identify", payload).await;
        self.rest(round, 2 << 20).await;
    }

    async fn grow_groups(&self, round: u64) {
        let groups = (0..2_000).map(|group| format!("{round}-{group}-{}", "g".repeat(50)));
        let groups = groups.collect::<Vec<_>>();
        let payload = json!({"profileId": "member", "groupIds": groups});
        self.track(round as u32, "assign_group", payload).await;
        let payload = json!({"id": format!("g{round}"), "type": "company", "name": "G",
            "properties": {"text": "x".repeat(800_000)}});
        self.track(round as u32, "group", payload).await;
        let groups = [("limit", "100".to_owned())];
        self.read("/insights/attacker/groups", &groups).await;
        self.read("/insights/attacker/profiles", &groups).await;
        self.rest(round, 1 << 20).await;
    }

    async fn fill_sessions(&self, random: &mut StdRng) {
        let mut asked = JoinSet::new();
        let text = "x".repeat(28_000);
        for _ in 0..16 {
            let properties = json!({"__path": format!("{ORIGIN}/?{text}"), "__referrer":
                format!("https://r.example/?{text}"), "__title": text, "a": text, "b": text,
                "c": text, "d": text, "e": text, "f": text, "g": text});
            let payload = json!({"name": "screen_view", "properties": properties});
            let (this, address) = (self.clone(), random.random());
            asked.spawn(async move { this.track(address, "track", payload).await });
        }
        asked.join_all().await;
    }

    async fn widen(&self, round: u64) {
        let texts = |count: u32| {
            let texts = (0..count).map(|n| (format!("p{n}"), json!("x".repeat(LONGEST_TEXT))));
            texts.collect::<Map<_, _>>()
        };
        let address = round as u32;
        let payload = json!({"name": "wide", "profileId": "wide-0", "properties": texts(60)});
        self.track(address, "track", payload).await;
        let payload = json!({"profileId": format!("wide-{round}"), "properties": texts(15)});
        self.track(address, "identify", payload).await;
        let payload = json!({"id": format!("wide-{round}"), "type": "company", "name": "Wide",
            "properties": texts(15)});
        self.track(address, "group", payload).await;
        #[expect(clippy::disallowed_methods, reason = "a caller has a clock of its own")]
        let now = chrono::Utc::now().to_rfc3339();
        let payload = json!({"chunk_index": round % 10_000, "events_count": 1,
            "is_full_snapshot": true, "started_at": now, "ended_at": now,
            "payload": "x".repeat(2_000_000)});
        self.track(address, "replay", payload).await;
        self.rest(round, 4 << 20).await;
    }

    /// Keeps floods of large bodies to some megabytes a second, of which there are enough.
    async fn rest(&self, round: u64, bytes: u64) {
        if ((round + 1) * bytes).is_multiple_of(FLOOD_BYTES) {
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn send_slowly(&self) {
        let mut open = JoinSet::new();
        for number in 0..96_u32 {
            let this = self.clone();
            open.spawn(async move {
                let (path, length, credentials) = match number % 3 {
                    0 => ("/track", (8 << 20) - 1, Some(&this.house.write)),
                    1 => ("/manage/projects", 64 << 10, None),
                    _ => ("/import/events", (8 << 20) - 1, None),
                };
                let mut head = format!(
                    "POST {path} HTTP/1.1\r\nhost: x\r\norigin: {ORIGIN}\r\n\
                     content-type: application/json\r\ncontent-length: {length}\r\n"
                );
                if let Some(Credentials { id, secret }) = credentials {
                    head += &format!(
                        "openpanel-client-id: {id}\r\nopenpanel-client-secret: {secret}\r\n"
                    );
                }
                this.trickle(&(head + "\r\n"), length - 1).await;
            });
        }
        open.join_all().await;
    }

    /// Sends most of a body at once, and the rest a byte at a time.
    async fn trickle(&self, head: &str, length: usize) -> Option<()> {
        let mut connection = TcpStream::connect(self.address).await.ok()?;
        connection.write_all(head.as_bytes()).await.ok()?;
        let chunk = vec![b' '; 64 << 10];
        let (mut left, slowly) = (length, 64);
        while left > slowly {
            let part = chunk
                .get(..left.min(chunk.len()) - slowly.min(left))
                .unwrap_or(&chunk);
            let sent = timeout(PATIENCE, connection.write_all(part)).await;
            sent.ok()?.ok()?;
            self.note_sent(part.len());
            left = left.saturating_sub(part.len().max(1));
        }
        for _ in 0..left {
            connection.write_all(b" ").await.ok()?;
            sleep(Duration::from_secs(1)).await;
        }
        Some(())
    }

    async fn ask_for_patterns(&self) {
        let patterns = vec![json!("\\pL{24}"); 2_606];
        let filters = json!([{"name": "path", "operator": "regex", "value": patterns}]);
        let query = [("filters", filters.to_string()), ("range", "7d".to_owned())];
        let few = json!([{"name": "path", "operator": "regex",
            "value": ["(((a|b)*c){20}){20}", "(.*.*.*.*)*x"]}]);
        let few = [("filters", few.to_string()), ("range", "7d".to_owned())];
        tokio::join!(
            self.read("/insights/attacker/metrics", &query),
            self.read("/insights/attacker/events", &query),
            self.read("/insights/attacker/profiles", &query),
            self.read("/insights/attacker/pages", &few),
            self.read("/export/events", &few),
        );
    }

    async fn ask_for_formulas(&self) {
        let mut formula = "(A+B)/(A-B)".to_owned();
        for _ in 0..5 {
            formula = format!("({formula})*({formula})");
        }
        let series = json!([{"name": "*", "segment": "user"}, {"name": "screen_view"},
            {"type": "formula", "formula": formula},
            {"type": "formula", "formula": format!("({}A{})", "(".repeat(400), ")".repeat(400))},
            {"type": "formula", "formula": vec!["A"; 1_000].join("*")}]);
        let query = [
            ("series", series.to_string()),
            (
                "breakdowns",
                json!([{"name": "path"}, {"name": "device_id"}]).to_string(),
            ),
            ("startDate", "2026-01-01".to_owned()),
            ("interval", "day".to_owned()),
            ("previous", "true".to_owned()),
        ];
        tokio::join!(
            self.read("/export/charts", &query),
            self.read("/export/charts", &query),
            self.read("/export/charts", &query),
            self.read("/export/charts", &query),
        );
    }

    async fn ask_for_centuries(&self) {
        let Credentials { id, secret } = &self.house.write;
        let old = json!([{"name": "screen_view", "device_id": "old", "profile_id": "old",
            "created_at": "0001-01-01 00:00:00"}]);
        let import = self.http.post(self.url("/import/events")).json(&old);
        self.send(import.basic_auth(id, Some(secret))).await;
        let window = |interval: &str| {
            [
                ("startDate", "1193-01-01".to_owned()),
                ("endDate", "2026-12-31".to_owned()),
                ("interval", interval.to_owned()),
            ]
        };
        let item = json!({"name": "*", "segment": "user"}).to_string();
        let series = format!("[{}]", [item.as_str(); 10].join(","));
        let [months, minutes, days] = ["month", "minute", "day"].map(window);
        let mut chart = months.to_vec();
        chart.push(("series", series));
        let period = [("days", "90".to_owned())];
        tokio::join!(
            self.read("/insights/attacker/metrics", &months),
            self.read("/insights/attacker/metrics", &minutes),
            self.read("/insights/attacker/active_users", &period),
            self.read("/insights/attacker/retention", &[]),
            self.read("/insights/attacker/engagement", &[]),
            self.read("/insights/attacker/events", &days),
            self.read("/export/charts", &chart),
        );
    }

    async fn ask_a_hundred_times(&self) {
        const PATHS: [&str; 7] = [
            "/insights/attacker/user_flow?startEvent=screen_view&steps=8",
            "/insights/attacker/funnel?range=12m&steps=screen_view&steps=session_end",
            "/insights/attacker/retention",
            "/insights/attacker/pages/performance?range=12m",
            "/export/events?projectId=attacker&limit=1000&includes=properties",
            // As long as answers may be.
            "/export/events?projectId=attacker&limit=90&includes=properties",
            "/export/events?projectId=attacker&event=wide&limit=60&includes=profile",
        ];
        let mut asked = JoinSet::new();
        for path in PATHS.iter().cycle().take(100) {
            let this = self.clone();
            asked.spawn(async move { this.read(path, &[]).await });
        }
        asked.join_all().await;
    }

    /// Eight readers that take a little, and then hardly anything.
    async fn stall(&self) {
        let mut open = JoinSet::new();
        for _ in 0..8 {
            let this = self.clone();
            open.spawn(async move { this.read_slowly().await });
        }
        open.join_all().await;
        sleep(Duration::from_millis(200)).await;
    }

    async fn read_slowly(&self) -> Option<()> {
        let mut connection = TcpStream::connect(self.address).await.ok()?;
        let Credentials { id, secret } = &self.house.read;
        let request = format!(
            "GET /export/events?projectId=attacker&format=ndjson&includes=all,profile HTTP/1.1\r\n\
             host: x\r\nopenpanel-client-id: {id}\r\nopenpanel-client-secret: {secret}\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut some = [0; 512];
        while connection.read(&mut some).await.ok()? > 0 {
            sleep(Duration::from_secs(1)).await;
        }
        Some(())
    }

    async fn guess(&self, random: &mut StdRng) {
        let Some(imported) = &self.house.imported else {
            return;
        };
        let mut asked = JoinSet::new();
        for _ in 0..20 {
            let secret = format!("sec_{:020x}", random.random::<u64>());
            let body = json!({"type": "track", "payload": {"name": "x"}});
            let request = self
                .page_request(imported, random.random(), &body)
                .header("openpanel-client-secret", secret);
            let this = self.clone();
            asked.spawn(async move { this.send(request).await });
        }
        asked.join_all().await;
        sleep(Duration::from_millis(200)).await;
    }

    async fn alias(&self, round: u64) {
        let alias = json!({"type": "alias", "payload": {"profileId": "attacker",
            "alias": format!("visitor-{}", round % 100)}});
        for client in [&self.house.write.id, &self.victim] {
            let request = self.page_request(client, round as u32, &alias);
            self.send(request).await;
        }
        sleep(Duration::from_millis(10)).await;
    }

    async fn forge(&self, random: &mut StdRng) {
        let body = json!({"type": "track", "payload": {"name": "screen_view",
            "properties": {"__path": format!("{ORIGIN}/{}", random.random::<u16>())}}});
        let mut asked = JoinSet::new();
        for number in 0..32_u32 {
            // Some are those of the victim's visitors, but it is another project's.
            let address = match number % 4 {
                0 => 10 << 24 | random.random_range(0..4_000),
                _ => random.random(),
            };
            let real = std::net::Ipv4Addr::from(address).to_string();
            let request = self
                .page_request(&self.house.write.id, address, &body)
                .header("true-client-ip", &real)
                .header("cf-connecting-ip", &real);
            let this = self.clone();
            asked.spawn(async move { this.send(request).await });
        }
        asked.join_all().await;
        sleep(Duration::from_millis(50)).await;
    }

    async fn make_noise(&self, random: &mut StdRng) {
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        let mut bytes = vec![0; 2_000];
        rand::Rng::fill_bytes(random, &mut bytes);
        let id = &self.house.write.id;
        let page = |body: Vec<u8>, encoding: &'static str| {
            self.http
                .post(self.url("/track"))
                .header("openpanel-client-id", id)
                .header("origin", ORIGIN)
                .header("content-type", "application/json")
                .header("content-encoding", encoding)
                .body(body)
        };
        self.send(page(deep.into_bytes(), "identity")).await;
        self.send(page(bytes.clone(), "identity")).await;
        self.send(page(bytes.clone(), "gzip")).await;
        let long = self
            .http
            .get(self.url("/"))
            .header("x-long", "x".repeat(60_000));
        self.send(long).await;
        for text in [
            "GET / HTTP/1.1\r\n".repeat(50).into_bytes(),
            b"POST /track HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET".to_vec(),
            b"GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200),
            bytes,
        ] {
            if let Ok(mut connection) = TcpStream::connect(self.address).await {
                self.note_sent(text.len());
                // Whatever comes of it: it is noise.
                let _sent = connection.write_all(&text).await;
                let mut reply = vec![0; 4_096];
                let _read = timeout(Duration::from_millis(200), connection.read(&mut reply)).await;
            }
        }
    }

    async fn manage(&self, round: u64) {
        let Credentials { id, secret } = &self.house.root;
        let body = json!({"name": format!("Project {round}"), "cors": vec![ORIGIN; 100]});
        let make = self.http.post(self.url("/manage/projects")).json(&body);
        self.send(make.basic_auth(id, Some(secret))).await;
        let list = self.http.get(self.url("/manage/projects"));
        self.send(list.basic_auth(id, Some(secret))).await;
        let erase = self
            .http
            .delete(self.url("/manage/projects/attacker/profiles/giant"));
        self.send(erase.basic_auth(id, Some(secret))).await;
        sleep(Duration::from_millis(100)).await;
    }
}
