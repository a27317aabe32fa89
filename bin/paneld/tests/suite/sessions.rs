//! Sessions in memory: there are only so many.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::{Caller, TestServer};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/126.0.0.0 Safari/537.36";
/// What the server is told, and how many visitors come.
const LIMIT: usize = 8;
const VISITORS: usize = 30;

async fn view(server: &TestServer, client: &Json, visitor: usize) -> String {
    let caller: Caller = server.caller_of(client);
    let caller = caller
        .with_header("user-agent", CHROME)
        .with_header("x-client-ip", &format!("198.51.100.{visitor}"));
    let payload = json!({"name": "screen_view", "properties": {"__path": "/"}});
    let body = json!({"type": "track", "payload": payload});
    let reply = caller.post("/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["sessionId"].as_str().unwrap().to_owned()
}

/// How many events of each name every session has.
async fn sessions(server: &TestServer) -> BTreeMap<String, BTreeMap<String, usize>> {
    server.settle().await;
    let path = "/export/events?projectId=shop&limit=1000";
    let reply = server.root().get(path).await;
    let mut sessions = BTreeMap::<_, BTreeMap<_, usize>>::new();
    for event in reply.data().as_array().unwrap() {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let session = sessions.entry(text("sessionId")).or_default();
        *session.entry(text("name")).or_default() += 1;
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_old_sessions_end_early_and_no_event_is_lost() {
    let limit = LIMIT.to_string();
    let server = TestServer::start_with(&[("SESSIONS_LIMIT", &limit)]).await;
    let client = server.create_project("Shop").await["client"].clone();
    let mut told = Vec::new();
    for visitor in 0..VISITORS {
        told.push(view(&server, &client, visitor).await);
        server.advance(std::time::Duration::from_secs(1));
    }
    let live = |sessions: &BTreeMap<String, BTreeMap<String, usize>>| {
        let live = sessions.values();
        live.filter(|names| !names.contains_key("session_end"))
            .count()
    };
    let found = sessions(&server).await;
    assert_eq!(found.len(), VISITORS);
    // One more is possible where a shard had nobody to end.
    assert!(live(&found) <= LIMIT + 1, "{found:?}");
    assert!(live(&found) >= LIMIT - 1, "{found:?}");
    // Who came just now is not sent away for the next one.
    let last = told.last().unwrap();
    assert!(!found[last].contains_key("session_end"), "{found:?}");

    // All come back within their half hour, some of them to a server that was restarted. Whoever
    // had to go begins anew, under an id that is not taken; nobody's session starts twice.
    let mut server = server;
    for (visitor, before) in told.iter().enumerate() {
        if visitor == VISITORS / 2 {
            server = server.restart().await;
        }
        let ended = sessions(&server).await[before].contains_key("session_end");
        let session = view(&server, &client, visitor).await;
        assert_eq!(session != *before, ended, "visitor {visitor}");
    }
    let found = sessions(&server).await;
    for (session, names) in &found {
        assert_eq!(names["session_start"], 1, "{session}: {names:?}");
        assert!(names.get("session_end").is_none_or(|ends| *ends == 1));
    }
    let views = found.values().map(|names| names["screen_view"]);
    assert_eq!(views.sum::<usize>(), 2 * VISITORS);
    assert!(live(&found) <= LIMIT + 2, "{found:?}");
    server.stop().await;
}
