//! Recordings, with the session that the SDK knows, and without any. They are looked at in the
//! event store's file, with DuckDB's own package: no API shows them yet.

use serde_json::{Value as Json, json};

use crate::shop::{Shop, output_of, script};

const ORIGIN: &str = "https://shop.example";

/// What the event store of a shop has, which is closed for it.
pub(crate) async fn of(shop: Shop) -> Vec<Json> {
    shop.server.settle().await;
    let (folder, file) = shop.close_all_but_store().await;
    let mut reader = script("recordings.mjs").unwrap();
    reader.arg(file);
    let stored = output_of(reader).await;
    drop(folder);
    stored.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn a_recording_belongs_to_the_session_with_or_without_its_id() {
    if script("recordings.mjs").is_none() {
        return;
    }
    let shop = Shop::open(ORIGIN).await;
    let page = shop
        .server
        .anonymous()
        .with_header("openpanel-client-id", shop.client_id())
        .with_header("origin", ORIGIN)
        .with_header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Firefox/127.0",
        );
    let send = async |kind: &str, payload: Json| {
        let body = json!({"type": kind, "payload": payload});
        let reply = page.post("/track", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["sessionId"].as_str().unwrap().to_owned()
    };
    let session = send("track", json!({"name": "screen_view"})).await;
    let at = shop.events_named("screen_view").await[0]["createdAt"].clone();
    for (index, told) in [json!(session), json!(null), json!("")].iter().enumerate() {
        let chunk = json!({"chunk_index": index, "events_count": 1, "is_full_snapshot": false,
            "started_at": at, "ended_at": at, "payload": "[]", "sessionId": told});
        assert_eq!(send("replay", chunk.clone()).await, session);
        // Never a duplicate, even when it comes twice at once.
        if index == 2 {
            assert_eq!(send("replay", chunk).await, session);
        }
    }
    let stored = of(shop).await;
    let sessions = stored.iter().map(|chunk| chunk["session_id"].clone());
    assert_eq!(sessions.collect::<Vec<_>>(), vec![json!(session); 4]);
    let indexes = stored.iter().map(|chunk| chunk["chunk_index"].clone());
    assert_eq!(Json::from(indexes.collect::<Vec<_>>()), json!([0, 1, 2, 2]));
}
