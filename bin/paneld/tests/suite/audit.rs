//! The audit log: every change once, with who made it, and nothing else.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paneld_domain::{ClientChanges, ClientType, NewClient};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, START, TestServer, assert_uuid};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The entries that a query asks for.
async fn list(caller: &Caller, query: &str) -> Vec<Json> {
    let reply = caller.get(&format!("/manage/audit?{query}")).await;
    reply.data().as_array().unwrap().clone()
}

async fn all(caller: &Caller) -> Vec<Json> {
    list(caller, "limit=1000").await
}

/// What was done to what, of each entry.
fn summary(entries: &[Json]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (text(&entry["action"]), text(&entry["resourceId"])))
        .collect()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

fn path_of(kind: &str, thing: &Json) -> String {
    format!("/manage/{kind}/{}", text(&thing["id"]))
}

/// A thing that appears, by field.
fn made(fields: &Json) -> Json {
    changes(fields, |value| json!({"from": null, "to": value}))
}

/// A thing that goes, by field.
fn gone(fields: &Json) -> Json {
    changes(fields, |value| json!({"from": value, "to": null}))
}

fn changes(fields: &Json, change: impl Fn(&Json) -> Json) -> Json {
    let fields = fields.as_object().unwrap().iter();
    fields
        .map(|(field, value)| (field.clone(), change(value)))
        .collect()
}

/// The entries that are known, and the others.
fn partition(entries: &[Json], known: &[Json]) -> (Vec<Json>, Vec<Json>) {
    let entries = entries.iter().cloned();
    entries.partition(|entry| known.contains(entry))
}

/// Sees what each change adds to the log.
struct Watch {
    server: TestServer,
    known: Vec<Json>,
}

impl Watch {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let known = all(&server.root()).await;
        Self { server, known }
    }

    /// The root client, who calls from elsewhere, in requests of this name.
    fn caller(&self, request_id: &str) -> Caller {
        let caller = self.server.root().with_header("request-id", request_id);
        caller.with_header("x-forwarded-for", "192.0.2.7")
    }

    /// The entries that came since the last time. The others must be as they were.
    async fn news(&mut self) -> Vec<Json> {
        let now = all(&self.server.root()).await;
        let (known, news) = partition(&now, &self.known);
        assert_eq!(known.len(), self.known.len());
        self.known = now;
        news
    }

    /// Demands that a request of this name added entries of exactly these kinds and changes, in
    /// any order.
    async fn assert_added(&mut self, request_id: &str, now: &str, expected: &[Json]) {
        let mut news = self.news().await;
        for entry in &mut news {
            let id = entry.as_object_mut().unwrap().remove("id").unwrap();
            assert_uuid(&id);
        }
        let mut expected = expected.to_vec();
        for about in &mut expected {
            let by = json!({
                "at": now, "clientId": ROOT_ID, "peerAddress": "192.0.2.7",
                "requestId": request_id,
            });
            let by = by.as_object().unwrap().clone();
            about.as_object_mut().unwrap().extend(by);
        }
        for list in [&mut news, &mut expected] {
            list.sort_by_key(|entry| entry["resource"].to_string());
        }
        assert_eq!(news, expected);
    }
}

