//! What Prometheus is told.

use std::{
    collections::{HashMap, HashSet},
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;

use crate::support::{Place, Server};

/// What was scraped: samples by series, and kinds and helps by name.
struct Scraped {
    samples: HashMap<String, f64>,
    kinds: HashMap<String, String>,
    helps: HashSet<String>,
    text: String,
}

impl Scraped {
    /// Reads the text format, and demands that each line has its form.
    fn of(text: &str) -> Self {
        let (mut samples, mut kinds) = (HashMap::new(), HashMap::new());
        let mut helps = HashSet::new();
        assert!(text.ends_with('\n'));
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(!help.is_empty(), "{line}");
                assert!(helps.insert(name.to_owned()), "told twice: {line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                let before = kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "told twice: {line}");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let before = samples.insert(series.to_owned(), value.parse().unwrap());
                assert_eq!(before, None, "told twice: {line}");
            }
        }
        Self {
            samples,
            kinds,
            helps,
            text: text.to_owned(),
        }
    }

    fn get(&self, series: &str) -> f64 {
        let sample = self.samples.get(series);
        *sample.unwrap_or_else(|| panic!("{series} is not there: {:?}", self.samples.keys()))
    }

    /// Demands that Prometheus' own checker finds nothing, where it is installed.
    #[expect(
        clippy::print_stdout,
        reason = "whoever reads the log must see what was not checked"
    )]
    fn assert_checked(&self) {
        let checker = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut checker) = checker else {
            println!("!!! SKIPPED: there is no promtool (on Debian: apt-get install prometheus)");
            return;
        };
        let mut input = checker.stdin.take().unwrap();
        input.write_all(self.text.as_bytes()).unwrap();
        drop(input);
        let found = checker.wait_with_output().unwrap();
        let said = String::from_utf8([found.stdout, found.stderr].concat()).unwrap();
        assert!(found.status.success() && said.is_empty(), "{said}");
    }

    /// Demands that every sample belongs to a metric with a kind, a help and a conventional name.
    fn assert_conventional(&self) {
        for series in self.samples.keys() {
            let name = series.split('{').next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let whole = parts.iter().find_map(|part| name.strip_suffix(part));
            let whole = whole.filter(|whole| self.kinds.contains_key(*whole));
            let metric = whole.unwrap_or(name);
            let kind = self.kinds.get(metric).map(String::as_str);
            match kind.unwrap_or_else(|| panic!("{series} has no kind")) {
                "counter" => assert!(metric.ends_with("_total"), "{metric}"),
                "gauge" => assert!(!metric.ends_with("_total"), "{metric}"),
                "histogram" => assert!(whole.is_some() && metric.ends_with("_seconds")),
                other => panic!("{metric} is a {other}"),
            }
            assert!(self.helps.contains(metric), "{metric} has no help");
            let known = ["paneld_", "process_"];
            assert!(known.iter().any(|prefix| metric.starts_with(prefix)));
        }
    }
}

async fn scrape(address: &str) -> Scraped {
    let reply = reqwest::get(format!("http://{address}/metrics")).await;
    let reply = reply.unwrap();
    let kind = reply.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    Scraped::of(&reply.text().await.unwrap())
}

