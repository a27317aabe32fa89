//! Organizations beside each other: none can see or touch what is another's.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, START, TestServer};

/// What a stranger is after, made in the first organization.
struct Prey {
    project: Json,
    client: Json,
    reference: Json,
}

impl Prey {
    async fn make(server: &TestServer) -> Self {
        let project = server.create_project("Shop").await;
        let client = server
            .create_client(json!({"name": "CI", "type": "read", "projectId": "shop"}))
            .await;
        let body = json!({"projectId": "shop", "title": "Launch", "datetime": START});
        let reply = server.root().post("/manage/references", body).await;
        Self {
            project,
            client,
            reference: reply.data().clone(),
        }
    }

    fn client_path(&self) -> String {
        format!("/manage/clients/{}", self.client["id"].as_str().unwrap())
    }

    fn reference_path(&self) -> String {
        let id = self.reference["id"].as_str().unwrap();
        format!("/manage/references/{id}")
    }
}

/// All that an organization shows.
async fn everything(root: &Caller) -> Vec<Json> {
    let mut all = Vec::new();
    for path in [
        "/manage/organization",
        "/manage/projects?includeDeleted=true",
        "/manage/clients",
        "/manage/references",
    ] {
        all.push(root.get(path).await.data().clone());
    }
    all
}

