//! The harness itself.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_who_am_i() {
    let server = TestServer::start().await;
    let me = server.root().get("/manage/me").await;
    assert_eq!(me.status, 200);
    assert_eq!(me.body["data"]["organization"]["name"], json!("Acme"));
    server.stop().await;
}
