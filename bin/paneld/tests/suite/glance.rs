//! All projects at a glance.

use serde_json::{Value as Json, json};

use crate::support::TestServer;

async fn visit(server: &TestServer, project: &Json, times: usize) {
    let writer = server.caller_of(&project["client"]);
    for visit in 0..times {
        let body = json!({"type": "track", "payload": {"name": "screen_view",
            "profileId": format!("p{visit}"), "properties": {"__path": "https://x.example/"}}});
        let version = 140 + visit;
        let agent = format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Firefox/{version}.0");
        let agent = writer.with_header("user-agent", &agent);
        let reply = agent.post("/track", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_sees_the_figures_of_all_its_projects_and_a_reader_its_own() {
    let server = TestServer::start().await;
    let empty = server.root().get("/insights").await;
    assert_eq!(
        empty.body,
        json!({"data": [], "meta": {"nextCursor": null}})
    );
    let shop = server.create_project("Shop").await;
    server.advance(std::time::Duration::from_secs(1));
    let blog = server.create_project("Blog").await;
    let gone = server.create_project("Gone").await;
    let path = format!("/manage/projects/{}", gone["id"].as_str().unwrap());
    assert_eq!(server.root().delete(&path).await.status, 200);
    let other = server.create_organization("Other").await;
    let foreign = other
        .post("/manage/projects", json!({"name": "Foreign"}))
        .await;
    visit(&server, foreign.data(), 1).await;
    visit(&server, &shop, 3).await;
    visit(&server, &blog, 1).await;
    server.settle().await;

    let seen = server.root().get("/insights").await;
    let listed = seen.data().as_array().unwrap();
    let figures = listed.iter().map(|one| {
        (
            one["project"]["id"].as_str().unwrap(),
            one["metrics"]["unique_visitors"].as_u64().unwrap(),
            one["live"].as_u64().unwrap(),
        )
    });
    let expected = [("blog", 1, 1), ("shop", 3, 3)];
    assert_eq!(figures.collect::<Vec<_>>(), expected, "{}", seen.text);
    // The same as one asks for by name.
    let alone = server.root().get("/insights/shop/metrics").await;
    assert_eq!(listed[1]["metrics"], alone.body["metrics"]);
    assert_eq!(listed[1]["series"], alone.body["series"]);

    let first = server.root().get("/insights?limit=1&range=last24h").await;
    assert_eq!(first.data()[0]["project"]["name"], "Blog");
    let cursor = first.body["meta"]["nextCursor"].as_str().unwrap();
    let second = server
        .root()
        .get(&format!("/insights?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second.data()[0]["project"]["name"], "Shop");
    assert_eq!(second.body["meta"]["nextCursor"], Json::Null);

    let body = json!({"name": "R", "type": "read", "projectId": "shop"});
    let reader = server.create_client(body).await;
    let own = server.caller_of(&reader).get("/insights").await;
    assert_eq!(own.data().as_array().unwrap().len(), 1);
    assert_eq!(own.data()[0]["project"]["id"], "shop");
    let theirs = other.get("/insights").await;
    assert_eq!(theirs.data()[0]["project"]["id"], "foreign");
    assert_eq!(theirs.data().as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_question_is_told() {
    let server = TestServer::start().await;
    let root = server.root();
    for (query, at) in [
        ("limit=0", json!(["limit"])),
        ("limit=51", json!(["limit"])),
        ("cursor=nonsense", json!(["cursor"])),
        ("range=forever", json!(["range"])),
    ] {
        let reply = root.get(&format!("/insights?{query}")).await;
        reply.assert_invalid_query(&[at]);
    }
    assert_eq!(server.anonymous().get("/insights").await.status, 401);
    server.create_project("Shop").await;
    let body = json!({"name": "W", "type": "write", "projectId": "shop"});
    let writer = server.create_client(body).await;
    assert_eq!(server.caller_of(&writer).get("/insights").await.status, 401);
    server.stop().await;
}
