//! Insights: figures of a small site whose numbers anyone can check by hand. What the endpoints
//! say of a large one is held against an independent model in `tests/golden`.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Caller, TestServer};

const DESKTOP: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                       Gecko) Chrome/126.0.0.0 Safari/537.36";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const MINUTE: Duration = Duration::from_secs(60);

/// A site on its 15 January: somebody at a desk sees two pages for two minutes and buys, somebody
/// with a phone sees one.
struct Site {
    server: TestServer,
    reader: Caller,
}

impl Site {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let project = server.create_project("Site").await;
        let client = json!({"name": "Reader", "type": "read", "projectId": "site"});
        let reader = server.create_client(client).await;
        let writer = server.caller_of(&project["client"]);
        let desk = writer
            .with_header("user-agent", DESKTOP)
            .with_header("x-client-ip", "198.51.100.7");
        let phone = writer
            .with_header("user-agent", PHONE)
            .with_header("x-client-ip", "198.51.100.8");
        view(&desk, "/?utm_source=news", "Home").await;
        view(&phone, "/", "Home").await;
        server.advance(2 * MINUTE);
        view(&desk, "/prices", "Prices").await;
        let sale = json!({"name": "revenue", "properties": {"__revenue": 1_900}});
        track(&desk, sale).await;
        server.settle().await;
        Self {
            reader: server.caller_of(&reader),
            server,
        }
    }

    async fn ask(&self, path: &str) -> Json {
        let reply = self.reader.get(&format!("/insights/site/{path}")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body
    }
}

async fn view(caller: &Caller, page: &str, title: &str) {
    let path = format!("https://site.example{page}");
    let properties = json!({"__path": path, "__title": title});
    track(
        caller,
        json!({"name": "screen_view", "properties": properties}),
    )
    .await;
}