/// A reply without the one thing that differs in every reply.
fn without_request_id(reply: &Reply) -> Json {
    let mut body = reply.body.clone();
    let id = body.as_object_mut().unwrap().remove("requestId");
    assert!(id.is_some(), "{}", reply.text);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_does_not_exist() {
    let server = TestServer::start().await;
    let prey = Prey::make(&server).await;
    let stranger = server.create_organization("Other").await;
    server.do_chores().await;
    let before = everything(&server.root()).await;

    let (client, reference) = (prey.client_path(), prey.reference_path());
    let uuid = "1af09627-2dd7-4b37-9e5c-6ffa7e450e85";
    let no_client = format!("/manage/clients/{uuid}");
    let no_reference = format!("/manage/references/{uuid}");
    let rotate = format!("{client}/rotate");
    let rotate_none = format!("{no_client}/rotate");
    let none = None::<Json>;
    let empty = Some(json!({}));
    let named = Some(json!({"name": "Mine"}));
    let titled = Some(json!({"title": "Mine"}));
    for (method, theirs, nobodys, body, message) in [
        (
            Method::GET,
            "/manage/projects/shop",
            "/manage/projects/none",
            &none,
            "Project",
        ),
        (
            Method::GET,
            "/manage/projects/shop?includeDeleted=true",
            "/manage/projects/none?includeDeleted=true",
            &none,
            "Project",
        ),
        (
            Method::PATCH,
            "/manage/projects/shop",
            "/manage/projects/none",
            &empty,
            "Project",
        ),
        (
            Method::PATCH,
            "/manage/projects/shop",
            "/manage/projects/none",
            &named,
            "Project",
        ),
        (
            Method::DELETE,
            "/manage/projects/shop",
            "/manage/projects/none",
            &none,
            "Project",
        ),
        (Method::GET, &client, &no_client, &none, "Client"),
        (Method::PATCH, &client, &no_client, &empty, "Client"),
        (Method::PATCH, &client, &no_client, &named, "Client"),
        (Method::DELETE, &client, &no_client, &none, "Client"),
        (Method::POST, &rotate, &rotate_none, &empty, "Client"),
        (Method::GET, &reference, &no_reference, &none, "Reference"),
        (
            Method::PATCH,
            &reference,
            &no_reference,
            &empty,
            "Reference",
        ),
        (
            Method::PATCH,
            &reference,
            &no_reference,
            &titled,
            "Reference",
        ),
        (
            Method::DELETE,
            &reference,
            &no_reference,
            &none,
            "Reference",
        ),
        (
            Method::GET,
            "/manage/clients?projectId=shop",
            "/manage/clients?projectId=none",
            &none,
            "Project",
        ),
        (
            Method::GET,
            "/manage/references?projectId=shop",
            "/manage/references?projectId=none",
            &none,
            "Project",
        ),
    ] {
        for prefix in ["", "/api"] {
            let ask = async |path: &str| {
                let path = format!("{prefix}{path}");
                match body {
                    Some(body) => {
                        stranger
                            .send_text(method.clone(), &path, &body.to_string())
                            .await
                    }
                    None => stranger.send(method.clone(), &path, None).await,
                }
            };
            let (reply, of_nothing) = (ask(theirs).await, ask(nobodys).await);
            reply.assert_error(404, &format!("{message} not found"));
            assert_eq!(without_request_id(&reply), without_request_id(&of_nothing));
        }
    }
    assert_eq!(everything(&server.root()).await, before);
    server
        .caller_of(&prey.client)
        .get("/manage/me")
        .await
        .data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_put_into_anothers_project() {
    let server = TestServer::start().await;
    Prey::make(&server).await;
    let stranger = server.create_organization("Other").await;
    let before = everything(&server.root()).await;
    for project in ["shop", "none"] {
        for client_type in ["read", "write", "root"] {
            let body = json!({"name": "CI", "type": client_type, "projectId": project});
            let reply = stranger.post("/manage/clients", body).await;
            reply.assert_error(404, "Project not found");
        }
        let body = json!({"projectId": project, "title": "Mine", "datetime": START});
        let reply = stranger.post("/manage/references", body).await;
        reply.assert_error(404, "Project not found");
    }
    assert_eq!(everything(&server.root()).await, before);
    assert_eq!(everything(&stranger).await[2].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_project_of_another_cannot_be_restored() {
    let server = TestServer::start().await;
    Prey::make(&server).await;
    let stranger = server.create_organization("Other").await;
    server.root().delete("/manage/projects/shop").await;
    let reply = stranger.patch("/manage/projects/shop", json!({})).await;
    reply.assert_error(404, "Project not found");
    let gone = server.root().get("/manage/projects/shop").await;
    gone.assert_error(404, "Project not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organization_lists_its_own() {
    let server = TestServer::start().await;
    Prey::make(&server).await;
    let stranger = server.create_organization("Other").await;
    let acme = everything(&server.root()).await;

    let made = stranger
        .post("/manage/projects", json!({"name": "Blog"}))
        .await;
    assert_eq!(made.data()["organizationId"], "other");
    let body = json!({"projectId": "blog", "title": "T", "datetime": START});
    let reference = stranger.post("/manage/references", body).await;
    let mut own = stranger.get("/manage/clients").await;
    let names = |reply: &Reply| {
        let listed = reply.data().as_array().unwrap().clone();
        let mut names = listed
            .into_iter()
            .map(|client| (client["name"].clone(), client["organizationId"].clone()))
            .map(|(name, organization)| format!("{name} {organization}"))
            .collect::<Vec<_>>();
        names.sort();
        names
    };
    assert_eq!(
        names(&own),
        ["\"First client\" \"other\"", "\"Root\" \"other\""]
    );
    assert_eq!(stranger.get("/manage/projects").await.ids(), ["blog"]);
    let listed = stranger.get("/manage/references").await;
    assert_eq!(listed.body, json!({"data": [reference.data()]}));
    assert_eq!(everything(&server.root()).await, acme);

    // A page of the one is no way into the other.
    let page = server.root().get("/manage/clients?limit=1").await;
    let cursor = page.body["meta"]["nextCursor"].as_str().unwrap();
    let path = format!("/manage/clients?cursor={cursor}");
    own = stranger.get(&path).await;
    assert!(names(&own).iter().all(|name| name.ends_with("\"other\"")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_organization_is_its_own() {
    let server = TestServer::start().await;
    let stranger = server.create_organization("Other").await;
    let acme = server.root().get("/manage/organization").await;
    let change = json!({"name": "Acme", "timezone": "Asia/Tokyo"});
    let changed = stranger.patch("/manage/organization", change).await;
    assert_eq!(changed.data()["id"], "other");
    assert_eq!(changed.data()["timezone"], "Asia/Tokyo");
    let after = server.root().get("/manage/organization").await;
    assert_eq!(after.body, acme.body);
    let me = stranger.get("/manage/me").await;
    assert_eq!(
        me.data()["organization"],
        json!({"id": "other", "name": "Acme", "timezone": "Asia/Tokyo"})
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_one_client_opens_no_other() {
    let server = TestServer::start().await;
    let prey = Prey::make(&server).await;
    let spare = server
        .create_client(json!({"name": "R", "type": "root"}))
        .await;
    let id = spare["id"].as_str().unwrap();
    for secret in [&prey.client["secret"], &prey.project["client"]["secret"]] {
        let crossed = server.caller(id, secret.as_str().unwrap());
        let refused = crossed.get("/manage/projects").await;
        refused.assert_error(401, "Invalid client credentials");
    }
    server.stop().await;
}
