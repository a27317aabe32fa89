//! Signing in to the console: what a session is good for, and what it is not.

use std::time::Duration;

use paneld_auth::Token;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, Reply, TestServer};

const ENDED: &str = "The session has ended: sign in again";
const FOREIGN: &str =
    "Requests from pages of another origin are refused: if this is your own, set public_url";
const SESSION_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A page of the console that has not signed in.
fn page(server: &TestServer) -> Caller {
    server.anonymous().with_header("x-paneld-console", "1")
}

/// A page that has the session of this reply.
fn signed_in(server: &TestServer, reply: &Reply) -> Caller {
    assert_eq!(reply.status, 200, "{}", reply.text);
    page(server).with_header("cookie", cookie(reply))
}

/// A cookie as browsers send it to this server, whose port tells it from its neighbours'.
fn cookie_of(server: &TestServer, value: &str) -> String {
    let url = server.url();
    let (_, port) = url.rsplit_once(':').unwrap();
    format!("paneld-{port}={value}")
}

/// The cookie that a reply sets, as browsers send it.
fn cookie(reply: &Reply) -> &str {
    reply.header("set-cookie").split(';').next().unwrap()
}

fn root() -> Json {
    json!({"clientId": ROOT_ID, "clientSecret": ROOT_SECRET})
}

fn credentials_of(client: &Json) -> Json {
    json!({"clientId": client["id"], "clientSecret": client["secret"]})
}

async fn sign_in(server: &TestServer, body: Json) -> Caller {
    let reply = page(server).post("/console/session", body).await;
    signed_in(server, &reply)
}

fn assert_refused(reply: &Reply, code: &str, message: &str) {
    reply.assert_error(401, message);
    assert_eq!(reply.body["code"], code, "{}", reply.text);
    assert_eq!(reply.header("www-authenticate"), "", "{}", reply.text);
}