async fn track(caller: &Caller, payload: Json) {
    let body = json!({"type": "track", "payload": payload});
    let reply = caller.post("/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn figures() -> Json {
    json!({"bounce_rate": 50.0, "unique_visitors": 2, "total_sessions": 2,
        "avg_session_duration": 120.0, "total_screen_views": 3, "views_per_session": 1.5,
        "total_revenue": 1_900})
}

fn nothing() -> Json {
    json!({"bounce_rate": 0.0, "unique_visitors": 0, "total_sessions": 0,
        "avg_session_duration": 0.0, "total_screen_views": 0, "views_per_session": 0.0,
        "total_revenue": 0})
}

fn on(date: &str, mut figures: Json) -> Json {
    figures["date"] = json!(format!("{date}T00:00:00.000Z"));
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn key_figures_come_for_the_window_and_each_of_its_days() {
    let site = Site::open().await;
    let reference = json!({"projectId": "site", "title": "Launch",
        "datetime": "2026-01-14T12:00:00Z"});
    let made = site
        .server
        .root()
        .post("/manage/references", reference)
        .await;
    let answer = site
        .ask("metrics?startDate=2026-01-14&endDate=2026-01-16")
        .await;
    assert_eq!(answer["metrics"], figures());
    let series = json!([
        on("2026-01-14", nothing()),
        on("2026-01-15", figures()),
        on("2026-01-16", nothing()),
    ]);
    assert_eq!(answer["series"], series);
    assert_eq!(answer["references"], json!([made.data()]));
    let later = site.ask("metrics?startDate=2026-01-15").await;
    assert_eq!(later["references"], json!([]));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_tells_its_window_and_its_parts() {
    let site = Site::open().await;
    let answer = site.ask("overview?interval=week").await;
    assert_eq!(answer["summary"], figures());
    assert_eq!(answer["interval"], "week");
    let (start, end) = (&answer["startDate"], &answer["endDate"]);
    assert_eq!((start, end), (&json!("2025-12-16"), &json!("2026-01-15")));
    let series = answer["series"].as_array().unwrap();
    assert_eq!(series.len(), 5);
    assert_eq!(series[4], on("2026-01-12", figures()));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_about_the_path_counts_what_was_seen() {
    let site = Site::open().await;
    let filters = r#"[{"name":"path","operator":"is","value":["/"]}]"#;
    let answer = site.ask(&format!("metrics?filters={filters}")).await;
    let metrics = &answer["metrics"];
    assert_eq!(metrics["unique_visitors"], 2);
    assert_eq!(metrics["total_screen_views"], 2);
    // Both entered there, and one left at once. Nobody saw it twice.
    assert_eq!(metrics["bounce_rate"], 50.0);
    assert_eq!(metrics["avg_session_duration"], 0.0);
    assert_eq!(metrics["total_revenue"], 0);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_told_apart_by_dimensions() {
    let site = Site::open().await;
    let row = |name: Json, sessions: u64, views: u64, bounce: f64, seconds: f64, revenue: u64| {
        json!({"name": name, "sessions": sessions, "pageviews": views, "bounce_rate": bounce,
            "avg_session_duration": seconds, "revenue": revenue})
    };
    let desk = |name: &str| row(json!(name), 1, 2, 0.0, 120.0, 1_900);
    let phone = |name: &str| row(json!(name), 1, 1, 100.0, 0.0, 0);
    let expected = json!([desk("desktop"), phone("mobile")]);
    assert_eq!(site.ask("device").await, expected);
    assert_eq!(site.ask("traffic/devices").await, expected);
    let versions = site.ask("os_version").await;
    assert_eq!(versions[0]["prefix"], "Windows");
    assert_eq!(versions[1]["prefix"], "iOS");
    let sources = site.ask("utm_source").await;
    assert_eq!(
        sources,
        json!([desk("news"), row(Json::Null, 1, 1, 100.0, 0.0, 0)])
    );
    let second = site.ask("device?limit=1&cursor=2").await;
    assert_eq!(second, json!([phone("mobile")]));
    let filters = r#"[{"name":"path","operator":"is","value":["/prices"]}]"#;
    let of_page = site.ask(&format!("device?filters={filters}")).await;
    assert_eq!(of_page, json!([desk("desktop")]));
    let places = site.ask("country?labels=true").await;
    assert_eq!(places[0]["label"], Json::Null);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_tell_how_long_they_were_looked_at() {
    let site = Site::open().await;
    let home = json!({"title": "Home", "origin": "https://site.example", "path": "/",
        "sessions": 2, "pageviews": 2, "bounce_rate": 50.0, "avg_duration": 120.0,
        "revenue": 0});
    let prices = json!({"title": "Prices", "origin": "https://site.example", "path": "/prices",
        "sessions": 1, "pageviews": 1, "bounce_rate": 0.0, "avg_duration": 0.0, "revenue": 0});
    assert_eq!(site.ask("pages").await, json!([home, prices]));
    assert_eq!(site.ask("pages/top?limit=1").await, json!([home]));
    let edge = |path: &str, sessions: u64, views: u64, bounce: f64, seconds: f64, sale: u64| {
        json!({"origin": "https://site.example", "path": path, "sessions": sessions,
            "pageviews": views, "bounce_rate": bounce, "avg_session_duration": seconds,
            "revenue": sale})
    };
    let entries = site.ask("pages/entry_exit").await;
    assert_eq!(entries, json!([edge("/", 2, 3, 50.0, 120.0, 1_900)]));
    let exits = site.ask("pages/entry_exit?mode=exit").await;
    let expected = [
        edge("/prices", 1, 2, 0.0, 120.0, 1_900),
        edge("/", 1, 1, 100.0, 0.0, 0),
    ];
    assert_eq!(exits, json!(expected));
    // Of sessions that saw a page, and of those that match in another way.
    let filtered = "pages/entry_exit?mode=exit&filters[0][operator]=is&filters[0]";
    let prices = format!("{filtered}[name]=path&filters[0][value][]=/prices");
    assert_eq!(site.ask(&prices).await, json!([expected[0]]));
    let elsewhere = format!("{filtered}[name]=country&filters[0][value][]=DE");
    assert_eq!(site.ask(&elsewhere).await, json!([]));
    let performance = site.ask("pages/performance?sortBy=bounce_rate").await;
    assert_eq!(
        (&performance["total_pages"], &performance["shown"]),
        (&json!(2), &json!(2))
    );
    let first = json!({"origin": "https://site.example", "path": "/", "title": "Home",
        "sessions": 2, "pageviews": 2, "avg_duration": 1.0, "bounce_rate": 50.0,
        "seo_signals": {"high_bounce": false, "low_engagement": false,
            "good_landing_page": false}});
    assert_eq!(performance["pages"][0], first);
    let found = site.ask("pages/performance?search=rice&limit=1").await;
    assert_eq!(found["total_pages"], 1);
    assert_eq!(found["pages"][0]["seo_signals"]["low_engagement"], true);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_told_by_its_parameter() {
    let site = Site::open().await;
    for (path, places) in [
        ("metrics?range=90d", vec![json!(["range"])]),
        (
            "metrics?startDate=soon&filters=",
            vec![json!(["startDate"]), json!(["filters"])],
        ),
        (
            "metrics?startDate=2026-01-16&endDate=2026-01-15",
            vec![json!(["endDate"])],
        ),
        (
            r#"metrics?filters=[{"name":"plan","operator":"is","value":["a"]}]"#,
            vec![json!(["filters", 0, "name"])],
        ),
        ("overview?interval=minute", vec![json!(["interval"])]),
        (
            "pages?limit=1001&cursor=0",
            vec![json!(["limit"]), json!(["cursor"])],
        ),
        ("device?labels=perhaps", vec![json!(["labels"])]),
        ("traffic/geo?breakdown=device", vec![json!(["breakdown"])]),
        ("pages/entry_exit?mode=middle", vec![json!(["mode"])]),
        (
            "pages/performance?sortBy=title&sortOrder=up&limit=501",
            vec![json!(["sortBy"]), json!(["sortOrder"]), json!(["limit"])],
        ),
    ] {
        let reply = site.reader.get(&format!("/insights/site/{path}")).await;
        reply.assert_invalid_query(&places);
    }
    let unknown = site.reader.get("/insights/site/colour").await;
    unknown.assert_error(404, "Route not found");
    let foreign = site.reader.get("/insights/other/metrics").await;
    foreign.assert_error(403, "You do not have access to this project");
    let absent = site.server.root().get("/insights/other/device").await;
    absent.assert_error(404, "Project not found");
    site.server.stop().await;
}
