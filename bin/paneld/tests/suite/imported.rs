//! Clients of another server, whose secrets only a slow check can tell.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use paneld_auth::{SecretHash, Token};
use paneld_domain::{ClientChanges, ClientType, NewClient, ProjectId};
use serde_json::json;

use crate::{
    shop::{ORIGIN, Shop, track},
    support::{Caller, TestServer},
};

const ID: &str = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
const SECRET: &str = "sec_0123456789abcdef0123";
const WRONG: &str = "sec_0123456789abcdef0124";
/// What the other server stored of the secret.
const HASH: &str = "00112233445566778899aabbccddeeff\
     .a1b61a14d7c3d8c933d607a316faf4eecd741472db2d77eb18ffde6b69c23fac";

async fn server_with_import(settings: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start_with(settings).await;
    import(&server, ClientType::Root, None).await;
    server
}

async fn import(server: &TestServer, client_type: ClientType, project_id: Option<ProjectId>) {
    let client = NewClient {
        name: "Old".parse().unwrap(),
        client_type,
        project_id,
        settings: ClientChanges::default(),
    };
    let hash = SecretHash::imported(HASH).unwrap();
    let organization = "acme".parse().unwrap();
    let (admin, id) = (server.admin().await, ID.parse().unwrap());
    let imported = admin.import_client(organization, client, id, hash).await;
    imported.unwrap();
}