/// Scrapes until a gauge is this. Gauges are set once a second.
async fn wait_for(address: &str, series: &str, expected: f64) -> Scraped {
    for _second in 0..60 {
        let scraped = scrape(address).await;
        if scraped.samples.get(series) == Some(&expected) {
            return scraped;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{series} never is {expected}");
}

fn measured(place: &Place) -> (Server, String) {
    let server = place.bootstrapped().with("METRICS_LISTEN", "127.0.0.1:0");
    let server = server.serve();
    let line = server.process.wait_for_log("serving metrics");
    let address = line["address"].as_str().unwrap().to_owned();
    (server, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_counter_is_there_from_the_start() {
    let place = Place::new();
    let (server, address) = measured(&place);
    let scraped = scrape(&address).await;
    scraped.assert_conventional();
    scraped.assert_checked();
    for series in [
        r#"paneld_http_requests_total{group="track",status="200"}"#,
        r#"paneld_http_requests_total{group="manage",status="other"}"#,
        r#"paneld_rate_limited_total{group="track_visitor"}"#,
        r#"paneld_events_accepted_total{source="track"}"#,
        r#"paneld_events_accepted_total{source="import"}"#,
        r#"paneld_times_adjusted_total{reason="too_early"}"#,
        r#"paneld_spool_set_aside_total{sink="copies"}"#,
        r#"paneld_questions_refused_total{queue="long",reason="client"}"#,
        r#"paneld_bodies_refused_total{sender="pages"}"#,
        "paneld_auth_failures_total",
        "paneld_connections_refused_total",
        "paneld_bot_requests_total",
        "paneld_sessions_ended_early_total",
        "paneld_exports_too_slow_total",
    ] {
        assert_eq!(scraped.get(series), 0.0, "{series}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let build = format!(r#"paneld_build_info{{version="{version}"}}"#);
    assert_eq!(scraped.get(&build), 1.0);
    for positive in [
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(scraped.get(positive) > 0.0, "{positive}");
    }
    // In whole seconds.
    assert!(scraped.get("process_cpu_seconds_total") >= 0.0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_where_it_happens() {
    let place = Place::new();
    let (server, address) = measured(&place);
    for backend in ["paneld_catalog_up", "paneld_events_up", "paneld_spool_up"] {
        wait_for(&address, backend, 1.0).await;
    }
    let root = server.root();
    let made = root.post("/manage/projects", json!({"name": "Shop"})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let event = json!({"type": "track", "payload": {"name": "sale"}});
    let identified = json!({"type": "identify", "payload": {"profileId": "ada"}});
    for body in [event.clone(), event, identified] {
        let taken = root.post("/api/track?projectId=shop", body).await;
        assert_eq!(taken.status, 200, "{}", taken.body);
    }
    let rows = json!([{"name": "old", "created_at": "2026-01-01T00:00:00Z"}]);
    let taken = root.post("/import/events?projectId=shop", rows).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    let nothing = root.get("/insights/nowhere/metrics").await;
    assert_eq!(nothing.status, 404);
    let stranger = server.caller_with(&[]);
    assert_eq!(stranger.get("/manage/me").await.status, 401);

    let scraped = scrape(&address).await;
    scraped.assert_conventional();
    scraped.assert_checked();
    for (series, expected) in [
        (
            r#"paneld_http_requests_total{group="track",status="200"}"#,
            3.0,
        ),
        (
            r#"paneld_http_requests_total{group="import",status="200"}"#,
            1.0,
        ),
        (
            r#"paneld_http_requests_total{group="insights",status="404"}"#,
            1.0,
        ),
        (
            r#"paneld_http_requests_total{group="manage",status="401"}"#,
            1.0,
        ),
        (
            r#"paneld_http_request_duration_seconds_count{group="track"}"#,
            3.0,
        ),
        (r#"paneld_events_accepted_total{source="track"}"#, 2.0),
        (r#"paneld_events_accepted_total{source="import"}"#, 1.0),
        ("paneld_auth_failures_total", 1.0),
    ] {
        assert_eq!(scraped.get(series), expected, "{series}");
    }
    // What was taken is applied, and nothing waits any more.
    let applied = wait_for(&address, r#"paneld_spool_records{sink="copies"}"#, 0.0).await;
    for sink in ["events", "catalog"] {
        let series = format!(r#"paneld_spool_records{{sink="{sink}"}}"#);
        wait_for(&address, &series, 0.0).await;
    }
    assert!(applied.get("paneld_spool_oldest_record_age_seconds") >= 0.0);
    wait_for(&address, "paneld_spool_oldest_record_age_seconds", 0.0).await;
    server.stop();
}
