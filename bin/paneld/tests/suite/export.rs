//! Export: charts and raw events, as callers see them.

mod charts;
mod events;
mod streams;

use reqwest::StatusCode;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

/// A project with events whose moments the test chooses.
struct Shop {
    server: TestServer,
    reader: Caller,
    writer: Caller,
}

impl Shop {
    async fn open() -> Self {
        let unlimited = [("RATE_LIMIT_EXPORT", "off"), ("RATE_LIMIT_TRACK", "off")];
        Self::open_on(TestServer::start_with(&unlimited).await).await
    }

    async fn open_on(server: TestServer) -> Self {
        let made = server
            .root()
            .post("/manage/projects", json!({"name": "Shop"}))
            .await;
        let writer = server.caller_of(&made.data()["client"]);
        Self {
            reader: server.root(),
            writer,
            server,
        }
    }

    /// Imports events, and waits until they are visible.
    async fn import(&self, events: &[Json]) {
        let reply = self
            .writer
            .post("/import/events", Json::from(events.to_vec()))
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        self.server.settle().await;
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Reply {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("projectId", "shop")
            .extend_pairs(parameters)
            .finish();
        self.reader.get(&format!("{path}?{query}")).await
    }

    /// Demands an answer.
    async fn answer(&self, path: &str, parameters: &[(&str, &str)]) -> Json {
        let reply = self.get(path, parameters).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.body
    }

    /// Demands 400 with problems of these parameters.
    async fn refuses(&self, path: &str, parameters: &[(&str, &str)], paths: &[Json]) -> Reply {
        let reply = self.get(path, parameters).await;
        reply.assert_invalid_query(paths);
        reply
    }
}