async fn status(caller: &Caller) -> u16 {
    caller.get("/manage/me").await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_secret_works_until_it_is_replaced() {
    let server = server_with_import(&[]).await;
    let wrong = server.caller(ID, WRONG).get("/manage/me").await;
    wrong.assert_error(401, "Invalid client credentials");
    let imported = server.caller(ID, SECRET);
    for _ in 0..2 {
        assert_eq!(status(&imported).await, 200);
    }
    let server = server.restart().await;
    let imported = server.caller(ID, SECRET);
    assert_eq!(status(&imported).await, 200);

    let path = format!("/manage/clients/{ID}/rotate");
    let body = serde_json::json!({"graceSeconds": 60});
    let rotated = imported.post(&path, body).await;
    assert_eq!(status(&server.caller_of(rotated.data())).await, 200);
    assert_eq!(status(&imported).await, 200);
    server.advance(std::time::Duration::from_secs(60));
    imported
        .get("/manage/me")
        .await
        .assert_error(401, "Invalid client credentials");
}

/// The hash is replaced by a fast one: it is the same secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_first_check_of_an_imported_secret() {
    let server = server_with_import(&[]).await;
    let page = server.anonymous().with_header("x-paneld-console", "1");
    let token = Token::generate();
    let admin = server.admin().await;
    admin
        .allow_sign_in(ID.parse().unwrap(), &token)
        .await
        .unwrap();
    let body = json!({"token": token.expose()});
    let reply = page.post("/console/session", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let page = page.with_header("cookie", cookie);
    assert_eq!(status(&page).await, 200);
    assert_eq!(status(&server.caller(ID, SECRET)).await, 200);
    let server = server.restart().await;
    assert_eq!(status(&server.caller(ID, SECRET)).await, 200);
    // The port is in the name of the cookie, and another one now.
    let (_, value) = cookie.split_once('=').unwrap();
    let url = server.url();
    let (_, port) = url.rsplit_once(':').unwrap();
    let cookie = format!("paneld-{port}={value}");
    let page = server.anonymous().with_header("cookie", &cookie);
    assert_eq!(status(&page).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_the_slow_check() {
    let server = server_with_import(&[]).await;
    let imported = server.caller(ID, SECRET);
    // One after the other, they would wait for longer than a check waits for its turn.
    let calls = (0..200).map(|_| status(&imported));
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_has_no_more_slow_checks() {
    let server = server_with_import(&[("RATE_LIMIT_AUTH_FAILURES", "2/60s")]).await;
    let guessing = server.caller(ID, WRONG);
    for _ in 0..2 {
        assert_eq!(status(&guessing).await, 401);
    }
    // Nothing was checked: also who knows the secret is asked to wait. Asking costs nothing.
    let imported = server.caller(ID, SECRET);
    for caller in [&guessing, &imported, &imported] {
        let limited = caller.get("/manage/me").await;
        limited.assert_error(429, "You have exceeded the rate limit for this endpoint.");
        assert_eq!(limited.header("retry-after"), "30");
        assert_eq!(limited.body["code"], "too_many_failed_logins");
    }
    // Secrets that are fast to check are none of its business.
    assert_eq!(status(&server.root()).await, 200);
    server.advance(std::time::Duration::from_secs(30));
    assert_eq!(status(&imported).await, 200);
    assert_eq!(status(&guessing).await, 401, "the token was not taken");
    // From now on it is fast to check.
    assert_eq!(status(&imported).await, 200);
}

/// What fails at an address otherwise keeps nobody from a first use there.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_failures_are_not_charged_to_a_first_use() {
    let server = server_with_import(&[("RATE_LIMIT_AUTH_FAILURES", "2/60s")]).await;
    let stranger = server.anonymous();
    let statuses = [
        status(&stranger).await,
        status(&stranger).await,
        status(&stranger).await,
    ];
    assert_eq!(statuses, [401, 401, 429]);
    assert_eq!(status(&server.caller(ID, SECRET)).await, 200);
}

/// Guesses at the secret, each time another one, from many addresses, until it is stopped.
struct Guessing {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Vec<u16>>>,
}

impl Guessing {
    fn begin(server: &TestServer, path: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..60).map(|host| {
            let peer = format!("203.0.113.{host}");
            let guesser = server.anonymous().with_header("x-forwarded-for", &peer);
            let guesser = guesser.with_header("openpanel-client-id", ID);
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let guess = format!("guess-{host}-{:012}", statuses.len());
                    let guesser = guesser.with_header("openpanel-client-secret", &guess);
                    let reply = guesser.post(path, json!({})).await;
                    if reply.status == 503 {
                        assert!(!reply.header("retry-after").is_empty());
                    }
                    statuses.push(reply.status.as_u16());
                }
                statuses
            })
        });
        let tasks = tasks.collect();
        Self { stop, tasks }
    }

    /// Stops, and returns all that was answered.
    async fn end(self) -> Vec<u16> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_hold_up_neither_the_owner_nor_pages() {
    let shop = Shop::open().await;
    let project = Some("shop".parse().unwrap());
    import(&shop.server, ClientType::Write, project).await;
    let elsewhere = shop.server.anonymous().with_header("user-agent", "node");
    let elsewhere = elsewhere.with_header("x-forwarded-for", "198.51.100.7");
    let owner = elsewhere.with_header("openpanel-client-id", ID);
    let page = owner.with_header("origin", ORIGIN);
    let page = page.with_header("openpanel-client-secret", WRONG);
    let owner = owner.with_header("openpanel-client-secret", SECRET);

    let guessing = Guessing::begin(&shop.server, "/track");
    for number in 0..20 {
        // A wrong secret beside a good origin counts as none, and is not waited for.
        let reply = track(&page, json!({"name": format!("page-{number}")})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    for number in 0..20 {
        let reply = track(&owner, json!({"name": format!("server-{number}")})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let answers = guessing.end().await;
    assert!(answers.iter().all(|&status| status == 401 || status == 503));
    assert!(answers.contains(&401));
    shop.server.stop().await;
}

/// With a right secret that takes long to check, and a good origin as well, what needs the secret
/// is believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_beside_a_good_origin_is_checked_where_it_counts() {
    // Who is believed to be there is not wanted.
    let filters = json!({"filters": [{"type": "ip", "ip": "203.0.113.9"}]});
    for (secret, revenue, elsewhere) in [(SECRET, 200, 401), (WRONG, 401, 200)] {
        let shop = Shop::open_with(filters.clone()).await;
        let project = Some("shop".parse().unwrap());
        import(&shop.server, ClientType::Write, project).await;
        let server = shop.server.anonymous().with_header("user-agent", "node");
        let server = server.with_header("openpanel-client-id", ID);
        let server = server.with_header("openpanel-client-secret", secret);
        let server = server.with_header("origin", ORIGIN);

        let reply = track(&server, json!({"name": "plain"})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let money = json!({"name": "revenue", "properties": {"__revenue": 1}});
        let reply = track(&server, money).await;
        assert_eq!(reply.status, revenue, "{}", reply.text);
        let event = json!({"name": "plain", "properties": {"__ip": "203.0.113.9"}});
        let reply = track(&server, event).await;
        assert_eq!(reply.status, elsewhere, "{}", reply.text);
        shop.server.stop().await;
    }
}