fn assert_foreign(reply: &Reply) {
    reply.assert_error(403, FOREIGN);
    assert_eq!(reply.body["code"], "foreign_origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_may_do_what_the_client_may_until_signing_out() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let reply = page(&server).post("/console/session", root()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let expected = json!({
        "client": {"id": ROOT_ID, "name": "First root client", "type": "root"},
        "organization": {"id": "acme", "name": "Acme", "timezone": "UTC"},
        "projects": [{"id": "shop", "name": "Shop", "domain": null}],
        "hasMoreProjects": false,
        "expiresAt": "2026-01-15T22:30:00.000Z",
        "version": env!("CARGO_PKG_VERSION"),
        "publicUrl": server.url(),
    });
    assert_eq!(reply.body, expected);
    assert_eq!(reply.header("cache-control"), "no-store");
    let set = reply.header("set-cookie");
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"
    );
    let (_, token) = pair.split_once('=').unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(pair, cookie_of(&server, token));

    let page = signed_in(&server, &reply);
    let session = page.get("/console/session").await;
    assert_eq!(session.body, expected);
    for prefix in ["", "/api"] {
        let listed = page.get(&format!("{prefix}/manage/projects")).await;
        assert_eq!(listed.ids(), ["shop"]);
        let figures = page.get(&format!("{prefix}/insights/shop/metrics")).await;
        assert_eq!(figures.status, 200, "{}", figures.text);
    }
    let made = page.post("/manage/projects", json!({"name": "Blog"})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(page.get("/manage/me").await.data()["client"]["id"], ROOT_ID);

    let gone = page.delete("/console/session").await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let removed = format!(
        "{}; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
        cookie_of(&server, "")
    );
    assert_eq!(gone.header("set-cookie"), removed);
    for path in ["/console/session", "/manage/projects"] {
        let reply = page.get(path).await;
        assert_refused(&reply, "session_ended", ENDED);
        assert_eq!(reply.header("set-cookie"), removed);
    }
    let again = page.delete("/console/session").await;
    assert_refused(&again, "session_ended", ENDED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_sees_its_project_and_one_that_writes_nothing() {
    let server = TestServer::start().await;
    for name in ["Shop", "Blog"] {
        server.create_project(name).await;
    }
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = server.create_client(body).await;
    let page_of_reader = sign_in(&server, credentials_of(&reader)).await;
    let session = page_of_reader.get("/console/session").await;
    assert_eq!(session.body["client"]["type"], "read");
    assert_eq!(session.body["projects"].as_array().unwrap().len(), 1);
    assert_eq!(session.body["projects"][0]["id"], "shop");
    let own = page_of_reader.get("/insights/shop/metrics").await;
    assert_eq!(own.status, 200, "{}", own.text);
    let other = page_of_reader.get("/insights/blog/metrics").await;
    other.assert_error(403, "You do not have access to this project");
    let managing = page_of_reader.get("/manage/projects").await;
    let message = "Manage: Only root clients are allowed to manage resources";
    assert_refused(&managing, "insufficient_permissions", message);

    let body = json!({"name": "Writer", "type": "write", "projectId": "shop"});
    let writer = server.create_client(body).await;
    let reply = page(&server)
        .post("/console/session", credentials_of(&writer))
        .await;
    let message = "Console: Only read and root clients can sign in";
    assert_refused(&reply, "insufficient_permissions", message);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sign_in_is_told_what_is_wrong() {
    let server = TestServer::start().await;
    let page = page(&server);
    let wrong_secret = json!({"clientId": ROOT_ID, "clientSecret": "sec_3210fedcba3210fedcba"});
    let unknown = json!({"clientId": "11111111-55f2-4d9e-bea0-da2e02c7b1a9",
        "clientSecret": ROOT_SECRET});
    for body in [wrong_secret, unknown] {
        let reply = page.post("/console/session", body).await;
        assert_refused(&reply, "invalid_credentials", "Invalid client credentials");
        assert_eq!(reply.header("set-cookie"), "");
    }
    let no_id = json!({"clientId": "root", "clientSecret": ROOT_SECRET});
    let reply = page.post("/console/session", no_id).await;
    let message = "Console: Client ID must be a valid UUIDv4";
    assert_refused(&reply, "malformed_client_id", message);
    let unknown_token = json!({"token": Token::generate().expose()});
    let reply = page.post("/console/session", unknown_token).await;
    assert_refused(&reply, "session_ended", ENDED);

    for (body, paths) in [
        (
            json!({}),
            vec![json!(["clientId"]), json!(["clientSecret"])],
        ),
        (
            json!({"clientId": 1, "clientSecret": "x"}),
            vec![json!(["clientId"])],
        ),
        (json!({"token": "short"}), vec![json!(["token"])]),
        (json!({"token": null}), vec![json!(["token"])]),
        (
            json!({"token": Token::generate().expose(), "clientId": ROOT_ID}),
            vec![json!(["clientId"])],
        ),
        (json!([]), vec![json!([])]),
    ] {
        let reply = page.post("/console/session", body).await;
        reply.assert_invalid_body(&paths);
    }
    let broken = page.send_text(Method::POST, "/console/session", "{").await;
    broken.assert_invalid_body(&[json!([])]);
    let form = page
        .with_header("content-type", "application/x-www-form-urlencoded")
        .send(Method::POST, "/console/session", Some(b"token=x".to_vec()))
        .await;
    form.assert_error(415, "The Content-Type must be application/json");
    let long = json!({"token": "x".repeat(5_000)});
    let reply = page.post("/console/session", long).await;
    reply.assert_error(413, "The request body is larger than 4096 bytes");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_sign_ins_are_failed_authentications() {
    let server = TestServer::start_with(&[("RATE_LIMIT_AUTH_FAILURES", "3/60s")]).await;
    let page = page(&server);
    let wrong = || json!({"clientId": ROOT_ID, "clientSecret": "sec_3210fedcba3210fedcba"});
    for _ in 0..2 {
        let reply = page.post("/console/session", wrong()).await;
        assert_eq!(reply.status, 401, "{}", reply.text);
    }
    // Guessing a cookie is one, too.
    let guess = cookie_of(&server, Token::generate().expose());
    let guessed = page.with_header("cookie", &guess).get("/manage/me").await;
    assert_eq!(guessed.status, 401, "{}", guessed.text);
    for body in [wrong(), json!({"token": Token::generate().expose()})] {
        let reply = page.post("/console/session", body).await;
        assert_eq!(reply.status, 429, "{}", reply.text);
        assert_eq!(reply.body["code"], "too_many_failed_logins");
        assert_eq!(reply.header("retry-after"), "20");
    }
    // The right ones are let in all the same.
    sign_in(&server, root()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_cannot_use_a_session() {
    let server = TestServer::start().await;
    let page = sign_in(&server, root()).await;
    let own = server.url();
    let new = || json!({"name": "Shop"});
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", &own.replace("127.0.0.1", "localhost")),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let foreign = page.with_header(name, value);
        assert_foreign(&foreign.post("/manage/projects", new()).await);
        assert_foreign(&foreign.delete("/console/session").await);
        assert_foreign(&foreign.post("/console/session", root()).await);
        assert_foreign(&foreign.get("/manage/projects").await);
    }
    let form = server
        .anonymous()
        .with_header("cookie", &page.headers()[1].1);
    for reply in [
        form.post("/manage/projects", new()).await,
        form.delete("/console/session").await,
        server.anonymous().post("/console/session", root()).await,
    ] {
        reply.assert_error(403, "The header x-paneld-console: 1 is missing");
        assert_eq!(reply.body["code"], "missing_console_header");
    }
    assert!(page.get("/manage/projects").await.ids().is_empty());
    let own = page
        .with_header("origin", &own)
        .with_header("sec-fetch-site", "same-origin");
    let made = own.post("/manage/projects", new()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    server.stop().await;
}

/// What somebody typed into the dialog of a browser is sent along by any page.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_cannot_write_with_what_a_browser_remembers() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let server = TestServer::start().await;
    let pair = STANDARD.encode(format!("{ROOT_ID}:{ROOT_SECRET}"));
    let by = |scheme: &str| {
        let value = format!("{scheme} {pair}");
        server.anonymous().with_header("authorization", &value)
    };
    let evil = "https://evil.example";
    for foreign in [
        by("Basic").with_header("origin", evil),
        by("basic").with_header("origin", "null"),
        by("Basic").with_header("sec-fetch-site", "cross-site"),
    ] {
        let reply = foreign.post("/manage/projects", json!({"name": "X"})).await;
        assert_foreign(&reply);
        // Nobody reads the answer there, and nothing changes.
        assert_eq!(foreign.get("/manage/projects").await.status, 200);
    }
    // Programs send no origin; and what a script has to add itself no browser remembers.
    for caller in [
        by("Basic"),
        by("Basic").with_header("origin", &server.url()),
        by("Bearer").with_header("origin", evil),
        server.root().with_header("origin", evil),
        by("Basic")
            .with_header("openpanel-client-id", ROOT_ID)
            .with_header("openpanel-client-secret", ROOT_SECRET)
            .with_header("origin", evil),
    ] {
        let reply = caller.post("/manage/projects", json!({"name": "X"})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    // Pages track from wherever they are.
    let body = json!({"type": "track", "payload": {"name": "x"}});
    let tracked = by("Basic")
        .with_header("origin", evil)
        .post("/track?projectId=x", body)
        .await;
    assert_eq!(tracked.status, 200, "{}", tracked.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_neither_tracks_nor_stands_in_for_wrong_credentials() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let page = sign_in(&server, root()).await;
    let body = json!({"type": "track", "payload": {"name": "x"}});
    let own = page.with_header("origin", &server.url());
    for caller in [&page, &own] {
        let reply = caller.post("/track?projectId=shop", body.clone()).await;
        assert_refused(&reply, "missing_client_id", "Ingestion: Missing client id");
    }
    for (name, value) in [
        ("openpanel-client-id", ROOT_ID),
        ("openpanel-client-secret", ROOT_SECRET),
        ("authorization", "Basic eDp5"),
        ("authorization", "Nonsense"),
    ] {
        let reply = page.with_header(name, value).get("/manage/projects").await;
        assert_eq!(reply.status, 401, "{name}: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_choose_the_session_of_somebody_else() {
    let server = TestServer::start().await;
    let chosen = cookie_of(&server, Token::generate().expose());
    let planted = page(&server).with_header("cookie", &chosen);
    let reply = planted.post("/console/session", root()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_ne!(cookie(&reply), chosen);
    assert_refused(
        &planted.get("/manage/projects").await,
        "session_ended",
        ENDED,
    );

    // Who signs in anew leaves nothing behind.
    let first = signed_in(&server, &reply);
    let second = first.post("/console/session", root()).await;
    let second = signed_in(&server, &second);
    assert_refused(&first.get("/manage/projects").await, "session_ended", ENDED);
    assert_eq!(second.get("/manage/projects").await.status, 200);
    for nonsense in ["", "x", "\u{e9}", ";;= paneld", "\"\""] {
        let nonsense = cookie_of(&server, nonsense);
        let reply = page(&server).with_header("cookie", &nonsense);
        let reply = reply.get("/manage/projects").await;
        assert_eq!(reply.status, 401, "{nonsense}: {}", reply.text);
        assert_eq!(reply.header("www-authenticate"), "");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_encrypted_connection_only_the_name_counts_that_nobody_else_can_set() {
    let server = TestServer::start().await;
    let secure = page(&server)
        .with_header("x-forwarded-proto", "https")
        .with_header("x-forwarded-host", "stats.example")
        .with_header("origin", "https://stats.example");
    let reply = secure.post("/console/session", root()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["publicUrl"], "https://stats.example");
    let set = reply.header("set-cookie");
    assert!(set.starts_with("__Host-paneld="), "{set}");
    assert!(
        set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"),
        "{set}"
    );
    let value = cookie(&reply).strip_prefix("__Host-").unwrap();
    let good = secure.with_header("cookie", cookie(&reply));
    assert_eq!(good.get("/manage/projects").await.status, 200);
    let planted = secure.with_header("cookie", value);
    let refused = planted.get("/manage/projects").await;
    assert_eq!(refused.status, 401, "{}", refused.text);
    // A page that came without encryption may be anybody's.
    let plain = good.with_header("origin", "http://stats.example");
    assert_foreign(&plain.delete("/console/session").await);
    server.stop().await;

    let settings = [
        ("PUBLIC_URL", "https://stats.example/p/"),
        ("TRUSTED_PROXIES", "none"),
    ];
    let server = TestServer::start_with(&settings).await;
    let told = page(&server)
        .with_header("x-forwarded-host", "stats.example")
        .with_header("x-forwarded-proto", "https");
    let behind = told.with_header("origin", "https://stats.example");
    let reply = behind.post("/console/session", root()).await;
    assert_eq!(reply.body["publicUrl"], "https://stats.example/p");
    assert!(cookie(&reply).starts_with("__Host-paneld-"));
    // Nobody is believed who is no proxy.
    let reply = told.post("/console/session", root()).await;
    assert!(cookie(&reply).starts_with("paneld-"), "{}", reply.text);
    let reply = told
        .with_header("origin", "https://other.example")
        .post("/console/session", root())
        .await;
    assert_foreign(&reply);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_client_and_its_secret() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let root = server.root();
    let client = async |settings: Json| {
        let mut body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
        let more = settings.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        server.create_client(body).await
    };
    let path = |client: &Json| format!("/manage/clients/{}", client["id"].as_str().unwrap());
    let look = async |page: &Caller| page.get("/insights/shop/metrics").await;

    let rotated = client(json!({})).await;
    let stolen = sign_in(&server, credentials_of(&rotated)).await;
    assert_eq!(look(&stolen).await.status, 200);
    let rotate = format!("{}/rotate", path(&rotated));
    let reply = root.post(&rotate, json!({"graceSeconds": 60})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // Like the secret itself, for the grace.
    assert_eq!(look(&stolen).await.status, 200);
    server.advance(Duration::from_secs(60));
    assert_refused(&look(&stolen).await, "session_ended", ENDED);
    let fresh = sign_in(&server, credentials_of(&reply.body["data"])).await;
    let reply = root.post(&rotate, json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_refused(&look(&fresh).await, "session_ended", ENDED);

    let disabled = client(json!({})).await;
    let page = sign_in(&server, credentials_of(&disabled)).await;
    let off = root
        .patch(&path(&disabled), json!({"enabled": false}))
        .await;
    assert_eq!(off.status, 200, "{}", off.text);
    assert_refused(&look(&page).await, "client_disabled", "Client is disabled");

    let elsewhere = client(json!({})).await;
    let page = sign_in(&server, credentials_of(&elsewhere)).await;
    let body = json!({"allowedIps": ["192.0.2.0/24"]});
    assert_eq!(root.patch(&path(&elsewhere), body).await.status, 200);
    let message = "Address is not allowed for this client";
    assert_refused(&look(&page).await, "address_not_allowed", message);

    let expiring = client(json!({"expiresAt": "2026-01-15T11:00:00.000Z"})).await;
    let page = sign_in(&server, credentials_of(&expiring)).await;
    server.advance(Duration::from_secs(30 * 60));
    assert_refused(&look(&page).await, "client_expired", "Client has expired");

    let deleted = client(json!({})).await;
    let page = sign_in(&server, credentials_of(&deleted)).await;
    assert_eq!(root.delete(&path(&deleted)).await.status, 200);
    assert_refused(&look(&page).await, "session_ended", ENDED);

    let orphan = client(json!({})).await;
    let page = sign_in(&server, credentials_of(&orphan)).await;
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    assert_refused(
        &look(&page).await,
        "invalid_credentials",
        "Invalid client credentials",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_twelve_hours_and_outlives_a_restart() {
    let server = TestServer::start().await;
    let page = sign_in(&server, root()).await;
    server.advance(SESSION_TIME - Duration::from_micros(1));
    server.do_chores().await;
    let value = page.headers()[1].1.split_once('=').unwrap().1.to_owned();
    let server = server.restart().await;
    let page = self::page(&server).with_header("cookie", &cookie_of(&server, &value));
    assert_eq!(page.get("/manage/projects").await.status, 200);
    server.advance(Duration::from_micros(1));
    assert_refused(&page.get("/manage/projects").await, "session_ended", ENDED);
    // Also once nothing is kept of it any more.
    server.do_chores().await;
    server.advance(Duration::from_secs(5));
    assert_refused(&page.get("/manage/projects").await, "session_ended", ENDED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_hundred_sessions_at_most() {
    let server = TestServer::start_with(&[("RATE_LIMIT_CONSOLE", "off")]).await;
    let first = sign_in(&server, root()).await;
    server.advance(Duration::from_secs(1));
    let second = sign_in(&server, root()).await;
    server.advance(Duration::from_secs(1));
    for _ in 0..98 {
        sign_in(&server, root()).await;
    }
    assert_eq!(first.get("/manage/projects").await.status, 200);
    let newest = sign_in(&server, root()).await;
    assert_refused(&first.get("/manage/projects").await, "session_ended", ENDED);
    for page in [second, newest] {
        assert_eq!(page.get("/manage/projects").await.status, 200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_have_a_budget_of_their_own() {
    let settings = [
        ("RATE_LIMIT_MANAGE", "5/100s"),
        ("RATE_LIMIT_CONSOLE", "20/100s"),
    ];
    let server = TestServer::start_with(&settings).await;
    let page = sign_in(&server, root()).await;
    for left in (0..10).rev() {
        let reply = page.get("/manage/projects").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
        assert_eq!(reply.header("ratelimit-policy"), "\"console\";q=20;w=100");
    }
    for reply in [
        page.get("/manage/projects").await,
        page.get("/console/session").await,
        self::page(&server).post("/console/session", root()).await,
    ] {
        reply.assert_error(429, "You have exceeded the rate limit for this endpoint.");
        assert_ne!(reply.header("retry-after"), "");
    }
    // A program with the same client has lost nothing.
    let program = server.root().get("/manage/projects").await;
    assert_eq!(program.header("x-ratelimit-remaining"), "4");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_asks_for_once_is_carried_out_once() {
    let server = TestServer::start().await;
    let page = sign_in(&server, root()).await;
    let once = page.with_header("idempotency-key", "one");
    let first = once.post("/manage/projects", json!({"name": "Shop"})).await;
    let again = once.post("/manage/projects", json!({"name": "Shop"})).await;
    assert_eq!(first.data(), again.data());
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(page.get("/manage/projects").await.ids(), ["shop"]);
    // Nobody else opens what was kept for this session.
    let other = sign_in(&server, root()).await;
    let other = other.with_header("idempotency-key", "one");
    let reply = other
        .post("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once_within_its_time() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let id = ROOT_ID.parse().unwrap();
    let link = async || {
        let token = Token::generate();
        admin.allow_sign_in(id, &token).await.unwrap();
        json!({"token": token.expose()})
    };
    let used = link().await;
    let page_of_link = sign_in(&server, used.clone()).await;
    let session = page_of_link.get("/console/session").await;
    assert_eq!(session.body["client"]["id"], ROOT_ID);
    let again = page(&server).post("/console/session", used).await;
    assert_refused(&again, "session_ended", ENDED);

    // It is no session, and a session is no link.
    let unused = link().await;
    let as_cookie = cookie_of(&server, unused["token"].as_str().unwrap());
    let as_cookie = page(&server).with_header("cookie", &as_cookie);
    assert_refused(&as_cookie.get("/manage/me").await, "session_ended", ENDED);
    let (_, token) = page_of_link.headers()[1].1.split_once('=').unwrap();
    let as_link = page(&server)
        .post("/console/session", json!({"token": token}))
        .await;
    assert_refused(&as_link, "session_ended", ENDED);
    assert_eq!(page_of_link.get("/manage/me").await.status, 200);

    let late = link().await;
    server.advance(Duration::from_secs(15 * 60));
    let reply = page(&server).post("/console/session", late).await;
    assert_refused(&reply, "session_ended", ENDED);

    let replaced = link().await;
    admin.rotate_secret(id, Duration::ZERO).await.unwrap();
    server.advance(Duration::from_secs(5));
    let reply = page(&server).post("/console/session", replaced).await;
    assert_refused(&reply, "session_ended", ENDED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_come_with_the_same_link_one_signs_in() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let token = Token::generate();
    admin
        .allow_sign_in(ROOT_ID.parse().unwrap(), &token)
        .await
        .unwrap();
    let page = page(&server);
    let come = async || {
        let body = json!({"token": token.expose()});
        page.post("/console/session", body).await.status.as_u16()
    };
    let (a, b, c) = tokio::join!(come(), come(), come());
    let mut statuses = [a, b, c];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_uses_no_link_up_and_ends_no_session() {
    let server = TestServer::start_with(&[("RATE_LIMIT_CONSOLE", "12/60s")]).await;
    let token = Token::generate();
    let admin = server.admin().await;
    let allowed = admin.allow_sign_in(ROOT_ID.parse().unwrap(), &token);
    allowed.await.unwrap();
    let before = sign_in(&server, root()).await;
    let link = || json!({"token": token.expose()});
    // A proxy in front passes its own password on: no session would count beside it.
    for authorization in ["Basic eDp5", "Bearer x"] {
        let proxied = before.with_header("authorization", authorization);
        for body in [link(), root()] {
            let reply = proxied.post("/console/session", body).await;
            reply.assert_error(400, "Invalid request headers");
            assert_eq!(reply.body["details"][0]["path"], json!(["authorization"]));
        }
    }
    let limited = before.post("/console/session", link()).await;
    assert_eq!(limited.status, 429, "{}", limited.text);
    assert_eq!(before.get("/manage/me").await.status, 200);
    server.advance(Duration::from_secs(60));
    let after = before.post("/console/session", link()).await;
    let after = signed_in(&server, &after);
    assert_eq!(after.get("/manage/me").await.status, 200);
    assert_refused(&before.get("/manage/me").await, "session_ended", ENDED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_session_has_ended_guesses_nothing() {
    let server = TestServer::start_with(&[("RATE_LIMIT_AUTH_FAILURES", "3/60s")]).await;
    server.create_project("Shop").await;
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let client = server.create_client(body).await;
    let page = sign_in(&server, credentials_of(&client)).await;
    let rotate = format!("/manage/clients/{}/rotate", client["id"].as_str().unwrap());
    let rotated = server.root().post(&rotate, json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    for _ in 0..10 {
        let reply = page.get("/insights/shop/metrics").await;
        assert_refused(&reply, "session_ended", ENDED);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gets_around_no_rate_of_its_client() {
    let settings = [
        ("RATE_LIMIT_EXPORT", "3/100s"),
        ("RATE_LIMIT_INSIGHTS", "3/100s"),
    ];
    let server = TestServer::start_with(&settings).await;
    server.create_project("Shop").await;
    let ask = async |page: &Caller, path: &str, times: usize| {
        let mut statuses = Vec::new();
        for _ in 0..times {
            let reply = page.get(path).await;
            statuses.push(reply.status.as_u16());
            if reply.status == 429 {
                assert_ne!(reply.header("retry-after"), "");
            }
        }
        statuses
    };
    let (events, metrics) = ("/export/events?projectId=shop", "/insights/shop/metrics");
    let people = sign_in(&server, root()).await;
    assert_eq!(ask(&people, metrics, 5).await, [200; 5]);
    assert_eq!(ask(&people, events, 4).await, [200, 200, 200, 429]);

    let own = json!({"insights": {"limit": 2, "windowSeconds": 100}});
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop", "rateLimits": own});
    let reader = server.create_client(body).await;
    let page = sign_in(&server, credentials_of(&reader)).await;
    assert_eq!(ask(&page, metrics, 3).await, [200, 200, 429]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_not_asked_for_a_password_and_a_person_is() {
    let server = TestServer::start().await;
    let challenge = async |caller: Caller| {
        let reply = caller.get("/manage/projects").await;
        assert_eq!(reply.status, 401, "{}", reply.text);
        reply.header("www-authenticate").to_owned()
    };
    let nobody = server.anonymous();
    let page = format!("{}/console/shop", server.url());
    for script in [
        page_of(&nobody, "x-paneld-console", "1"),
        page_of(&nobody, "sec-fetch-mode", "cors").with_header("sec-fetch-site", "same-origin"),
        page_of(&nobody, "referer", &page),
        page_of(&nobody, "cookie", &cookie_of(&server, "x")),
    ] {
        assert_eq!(challenge(script).await, "");
    }
    for person in [
        nobody.clone(),
        page_of(&nobody, "sec-fetch-mode", "navigate").with_header("sec-fetch-site", "none"),
        // Node's fetch is no browser.
        page_of(&nobody, "sec-fetch-mode", "cors"),
    ] {
        assert_eq!(challenge(person).await, "Basic realm=\"paneld\"");
    }
    server.stop().await;
}

fn page_of(caller: &Caller, name: &str, value: &str) -> Caller {
    caller.with_header(name, value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_is_told_and_nothing_else() {
    let server = TestServer::start().await;
    let page = sign_in(&server, root()).await;
    assert_eq!(page.get("/manage/me").await.status, 200);
    server.advance(Duration::from_secs(6));
    server.break_catalog();
    for reply in [
        page.get("/console/session").await,
        page.delete("/console/session").await,
        self::page(&server).post("/console/session", root()).await,
    ] {
        reply.assert_error(503, "The service is temporarily unavailable");
        assert_eq!(reply.header("retry-after"), "1");
    }
    server.stop().await;
}
