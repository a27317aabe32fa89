//! `@openpanel/web` of npm, on pages of other origins, in a real browser.

use std::process::Command;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, http::header::ContentType, web};
use serde_json::{Value as Json, json};

use crate::{
    install, recordings,
    shop::{Shop, output_of, script},
};

/// What browsers without a window are called, the smallest first.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

/// The path of a browser; it is installed where that can be done.
fn browser() -> Option<String> {
    if let Some(found) = PROGRAMS.iter().find_map(|name| which(name)) {
        return Some(found);
    }
    let mut update = Command::new("apt-get");
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "--no-install-recommends", PROGRAMS[0]]);
    let installed = install::run(update.arg("update")).and_then(|()| install::run(&mut install));
    match installed {
        Ok(()) => which(PROGRAMS[0]),
        Err(why) => install::skip(&format!("there is no browser: {why}")),
    }
}

fn which(program: &str) -> Option<String> {
    let found = Command::new("which").arg(program).output().ok()?;
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    found.status.success().then_some(path)
}

/// Serves the pages of a shop.
struct Pages {
    port: u16,
    handle: ServerHandle,
}

impl Pages {
    fn serve(listener: std::net::TcpListener, html: String, bundle: String) -> Self {
        let port = listener.local_addr().unwrap().port();
        let serving = HttpServer::new(move || {
            let (html, bundle) = (html.clone(), bundle.clone());
            App::new()
                .route(
                    "/page.js",
                    web::get().to(move || {
                        let script = HttpResponse::Ok()
                            .content_type("text/javascript")
                            .body(bundle.clone());
                        async { script }
                    }),
                )
                .default_service(web::to(move || {
                    let page = HttpResponse::Ok()
                        .content_type(ContentType::html())
                        .body(html.clone());
                    async { page }
                }))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = serving.handle();
        tokio::spawn(serving);
        Self { port, handle }
    }
}

fn html(settings: &Json) -> String {
    format!(
        "<!doctype html><title>Home</title><link rel=icon href=data:,>\
         <script>window.settings = {settings}</script><script src=/page.js></script>\
         <body><button data-track=buy data-product-name=Chair>Buy</button><input>"
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, what it installs, and a browser"]
async fn a_page_of_another_origin_is_tracked() {
    let Some(program) = browser() else { return };
    let Some(bundle) = script("bundle.mjs") else {
        return;
    };
    let bundle = output_of(bundle).await.as_str().unwrap().to_owned();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let origin = format!("http://localhost:{port}");
    let shop = Shop::open(&origin).await;
    let settings = json!({"apiUrl": shop.recorder.url(), "clientId": shop.client_id(),
        "sessionReplay": {"enabled": true, "flushIntervalMs": 200}});
    let pages = Pages::serve(listener, html(&settings), bundle);

    let mut visitor = script("browser.mjs").unwrap();
    let arguments = json!({"program": program, "apiUrl": shop.recorder.url(),
        "clientId": shop.client_id(), "page": format!("{origin}/?utm_source=news"),
        "elsewhere": format!("http://127.0.0.1:{}/", pages.port)});
    visitor.arg(arguments.to_string());
    let told = output_of(visitor).await;
    pages.handle.stop(false).await;

    assert_eq!(told["statuses"], json!([200, 200, 200, 200, 401]));
    assert_asked_before(&shop, &origin);
    assert_stored(&shop, &told["ids"], &origin).await;
    assert_refused(&shop, &told);
    let session = told["ids"]["sessionId"].as_str().unwrap().to_owned();
    assert_recorded(shop, &session).await;
}

/// The browser has asked whether the page may, and asked for what the SDK sends.
fn assert_asked_before(shop: &Shop, origin: &str) {
    let asked = shop.recorder.sent_with("OPTIONS");
    let first = &asked[0];
    assert_eq!((first.status, first.path.as_str()), (204, "/track"));
    assert_eq!(first.header("origin"), origin);
    assert_eq!(first.header("access-control-request-method"), "POST");
    let headers = first.header("access-control-request-headers");
    assert!(headers.contains("openpanel-client-id"), "{headers}");
    // The browser remembers the answer: one question for each of the two pages' origins.
    assert_eq!(asked.len(), 2, "{asked:?}");
}

async fn assert_stored(shop: &Shop, ids: &Json, origin: &str) {
    let sent = shop.recorder.sent_with("POST");
    let mine = sent.iter().filter(|one| one.header("origin") == origin);
    for exchange in mine {
        assert_eq!(&exchange.reply, ids);
        assert!(!exchange.header("sec-ch-ua").is_empty());
    }
    assert_ne!(ids["deviceId"], "");
    let events = shop.events().await;
    // All in one instant of the server's clock.
    let found = |name: &str, path: &str| {
        let mut found = events.iter();
        let found = found.find(|event| event["name"] == name && event["path"] == path);
        found.unwrap_or_else(|| panic!("no {name} of {path:?} in {events:?}"))
    };
    assert_eq!(events.len(), 4);
    let start = found("session_start", "/");
    let home = found("screen_view", "/");
    let pricing = found("screen_view", "/pricing");
    // The SDK does not say on which page something was clicked.
    let buy = found("buy", "");
    for event in &events {
        assert_eq!(event["deviceId"], ids["deviceId"]);
        assert_eq!(event["sessionId"], ids["sessionId"]);
        assert_eq!(event["sdkName"], "web");
        assert_eq!(event["browser"], "Chrome Headless");
        assert_eq!(event["os"], "Linux");
        assert_eq!(event["referrerName"], "news");
    }
    for event in [start, home, pricing] {
        assert_eq!(event["origin"], origin);
    }
    assert_eq!(home["properties"]["__title"], "Home");
    assert_eq!(home["properties"]["__query.utm_source"], "news");
    assert_eq!(pricing["properties"]["__hash"], "#plans");
    assert_eq!(buy["properties"]["productName"], "Chair");
    // A real browser is not taken for a program that pretends to be one.
    assert_eq!(home["properties"].get("__bot"), None);
}

/// The page of an origin that is not allowed asked once for each reason, and could read why.
fn assert_refused(shop: &Shop, told: &Json) {
    let sent = shop.recorder.sent_with("POST");
    let refused = sent.iter().filter(|one| one.status == 401);
    let names = refused.map(|one| one.sent["payload"]["name"].clone());
    let expected = json!(["screen_view", "by hand"]);
    assert_eq!(Json::from(names.collect::<Vec<_>>()), expected);
    assert_eq!(told["refused"]["status"], 401);
    let body = &told["refused"]["body"];
    assert_eq!(body["message"], "Ingestion: Invalid cors or secret");
    assert_eq!(
        told["strangerIds"],
        json!({"deviceId": "", "sessionId": ""})
    );
}

/// What was recorded is in the event store, as it was sent.
async fn assert_recorded(shop: Shop, session: &str) {
    let sent = shop.recorder.sent_with("POST");
    let chunks = sent.into_iter().filter(|one| one.sent["type"] == "replay");
    let chunks = chunks.map(|one| one.sent["payload"].clone());
    let mut chunks = chunks.collect::<Vec<_>>();
    chunks.sort_by_key(|chunk| chunk["chunk_index"].as_u64());
    assert_eq!(chunks[0]["is_full_snapshot"], true);
    let stored = recordings::of(shop).await;
    assert_eq!(stored.len(), chunks.len());
    for (stored, sent) in stored.iter().zip(&chunks) {
        assert_eq!(stored["session_id"], session);
        for name in ["chunk_index", "events_count", "is_full_snapshot", "payload"] {
            assert_eq!(stored[name], sent[name], "{name}");
        }
    }
}