fn about(action: &str, id: &Json, changes: Json) -> Json {
    let (resource, _) = action.split_once('.').unwrap();
    json!({"action": action, "resource": resource, "resourceId": id, "changes": changes})
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_client_are_written_down() {
    let mut watch = Watch::start().await;
    let body = json!({"name": "CI 🚀 \"x\"\n", "type": "root"});
    let client = watch.caller("make").post("/manage/clients", body).await;
    let client = client.data().clone();
    let (id, path) = (&client["id"], path_of("clients", &client));
    let fields = json!({
        "name": "CI 🚀 \"x\"\n", "type": "root", "ignoreCorsAndSecret": false, "enabled": true,
        "allowedIps": [],
    });
    let expected = about("client.create", id, made(&fields));
    watch.assert_added("make", START, &[expected]).await;

    watch.server.advance(SECOND);
    let body = json!({
        "name": "New", "enabled": false, "expiresAt": "2027-01-01T00:00:00+01:00",
        "allowedIps": ["192.0.2.0/24"], "cors": ["https://shop.example"],
        "rateLimits": {"manage": {"limit": 10, "windowSeconds": 10}},
    });
    let patched = watch.caller("change").patch(&path, body).await;
    let limits = &patched.data()["rateLimits"];
    let changes = json!({
        "name": {"from": "CI 🚀 \"x\"\n", "to": "New"},
        "enabled": {"from": true, "to": false},
        "expiresAt": {"from": null, "to": "2026-12-31T23:00:00.000Z"},
        "allowedIps": {"from": [], "to": ["192.0.2.0/24"]},
        "cors": {"from": null, "to": ["https://shop.example"]},
        "rateLimits": {"from": null, "to": limits},
    });
    let expected = about("client.update", id, changes);
    let now = "2026-01-15T10:30:01.000Z";
    watch.assert_added("change", now, &[expected]).await;

    let deleted = watch.caller("end").delete(&path).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let fields = json!({
        "name": "New", "type": "root", "ignoreCorsAndSecret": false, "enabled": false,
        "expiresAt": "2026-12-31T23:00:00.000Z", "allowedIps": ["192.0.2.0/24"],
        "cors": ["https://shop.example"], "rateLimits": limits,
    });
    let expected = about("client.delete", id, gone(&fields));
    watch.assert_added("end", now, &[expected]).await;
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_written_down_with_its_grace() {
    let mut watch = Watch::start().await;
    let body = json!({"name": "CI", "type": "root"});
    let client = watch.server.create_client(body).await;
    watch.news().await;
    let path = format!("{}/rotate", path_of("clients", &client));
    let end = json!({"previousSecretExpiresAt": "2026-01-15T10:31:00.000Z"});
    for (body, changes) in [
        (json!({}), json!({})),
        (json!({"graceSeconds": 60}), made(&end)),
    ] {
        watch.caller("rotate").post(&path, body).await.data();
        let expected = about("client.rotate", &client["id"], changes);
        watch.assert_added("rotate", START, &[expected]).await;
    }
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_project_are_written_down() {
    let mut watch = Watch::start().await;
    let body = json!({"name": "Shop"});
    let project = watch.caller("make").post("/manage/projects", body).await;
    let project = project.data().clone();
    let id = &project["id"];
    let fields = json!({
        "name": "Shop", "cors": [], "crossDomain": false, "allowUnsafeRevenueTracking": false,
        "filters": [], "types": [],
    });
    let client = json!({
        "name": "First client", "type": "write", "projectId": "shop",
        "ignoreCorsAndSecret": false, "enabled": true, "allowedIps": [],
    });
    let expected = [
        about("project.create", id, made(&fields)),
        about("client.create", &project["client"]["id"], made(&client)),
    ];
    watch.assert_added("make", START, &expected).await;

    // What the log shows of a setting is what the API shows.
    let body = json!({
        "domain": "https://shop.example/", "cors": ["*"], "crossDomain": true,
        "allowUnsafeRevenueTracking": true, "types": ["website", "app"], "retentionDays": 30,
        "filters": [
            {"type": "ip", "ip": "192.0.2.1"}, {"type": "profile_id", "profileId": "p_1"},
            {"type": "event", "name": "page_view"},
        ],
    });
    let patched = watch
        .caller("change")
        .patch("/manage/projects/shop", body.clone())
        .await;
    let changed = patched.data();
    let names = body.as_object().unwrap().keys();
    let changes = names.map(|name| {
        let change = json!({"from": project[name], "to": changed[name]});
        (name.clone(), change)
    });
    let expected = about("project.update", id, changes.collect());
    watch.assert_added("change", START, &[expected]).await;

    for (round, at) in [
        (1, "2026-01-16T10:30:00.000Z"),
        (2, "2026-01-16T10:30:01.000Z"),
    ] {
        let deleted = watch.caller("end").delete("/manage/projects/shop").await;
        assert_eq!(deleted.status, 200, "{round}: {}", deleted.text);
        let changes = json!({"deleteAt": {"from": null, "to": at}});
        let now = at.replace("-16T", "-15T");
        let expected = about("project.delete", id, changes);
        watch.assert_added("end", &now, &[expected]).await;

        watch.server.advance(SECOND);
        let restored = watch
            .caller("back")
            .patch("/manage/projects/shop", json!({}))
            .await;
        restored.data();
        let changes = json!({"deleteAt": {"from": at, "to": null}});
        let expected = about("project.update", id, changes);
        let now = format!("2026-01-15T10:30:0{round}.000Z");
        watch.assert_added("back", &now, &[expected]).await;
    }
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_references_and_the_organization_are_written_down() {
    let mut watch = Watch::start().await;
    watch.server.create_project("Shop").await;
    watch.news().await;
    let body =
        json!({"projectId": "shop", "title": "Launch", "datetime": "2026-01-15T11:00:00+01:00"});
    let reference = watch.caller("make").post("/manage/references", body).await;
    let reference = reference.data().clone();
    let (id, path) = (&reference["id"], path_of("references", &reference));
    let date = "2026-01-15T10:00:00.000Z";
    let fields = json!({"projectId": "shop", "title": "Launch", "date": date});
    let expected = about("reference.create", id, made(&fields));
    watch.assert_added("make", START, &[expected]).await;

    let body = json!({"description": "v2"});
    watch.caller("change").patch(&path, body).await.data();
    let changes = json!({"description": {"from": null, "to": "v2"}});
    let expected = about("reference.update", id, changes);
    watch.assert_added("change", START, &[expected]).await;

    assert_eq!(watch.caller("end").delete(&path).await.status, 200);
    let fields = json!({
        "projectId": "shop", "title": "Launch", "date": date, "description": "v2",
    });
    let expected = about("reference.delete", id, gone(&fields));
    watch.assert_added("end", START, &[expected]).await;

    let body = json!({"name": "Acme & Co", "timezone": "Europe/Berlin"});
    let patched = watch
        .caller("rename")
        .patch("/manage/organization", body)
        .await;
    patched.data();
    let changes = json!({
        "name": {"from": "Acme", "to": "Acme & Co"},
        "timezone": {"from": "UTC", "to": "Europe/Berlin"},
    });
    let expected = about("organization.update", &json!("acme"), changes);
    watch.assert_added("rename", START, &[expected]).await;
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_tells_the_request_by_the_id_of_its_reply() {
    let mut watch = Watch::start().await;
    // One that cannot be an id is replaced.
    for given in ["good-id_1.2", "not an id", ""] {
        let caller = watch.caller(given);
        let reply = caller
            .post("/api/manage/projects", json!({"name": "x"}))
            .await;
        reply.data();
        let news = watch.news().await;
        assert_eq!(news.len(), 2);
        for entry in &news {
            assert_eq!(entry["requestId"], json!(reply.header("request-id")));
        }
        assert_eq!(reply.header("request-id") == given, given == "good-id_1.2");
    }
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_leaves_no_entry() {
    let server = TestServer::start_with(&[("ALLOW_ROOT_CREATION", "false")]).await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    server.create_project("Gone").await;
    assert_eq!(root.delete("/manage/projects/gone").await.status, 200);
    let body = json!({"projectId": "shop", "title": "Launch", "datetime": START});
    let reference = root.post("/manage/references", body).await;
    let reference = path_of("references", reference.data());
    let client = path_of("clients", &project["client"]);
    let rotate = format!("{client}/rotate");
    let own = format!("/manage/clients/{ROOT_ID}");
    let unknown = "/manage/clients/1af09627-2dd7-4b37-9e5c-6ffa7e450e85";
    let before = all(&root).await;

    let stranger = server.caller(ROOT_ID, "a-wrong-secret-0123456789");
    let writer = server.caller_of(&project["client"]);
    for (caller, method, path, body, status) in [
        // Reads.
        (&root, Method::GET, "/manage/me", json!(null), 200),
        (&root, Method::GET, "/manage/organization", json!(null), 200),
        (&root, Method::GET, "/manage/projects", json!(null), 200),
        (
            &root,
            Method::GET,
            "/manage/projects/shop",
            json!(null),
            200,
        ),
        (&root, Method::GET, "/manage/clients", json!(null), 200),
        (&root, Method::GET, "/manage/references", json!(null), 200),
        (&root, Method::GET, "/manage/audit", json!(null), 200),
        // Changes to what it is already.
        (
            &root,
            Method::PATCH,
            "/manage/projects/shop",
            json!({}),
            200,
        ),
        (
            &root,
            Method::PATCH,
            "/manage/projects/shop",
            json!({"name": "Shop", "cors": []}),
            200,
        ),
        (
            &root,
            Method::PATCH,
            &client,
            json!({"enabled": true, "expiresAt": null}),
            200,
        ),
        (
            &root,
            Method::PATCH,
            &client,
            json!({"type": "root", "secret": "x"}),
            200,
        ),
        (
            &root,
            Method::PATCH,
            &reference,
            json!({"title": "Launch"}),
            200,
        ),
        (
            &root,
            Method::PATCH,
            "/manage/organization",
            json!({"name": "Acme"}),
            200,
        ),
        (
            &root,
            Method::DELETE,
            "/manage/projects/gone",
            json!(null),
            200,
        ),
        // Refusals.
        (
            &root,
            Method::POST,
            "/manage/projects",
            json!({"name": ""}),
            400,
        ),
        (
            &root,
            Method::POST,
            "/manage/clients",
            json!({"name": "x"}),
            400,
        ),
        (&root, Method::PATCH, &client, json!({"name": 1}), 400),
        (
            &root,
            Method::POST,
            &rotate,
            json!({"graceSeconds": -1}),
            400,
        ),
        (
            &stranger,
            Method::POST,
            "/manage/projects",
            json!({"name": "x"}),
            401,
        ),
        (
            &writer,
            Method::POST,
            "/manage/projects",
            json!({"name": "x"}),
            401,
        ),
        (
            &root,
            Method::POST,
            "/manage/clients",
            json!({"name": "x", "type": "root"}),
            403,
        ),
        (
            &root,
            Method::POST,
            "/manage/clients",
            json!({"name": "x", "projectId": "gone"}),
            404,
        ),
        (&root, Method::PATCH, unknown, json!({"name": "x"}), 404),
        (&root, Method::DELETE, unknown, json!(null), 404),
        (&root, Method::DELETE, "/manage/audit", json!(null), 405),
        (&root, Method::DELETE, &own, json!(null), 409),
        (
            &root,
            Method::PATCH,
            &own,
            json!({"name": "x", "enabled": false}),
            409,
        ),
    ] {
        let reply = caller
            .send_text(method.clone(), path, &body.to_string())
            .await;
        assert_eq!(
            reply.status, status,
            "{method} {path} {body}: {}",
            reply.text
        );
    }
    assert_eq!(all(&root).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_replayed_has_one_entry() {
    let mut watch = Watch::start().await;
    for round in ["first", "again", "and-again"] {
        let caller = watch.caller(round).with_header("idempotency-key", "key");
        let body = json!({"name": "CI", "type": "root"});
        caller.post("/manage/clients", body).await.data();
    }
    let news = watch.news().await;
    assert_eq!(news.len(), 1);
    assert_eq!(news[0]["requestId"], "first");
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_follow_from_each_other() {
    let mut watch = Watch::start().await;
    let patches = (0..8).map(|number| {
        let root = watch.server.root();
        let body = json!({"name": number.to_string()});
        tokio::spawn(async move { root.patch("/manage/organization", body).await })
    });
    for patch in patches.collect::<Vec<_>>() {
        patch.await.unwrap().data();
    }
    let mut news = watch.news().await;
    assert_eq!(news.len(), 8);
    let mut name = json!("Acme");
    while let Some(next) = news
        .iter()
        .position(|e| e["changes"]["name"]["from"] == name)
    {
        name = news.swap_remove(next)["changes"]["name"]["to"].clone();
    }
    assert_eq!(news, [json!(null); 0]);
    let organization = watch.server.root().get("/manage/organization").await;
    assert_eq!(organization.data()["name"], name);
    watch.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_written_down_nor_its_hash() {
    let server = TestServer::start().await;
    let root = server.root();
    let mut secrets = vec![ROOT_SECRET.to_owned()];
    let mut note = |shown: &Json| secrets.push(text(&shown["secret"]).to_owned());
    note(&server.create_project("Shop").await["client"]);
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    note(&client);
    let path = path_of("clients", &client);
    for body in [json!({}), json!({"graceSeconds": 60})] {
        note(root.post(&format!("{path}/rotate"), body).await.data());
    }
    let body = json!({"name": "New", "secret": "a-secret-that-nobody-asked-for"});
    root.patch(&path, body).await.data();
    secrets.push("a-secret-that-nobody-asked-for".to_owned());
    assert_eq!(root.delete(&path).await.status, 200);

    let log = json!(all(&root).await).to_string().to_lowercase();
    assert!(log.contains("client.rotate") && log.contains("client.delete"));
    for secret in secrets {
        let hash = Sha256::digest(&secret);
        let hex = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        for hidden in [secret, hex, STANDARD.encode(hash)] {
            assert!(!log.contains(&hidden.to_lowercase()), "{hidden} in {log}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_and_the_server_do_has_no_client() {
    let server = TestServer::start().await;
    let root = server.root();
    let start = all(&root).await;
    // The first start made these.
    let mut made = summary(&start);
    made.sort_unstable();
    let expected = [("client.create", ROOT_ID), ("organization.create", "acme")];
    assert_eq!(made, expected);

    server.create_project("Shop").await;
    let client = list(&root, "resource=client").await;
    let client = client.iter().find(|entry| entry["resourceId"] != ROOT_ID);
    let client = text(&client.unwrap()["resourceId"]).to_owned();
    let first = all(&root).await;
    let admin = server.admin().await;
    let new = NewClient {
        name: "Way in".parse().unwrap(),
        client_type: ClientType::Root,
        project_id: None,
        settings: ClientChanges::default(),
    };
    let made = admin.create_client("acme".parse().unwrap(), new).await;
    let id = made.unwrap().client_id;
    server.advance(SECOND);
    admin.delete_client(id).await.unwrap();
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    server.advance(DAY);
    server.do_chores().await;

    let (_, news) = partition(&all(&root).await, &first);
    let mut done = summary(&news);
    done.sort_unstable();
    let id = id.to_string();
    let expected = [
        ("client.create", id.as_str()),
        ("client.delete", &id),
        ("client.purge", &client),
        ("project.delete", "shop"),
        ("project.purge", "shop"),
    ];
    assert_eq!(done, expected);
    for entry in start.iter().chain(&news) {
        let is_own = entry["action"] != "project.delete";
        for field in ["clientId", "peerAddress", "requestId"] {
            assert_eq!(entry[field].is_null(), is_own, "{field} of {entry}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_outlives_what_it_tells_of() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    let spare = server
        .create_client(json!({"name": "Spare", "type": "root"}))
        .await;
    let body = json!({"projectId": "shop", "title": "Launch", "datetime": START});
    let reference = server
        .caller_of(&spare)
        .post("/manage/references", body)
        .await;
    let reference = text(&reference.data()["id"]).to_owned();
    let (client, spare) = (text(&project["client"]["id"]), text(&spare["id"]));
    let before = all(&root).await;

    server.advance(SECOND);
    for path in [&format!("/manage/clients/{spare}"), "/manage/projects/shop"] {
        assert_eq!(root.delete(path).await.status, 200);
    }
    server.advance(DAY);
    server.do_chores().await;
    let server = server.restart().await;
    let root = server.root();
    assert!(all(&root).await.ends_with(&before));
    for (id, actions) in [
        (client, vec!["client.purge", "client.create"]),
        (
            "shop",
            vec!["project.purge", "project.delete", "project.create"],
        ),
        (spare, vec!["client.delete", "client.create"]),
        (&reference, vec!["reference.create"]),
    ] {
        let entries = list(&root, &format!("resourceId={id}")).await;
        let found = summary(&entries);
        let found = found.iter().map(|(action, _)| *action).collect::<Vec<_>>();
        assert_eq!(found, actions, "{id}");
    }
    let entries = list(&root, &format!("resourceId={reference}")).await;
    assert_eq!(entries[0]["clientId"], spare);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_root_client_sees_the_log() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    for client_type in ["read", "write"] {
        let body = json!({"name": "CI", "type": client_type, "projectId": "shop"});
        let caller = server.caller_of(&server.create_client(body).await);
        caller.get("/manage/audit").await.assert_error(
            401,
            "Manage: Only root clients are allowed to manage resources",
        );
    }
    let refused = server.anonymous().get("/manage/audit").await;
    refused.assert_error(401, "Manage: Client ID must be a valid UUIDv4");
    // One that is bound to a project is of the same organization.
    let body = json!({"name": "CI", "type": "root", "projectId": "shop"});
    let bound = server.caller_of(&server.create_client(body).await);
    assert_eq!(all(&bound).await, all(&server.root()).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organization_has_its_own_log() {
    let server = TestServer::start().await;
    let root = server.root();
    let other = server.create_organization("Other").await;
    server.create_project("Shop").await;
    let before = all(&other).await;
    let mut begun = before
        .iter()
        .map(|entry| text(&entry["action"]))
        .collect::<Vec<_>>();
    begun.sort_unstable();
    assert_eq!(begun, ["client.create", "organization.create"]);

    let body = json!({"name": "Theirs"});
    other.post("/manage/projects", body).await.data();
    assert_eq!(all(&other).await.len(), 4);
    assert_eq!(list(&root, "resourceId=theirs").await, [json!(null); 0]);
    assert_eq!(list(&other, "resourceId=shop").await, [json!(null); 0]);
    // Where one's log goes on says nothing in the other's.
    let first = root.get("/manage/audit?limit=1").await;
    let cursor = text(&first.body["meta"]["nextCursor"]);
    let entries = all(&other).await;
    for entry in list(&other, &format!("limit=1000&cursor={cursor}")).await {
        assert!(entries.contains(&entry), "{entry}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_be_asked_for_a_kind_and_for_one_thing() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    let client = path_of("clients", &project["client"]);
    server.advance(SECOND);
    root.patch(&client, json!({"name": "New"})).await.data();
    let body = json!({"projectId": "shop", "title": "Launch", "datetime": START});
    root.post("/manage/references", body).await.data();
    let entries = all(&root).await;
    for kind in ["organization", "project", "client", "reference"] {
        let expected = entries.iter().filter(|entry| entry["resource"] == kind);
        let expected = expected.cloned().collect::<Vec<_>>();
        assert!(!expected.is_empty(), "{kind}");
        assert_eq!(list(&root, &format!("resource={kind}")).await, expected);
    }
    let id = text(&project["client"]["id"]);
    let found = list(&root, &format!("resourceId={id}")).await;
    assert_eq!(
        summary(&found),
        [("client.update", id), ("client.create", id)]
    );
    let both = format!("resource=client&resourceId={id}");
    assert_eq!(list(&root, &both).await, found);
    let nothing = format!("resource=project&resourceId={id}");
    assert_eq!(list(&root, &nothing).await, [json!(null); 0]);
    assert_eq!(list(&root, "resourceId=nobody").await, [json!(null); 0]);

    // In parts as well.
    let part = root.get(&format!("/manage/audit?limit=1&{both}")).await;
    assert_eq!(*part.data(), json!(found[..1]));
    let cursor = text(&part.body["meta"]["nextCursor"]);
    let rest = root
        .get(&format!("/manage/audit?limit=1&{both}&cursor={cursor}"))
        .await;
    assert_eq!(*rest.data(), json!(found[1..]));
    assert_eq!(rest.body["meta"], json!({"nextCursor": null}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_the_log_are_the_log() {
    let server = TestServer::start().await;
    let root = server.root();
    // Each makes two entries, several at the same moment.
    for number in 0..27 {
        if number % 4 == 0 {
            server.advance(Duration::from_micros(1));
        }
        server.create_project("Shop").await;
    }
    let entries = all(&root).await;
    assert_eq!(entries.len(), 56);
    let order = |entry: &Json| (entry["at"].to_string(), entry["id"].to_string());
    for pair in entries.windows(2) {
        let ((newer, first), (older, second)) = (order(&pair[0]), order(&pair[1]));
        assert!(newer >= older && first != second);
    }
    for limit in [1, 3, 8, 55, 56, 57] {
        let mut walked = Vec::new();
        let mut query = format!("limit={limit}");
        loop {
            let reply = root.get(&format!("/manage/audit?{query}")).await;
            let part = reply.data().as_array().unwrap();
            assert!(part.len() <= limit);
            walked.extend(part.iter().cloned());
            let Some(next) = reply.body["meta"]["nextCursor"].as_str() else {
                break;
            };
            query = format!("limit={limit}&cursor={next}");
            // What comes meanwhile is no part of it.
            server.advance(SECOND);
            if limit == 8 {
                let body = json!({"name": query});
                root.patch("/manage/organization", body).await.data();
            }
        }
        let known = all(&root).await;
        let walked_of = |entries: &[Json]| entries == walked;
        assert!(walked_of(&entries) || walked_of(&known), "{limit}");
    }
    // Without a limit it is never whole.
    let reply = root.get("/manage/audit").await;
    let known = all(&root).await;
    assert_eq!(*reply.data(), json!(known[..50]));
    assert!(reply.body["meta"]["nextCursor"].is_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    let root = server.root();
    let long = format!("resourceId={}", "x".repeat(256));
    for (query, parameters) in [
        ("limit=0", vec!["limit"]),
        ("limit=1001", vec!["limit"]),
        ("limit=x", vec!["limit"]),
        ("cursor=x", vec!["cursor"]),
        ("resource=secret", vec!["resource"]),
        ("resource=Client", vec!["resource"]),
        ("resourceId=a%20b", vec!["resourceId"]),
        ("resourceId=%27%20OR%201=1", vec!["resourceId"]),
        (long.as_str(), vec!["resourceId"]),
        (
            "limit=-1&cursor=!&resource=x&resourceId=%00",
            vec!["limit", "cursor", "resource", "resourceId"],
        ),
    ] {
        let reply = root.get(&format!("/manage/audit?{query}")).await;
        let paths = parameters
            .iter()
            .map(|name| json!([name]))
            .collect::<Vec<_>>();
        reply.assert_invalid_query(&paths);
    }
    // What is not known is ignored, as everywhere.
    let reply = root.get("/manage/audit?action=x&limit=1000").await;
    assert_eq!(reply.data().as_array().unwrap().len(), 2);
    server.stop().await;
}
