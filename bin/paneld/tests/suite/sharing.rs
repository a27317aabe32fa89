//! Share links: what they show, and that they show nothing else.

use std::time::Duration;

use paneld_auth::Token;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    openapi::Document,
    support::{Caller, ROOT_ID, ROOT_SECRET, Reply, TestServer, assert_uuid},
};

const ENDED: &str = "The session has ended: sign in again";
const OVERVIEW: [&str; 8] = [
    "live",
    "metrics",
    "overview",
    "pages/top",
    "pages/entry_exit",
    "traffic/referrers",
    "traffic/geo",
    "traffic/devices",
];

/// A server with two projects.
async fn start_with(settings: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start_with(settings).await;
    for name in ["Shop", "Blog"] {
        server.create_project(name).await;
    }
    server
}

async fn start() -> TestServer {
    start_with(&[]).await
}

/// Makes a link to the shop, and returns what the reply calls `data`.
async fn share(server: &TestServer, body: Json) -> Json {
    let reply = server
        .root()
        .post("/manage/projects/shop/share-links", body)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["data"].clone()
}

/// What a link is told by.
fn token(link: &Json) -> &str {
    let url = link["url"].as_str().unwrap();
    url.split_once("/console/share/#token=").unwrap().1
}

async fn come(server: &TestServer, body: Json) -> Reply {
    let page = server.anonymous().with_header("x-paneld-console", "share");
    page.post("/console/share/session", body).await
}

/// Whoever came with a link.
fn viewer(server: &TestServer, reply: &Reply) -> Caller {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let page = server.anonymous().with_header("x-paneld-console", "share");
    page.with_header("cookie", cookie)
}

fn assert_refused(reply: &Reply, code: &str) {
    assert_eq!(reply.status, 401, "{}", reply.text);
    assert_eq!(reply.body["code"], code, "{}", reply.text);
    assert_eq!(reply.header("www-authenticate"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_the_overview_of_its_project_and_nothing_else() {
    let server = start().await;
    let link = share(&server, json!({"name": "For the board"})).await;
    let token = token(&link);
    let url = format!("{}/console/share/#token={token}", server.url());
    let id = assert_uuid(&link["id"]);
    let expected = json!({"id": id, "projectId": "shop", "name": "For the board", "url": url,
        "hasPassword": false, "createdBy": ROOT_ID, "createdAt": "2026-01-15T10:30:00.000Z",
        "expiresAt": null});
    assert_eq!(link, expected);

    let reply = come(&server, json!({"token": token})).await;
    let viewer = viewer(&server, &reply);
    let session = viewer.get("/console/session").await;
    assert_eq!(session.body, reply.body);
    let client = json!({"id": id, "name": "For the board", "type": "share"});
    assert_eq!(session.body["client"], client);
    for unknown in ["version", "expiresAt"] {
        assert_eq!(session.body[unknown], Json::Null);
    }
    assert_eq!(session.body["projects"][0]["id"], "shop");
    assert_eq!(session.body["projects"].as_array().unwrap().len(), 1);
    for path in OVERVIEW {
        let own = viewer.get(&format!("/insights/shop/{path}")).await;
        assert_eq!(own.status, 200, "{path}: {}", own.text);
        let other = viewer.get(&format!("/insights/blog/{path}")).await;
        other.assert_error(403, "You do not have access to this project");
    }

    // Every other way to call the server, however it is documented.
    let mut refused = 0;
    for (method, path) in Document::new().gated_operations() {
        let path = path.replace("{projectId}", "shop").replace("{id}", "shop");
        let path = path
            .replace("{dimension}", "country")
            .replace("{linkId}", id);
        let path = path.replace("{profileId}", "p").replace("{groupId}", "g");
        let shown = path.strip_prefix("/insights/shop/");
        if shown.is_some_and(|rest| OVERVIEW.contains(&rest)) {
            continue;
        }
        let reply = viewer.send(method.clone(), &path, None).await;
        assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text);
        refused += 1;
    }
    assert!(refused > 40, "{refused}");
    let body = json!({"type": "track", "payload": {"name": "x"}});
    assert_refused(&viewer.post("/track", body).await, "missing_client_id");

    // The token itself is neither a session nor a secret.
    let (name, _) = viewer.headers()[1].1.split_once('=').unwrap();
    let as_cookie = server
        .anonymous()
        .with_header("x-paneld-console", "share")
        .with_header("cookie", &format!("{name}={token}"));
    assert_refused(&as_cookie.get("/insights/shop/live").await, "session_ended");
    let as_secret = server.caller(id, token).get("/insights/shop/live").await;
    assert_eq!(as_secret.status, 401, "{}", as_secret.text);
    let sign_in = server
        .anonymous()
        .with_header("x-paneld-console", "1")
        .post("/console/session", json!({"token": token}))
        .await;
    assert_refused(&sign_in, "session_ended");
    assert_eq!(viewer.delete("/console/session").await.status, 204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_has_no_filters_that_tell_people_apart() {
    let server = start().await;
    let link = share(&server, json!({"name": "Open"})).await;
    let reply = come(&server, json!({"token": token(&link)})).await;
    let viewer = viewer(&server, &reply);
    for path in ["metrics", "overview", "pages/top", "traffic/geo"] {
        let ask = async |caller: &Caller, name: &str| {
            let filters = json!([{"name": name, "operator": "is", "value": ["true"]}]);
            let query =
                reqwest::Url::parse_with_params("http://x/", [("filters", filters.to_string())]);
            let query = query.unwrap().query().unwrap().to_owned();
            caller.get(&format!("/insights/shop/{path}?{query}")).await
        };
        for open in ["country", "path", "referrer_name", "utm_source", "browser"] {
            let reply = ask(&viewer, open).await;
            assert_eq!(reply.status, 200, "{path} {open}: {}", reply.text);
        }
        for closed in [
            "profile_id",
            "device_id",
            "session_id",
            "id",
            "name",
            "created_at",
            "properties.plan",
            "profile.email",
            "profile.properties.plan",
            "group.name",
            "has_profile",
            "session.is_bounce",
        ] {
            let reply = ask(&viewer, closed).await;
            reply.assert_invalid_query(&[json!(["filters", 0])]);
            let own = ask(&server.root(), closed).await;
            assert_eq!(own.status, 200, "{path} {closed}: {}", own.text);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_and_has_to_be_right() {
    let server = start_with(&[("RATE_LIMIT_AUTH_FAILURES", "3/60s")]).await;
    let body = json!({"name": "Secret", "password": "correct horse"});
    let link = share(&server, body).await;
    assert_eq!(link["hasPassword"], true);
    let with = async |password: Json| {
        come(
            &server,
            json!({"token": token(&link), "password": password}),
        )
        .await
    };
    for nothing in [
        come(&server, json!({"token": token(&link)})).await,
        with(Json::Null).await,
    ] {
        assert_refused(&nothing, "password_required");
        assert_eq!(nothing.header("set-cookie"), "");
    }
    assert_refused(&with(json!("wrong horse")).await, "invalid_credentials");
    let reply = with(json!("correct horse")).await;
    let viewer = viewer(&server, &reply);
    assert_eq!(viewer.get("/insights/shop/live").await.status, 200);
    for guess in ["", "Correct horse"] {
        assert_refused(&with(json!(guess)).await, "invalid_credentials");
    }
    let reply = with(json!("another one")).await;
    assert_eq!(reply.status, 429, "{}", reply.text);
    assert_ne!(reply.header("retry-after"), "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_when_it_is_told_to_and_with_its_time_and_project() {
    let server = start().await;
    let root = server.root();
    let links = "/manage/projects/shop/share-links";
    let come_with = async |link: &Json| come(&server, json!({"token": token(link)})).await;
    let end = "2026-01-15T11:00:00.000Z";
    let short = share(&server, json!({"name": "Short", "expiresAt": end})).await;
    let reply = come_with(&short).await;
    assert_eq!(reply.body["expiresAt"], end);
    let of_short = viewer(&server, &reply);
    let long = share(&server, json!({"name": "Long"})).await;
    let of_long = viewer(&server, &come_with(&long).await);
    let look = async |viewer: &Caller| viewer.get("/insights/shop/live").await;
    assert_eq!(look(&of_short).await.status, 200);
    assert_eq!(look(&of_long).await.status, 200);

    server.advance(Duration::from_secs(30 * 60));
    look(&of_short).await.assert_error(401, ENDED);
    come_with(&short).await.assert_error(401, ENDED);

    let listed = root.get(links).await;
    assert_eq!(listed.data().as_array().unwrap().len(), 2);
    assert!(!listed.text.contains("token"), "{}", listed.text);
    let path = format!("{links}/{}", long["id"].as_str().unwrap());
    for nowhere in [
        format!("{links}/x"),
        path.replace("shop", "blog"),
        path.replace("shop", "nowhere"),
    ] {
        let reply = root.delete(&nowhere).await;
        assert_eq!(reply.status, 404, "{nowhere}: {}", reply.text);
    }
    assert_eq!(look(&of_long).await.status, 200);
    let ended = root.delete(&path).await;
    assert_eq!(
        (ended.status.as_u16(), &ended.body),
        (200, &json!({"success": true}))
    );
    look(&of_long).await.assert_error(401, ENDED);
    come_with(&long).await.assert_error(401, ENDED);
    root.delete(&path)
        .await
        .assert_error(404, "Share link not found");

    server.advance(Duration::from_secs(1));
    let last = share(&server, json!({"name": "Last"})).await;
    let of_last = viewer(&server, &come_with(&last).await);
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    look(&of_last).await.assert_error(401, ENDED);
    come_with(&last).await.assert_error(401, ENDED);
    assert_eq!(root.get(links).await.status, 404);

    let told = root.get("/manage/audit?resource=share_link").await;
    let told = told.data().as_array().unwrap().iter().rev();
    let actions = told.map(|entry| entry["action"].as_str().unwrap());
    let expected = ["create", "create", "delete", "create"];
    let expected = expected.map(|action| format!("share_link.{action}"));
    assert_eq!(actions.collect::<Vec<_>>(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_look_may_share_and_nobody_else() {
    let server = start().await;
    let client = async |kind: &str| {
        let body = json!({"name": kind, "type": kind, "projectId": "shop"});
        let client = server.create_client(body).await;
        server.caller_of(&client)
    };
    let (reader, writer) = (client("read").await, client("write").await);
    let other = server.create_organization("Other").await;
    let body = || json!({"name": "X"});
    let links = |project: &str| format!("/manage/projects/{project}/share-links");
    let made = reader.post(&links("shop"), body()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(reader.get(&links("shop")).await.ids().len(), 1);
    // Readers end what they made, and root clients everything.
    let of_root = share(&server, body()).await;
    let path = |link: &Json| format!("{}/{}", links("shop"), link["id"].as_str().unwrap());
    let message = "Manage: Share links of other clients can only be ended by root clients";
    let refused = reader.delete(&path(&of_root)).await;
    refused.assert_error(403, message);
    let again = reader.post(&links("shop"), body()).await;
    assert_eq!(reader.delete(&path(made.data())).await.status, 200);
    assert_eq!(server.root().delete(&path(again.data())).await.status, 200);
    assert_eq!(
        reader.get(&links("shop")).await.ids(),
        [of_root["id"].as_str().unwrap()]
    );
    let foreign = reader.post(&links("blog"), body()).await;
    foreign.assert_error(403, "You do not have access to this project");
    let reply = writer.post(&links("shop"), body()).await;
    reply.assert_error(
        401,
        "Manage: Only read and root clients are allowed to share",
    );
    for project in ["shop", "nowhere"] {
        let reply = other.post(&links(project), body()).await;
        reply.assert_error(404, "Project not found");
    }
    assert_eq!(server.anonymous().get(&links("shop")).await.status, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_link_is_told() {
    let server = start_with(&[("RATE_LIMIT_MANAGE", "off")]).await;
    let root = server.root();
    let links = "/manage/projects/shop/share-links";
    for (body, paths) in [
        (json!({}), vec![json!(["name"])]),
        (json!({"name": ""}), vec![json!(["name"])]),
        (
            json!({"name": "X", "password": "short", "expiresAt": "soon"}),
            vec![json!(["password"]), json!(["expiresAt"])],
        ),
        (
            json!({"name": "X", "password": 12345678}),
            vec![json!(["password"])],
        ),
    ] {
        root.post(links, body).await.assert_invalid_body(&paths);
    }
    for (body, paths) in [
        (json!({}), vec![json!(["token"])]),
        (json!({"token": "x"}), vec![json!(["token"])]),
        (
            json!({"token": Token::generate().expose(), "password": 1}),
            vec![json!(["password"])],
        ),
    ] {
        come(&server, body).await.assert_invalid_body(&paths);
    }
    let unknown = json!({"token": Token::generate().expose()});
    come(&server, unknown.clone())
        .await
        .assert_error(401, ENDED);
    let form = server
        .anonymous()
        .post("/console/share/session", unknown)
        .await;
    form.assert_error(403, "The header x-paneld-console: 1 is missing");

    let past = json!({"name": "X", "expiresAt": "2026-01-15T10:30:00.000Z"});
    let reply = root.post(links, past).await;
    reply.assert_invalid_body(&[json!(["expiresAt"])]);
    for minute in 0..100 {
        let end = (minute == 0).then_some("2026-01-15T10:31:00.000Z");
        share(&server, json!({"name": "One of many", "expiresAt": end})).await;
    }
    let reply = root.post(links, json!({"name": "One too many"})).await;
    reply.assert_error(409, "A project has at most 100 share links: end one first");
    server.advance(Duration::from_secs(60));
    share(
        &server,
        json!({"name": "In the place of one that has ended"}),
    )
    .await;
    assert_eq!(root.get(links).await.ids().len(), 101);
    server.do_chores().await;
    assert_eq!(root.get(links).await.ids().len(), 100);
    let elsewhere = links.replace("shop", "blog");
    let reply = root.post(&elsewhere, json!({"name": "First"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_limited_by_link_and_address() {
    let settings = [
        ("RATE_LIMIT_SHARE", "3/30s"),
        ("RATE_LIMIT_INSIGHTS", "off"),
    ];
    let server = start_with(&settings).await;
    let first = share(&server, json!({"name": "First"})).await;
    let second = share(&server, json!({"name": "Second"})).await;
    let from = |caller: &Caller, address: &str| caller.with_header("x-forwarded-for", address);
    let of_first = viewer(
        &server,
        &come(&server, json!({"token": token(&first)})).await,
    );
    let of_second = viewer(
        &server,
        &come(&server, json!({"token": token(&second)})).await,
    );
    let look = async |viewer: &Caller| viewer.get("/insights/shop/live").await;
    for left in ["1", "0"] {
        let reply = look(&of_first).await;
        assert_eq!(
            reply.header("x-ratelimit-remaining"),
            left,
            "{}",
            reply.text
        );
        assert_eq!(reply.header("ratelimit-policy"), "\"share\";q=3;w=30");
    }
    for reply in [
        look(&of_first).await,
        come(&server, json!({"token": token(&first)})).await,
    ] {
        reply.assert_error(429, "You have exceeded the rate limit for this endpoint.");
    }
    // Nobody else has less of it.
    assert_eq!(look(&from(&of_first, "198.51.100.7")).await.status, 200);
    assert_eq!(look(&of_second).await.status, 200);
    let posted = of_second
        .send(Method::POST, "/insights/shop/live", None)
        .await;
    assert_eq!(posted.status, 405, "{}", posted.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_a_link_stays_signed_in() {
    let server = start().await;
    let sign_in = json!({"clientId": ROOT_ID, "clientSecret": ROOT_SECRET});
    let console = server.anonymous().with_header("x-paneld-console", "1");
    let signed_in = console.post("/console/session", sign_in).await;
    let link = share(&server, json!({"name": "Open"})).await;
    let shared = come(&server, json!({"token": token(&link)})).await;
    let cookies = [&signed_in, &shared].map(|reply| {
        let set = reply.header("set-cookie");
        set.split(';').next().unwrap().to_owned()
    });
    let browser = server
        .anonymous()
        .with_header("cookie", &cookies.join("; "));
    let of = |page: &str| browser.with_header("x-paneld-console", page);
    let who = async |caller: Caller| {
        let session = caller.get("/console/session").await;
        session.body["client"]["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(who(of("1")).await, "root");
    assert_eq!(who(browser.clone()).await, "root");
    assert_eq!(who(of("share")).await, "share");
    let left = of("share").delete("/console/session").await;
    assert_eq!(left.status, 204, "{}", left.text);
    let (name, _) = cookies[1].split_once('=').unwrap();
    let removed = left.header("set-cookie");
    assert!(removed.starts_with(&format!("{name}=;")), "{removed}");
    assert_eq!(who(of("1")).await, "root");
    let nonsense = of("2").delete("/console/session").await;
    nonsense.assert_error(403, "The header x-paneld-console: 1 is missing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_worth_what_the_client_is_that_made_it() {
    let server = start().await;
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let client = server.create_client(body).await;
    let reader = server.caller_of(&client);
    let made = reader
        .post("/manage/projects/shop/share-links", json!({"name": "Open"}))
        .await;
    let come_again = async || come(&server, json!({"token": token(made.data())})).await;
    let viewer = viewer(&server, &come_again().await);
    let look = async || viewer.get("/insights/shop/live").await;
    let client = format!("/manage/clients/{}", client["id"].as_str().unwrap());
    let root = server.root();
    for (enabled, status) in [(false, 401), (true, 200), (false, 401)] {
        let reply = root.patch(&client, json!({"enabled": enabled})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(look().await.status, status);
        assert_eq!(come_again().await.status, status);
    }
    assert_eq!(root.delete(&client).await.status, 200);
    look().await.assert_error(401, ENDED);
    come_again().await.assert_error(401, ENDED);
    assert!(
        root.get("/manage/projects/shop/share-links")
            .await
            .ids()
            .is_empty()
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_link_is_asked_for_once_and_costs_ten_requests() {
    let server = start_with(&[("RATE_LIMIT_MANAGE", "40/1000s")]).await;
    let once = server.root().with_header("idempotency-key", "one");
    let make = async || {
        let path = "/manage/projects/shop/share-links";
        once.post(path, json!({"name": "Open", "password": "correct horse"}))
            .await
    };
    let (first, again) = (make().await, make().await);
    assert_eq!(first.data()["url"], again.data()["url"]);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let listed = server.root().get("/manage/projects/shop/share-links").await;
    assert_eq!(listed.ids().len(), 1);
    // Two projects, two links and this.
    assert_eq!(listed.header("x-ratelimit-remaining"), "17");
    server.stop().await;
}
