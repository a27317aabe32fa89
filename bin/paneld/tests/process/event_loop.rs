//! Nothing takes long on an event loop: every route of the document is asked for the worst that
//! it takes, while the time is measured for which the threads of the event loops were at work.
//! They have all connections; whoever is on the same thread waits meanwhile.
//!
//! What is measured is processor time, so that a busy machine changes little; and it is compared
//! with that of a harmless request of the same length to the same route.

use std::{path::PathBuf, time::Duration};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Place, Server};

/// How much more than a harmless one a request may take.
const MOST: Duration = Duration::from_millis(60);
/// How long it may take to copy a byte of a body, and to read it from a socket or write it there.
const PER_BYTE: Duration = Duration::from_nanos(12);
/// The bytes of a request's head that the server takes.
const HEAD: usize = 60 * 1024;

/// What the threads of the event loops have worked so far.
fn worked(server: &Server) -> Duration {
    let tasks = PathBuf::from(format!("/proc/{}/task", server.process.id()));
    let mut all = Vec::new();
    for task in std::fs::read_dir(tasks).unwrap() {
        let task = task.unwrap().path();
        // Others may end at any time.
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.starts_with("actix-server wo") {
            let spent = std::fs::read_to_string(task.join("schedstat")).unwrap();
            let nanos = spent.split(' ').next().unwrap().parse().unwrap();
            all.push(Duration::from_nanos(nanos));
        }
    }
    assert!(!all.is_empty(), "the threads have other names");
    all.into_iter().sum()
}

/// A request, and one of the same length that does nothing.
struct Asked {
    name: String,
    method: Method,
    path: String,
    body: Option<String>,
    harmless_path: String,
    harmless_body: Option<String>,
}

/// The worst that parameters of this name take.
fn worst(name: &str) -> Option<String> {
    let patterns = |count: usize, length: usize| {
        let values = vec![r"\pL{24}".repeat(length / 7); count];
        json!([{"name": "properties.label", "operator": "regex", "value": values}]).to_string()
    };
    let formulas = |terms: usize| {
        let formula = |letter: &str| {
            let formula = vec![letter; terms].join("+");
            json!({"type": "formula", "formula": formula})
        };
        json!([{"name": "x"}, formula("A")]).to_string()
    };
    Some(match name {
        "filters" => patterns(10, 400),
        "series" => formulas(20),
        "breakdowns" => json!([{"name": "properties.label"}]).to_string(),
        "startDate" | "start" | "since" => "2025-05-21".to_owned(),
        "endDate" | "end" | "until" => "2026-01-15".to_owned(),
        "interval" => "day".to_owned(),
        "previous" => "true".to_owned(),
        "steps" => json!((0..10).map(|n| format!("step {n}")).collect::<Vec<_>>()).to_string(),
        "startEvent" | "eventName" => "x".to_owned(),
        "propertyKey" => "label".to_owned(),
        "eventNames" | "event" | "name" | "include" => json!(vec!["x"; 1_000]).to_string(),
        "includes" => "properties".to_owned(),
        "limit" => "100".to_owned(),
        "days" => "90".to_owned(),
        _ => return None,
    })
}

/// The worst that was ever seen.
fn refused(name: &str) -> Option<String> {
    let pattern = [r"\pL{24}"];
    Some(match name {
        "filters" => json!([{"name": "path", "operator": "regex",
            "value": vec![pattern[0]; 2_606]}])
        .to_string(),
        "series" => {
            let formula = json!({"type": "formula", "formula": vec!["A"; 500].join("*")});
            let mut items = vec![formula; 10];
            items[0] = json!({"name": "x"});
            Json::from(items).to_string()
        }
        "steps" => "9999".to_owned(),
        "properties" => {
            let all = (0..4_000).map(|n| (n.to_string(), json!("x")));
            Json::Object(all.collect()).to_string()
        }
        "startDate" => "0001-01-01".to_owned(),
        "endDate" => "9999-12-31".to_owned(),
        "interval" => "minute".to_owned(),
        _ => return worst(name),
    })
}

fn of_length(length: usize) -> String {
    format!("harmless={}", "x".repeat(length.saturating_sub(9)))
}

fn asked(path: &str, method: &str, operation: &Json) -> Vec<Asked> {
    let path = path
        .replace("{projectId}", "shop")
        .replace("{dimension}", "country");
    let path = path.replace("{profileId}", "p").replace("{groupId}", "g");
    let name = format!("{method} {path}");
    let method = method.to_uppercase().parse::<Method>().unwrap();
    if method != Method::GET {
        let path = format!("{path}?projectId=shop");
        let bodies = bodies(&path).into_iter().map(|body| Asked {
            name: name.clone(),
            method: method.clone(),
            path: path.clone(),
            harmless_path: path.clone(),
            harmless_body: Some(format!("{}{{}}", " ".repeat(body.len() - 2))),
            body: Some(body),
        });
        return bodies.collect();
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let names = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect::<Vec<_>>();
    let query = |value: fn(&str) -> Option<String>| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in &names {
            match value(name) {
                // A number here, and a list in a funnel.
                Some(_) if *name == "steps" && path.ends_with("user_flow") => {
                    query.append_pair(name, "10");
                }
                Some(value) => {
                    query.append_pair(name, &value);
                }
                None => {}
            }
        }
        if path.starts_with("/export") || path.starts_with("/v1") {
            query.append_pair("projectId", "shop");
        }
        query.finish()
    };
    let project = if path.starts_with("/export") || path.starts_with("/v1") {
        "projectId=shop&"
    } else {
        ""
    };
    let queries = [query(worst), query(refused), of_length(HEAD)];
    let queries = queries.into_iter().filter(|query| query.len() <= HEAD);
    let all = queries.map(|query| Asked {
        name: format!("{name} {}", &query[..query.len().min(60)]),
        method: Method::GET,
        harmless_path: format!("{path}?{project}{}", of_length(query.len())),
        path: format!("{path}?{query}"),
        body: None,
        harmless_body: None,
    });
    all.collect()
}

/// The worst bodies that a route takes, or refuses.
fn bodies(path: &str) -> Vec<String> {
    const MIB: usize = 1 << 20;
    let lists = "[],".repeat(MIB / 3);
    let deep = format!(r#"{{"name":[{}1]}}"#, &lists[..MIB - 100]);
    let values = vec!["x".repeat(2_000); 480];
    match path.trim_end_matches("?projectId=shop") {
        "/import/events" => {
            let row = json!({"name": "x", "created_at": "2025-05-05", "device_id": "d",
                "properties": {"a": {"b": [1.5, 2.5, "text"]}}});
            vec![Json::from(vec![row; 10_000]).to_string()]
        }
        "/track" => {
            let track = |payload| json!({"type": "track", "payload": payload}).to_string();
            vec![
                track(json!({"name": "x", "properties": {"v": values}})),
                track(json!({"name": "x", "properties": {"v": vec![0.1; 190_000]}})),
            ]
        }
        // What is deleted is gone for all that come behind.
        path if path.starts_with("/manage") && !path.contains("profiles") => vec![deep],
        _ => Vec::new(),
    }
}

async fn send(caller: &Caller, method: &Method, path: &str, body: Option<&String>) -> (u16, usize) {
    let reply = caller.call(method.clone(), path, body.cloned()).await;
    let reply = reply.unwrap();
    assert!(
        reply.status.as_u16() < 500 || reply.status == 503,
        "{path}: {}",
        reply.text
    );
    (reply.status.as_u16(), reply.text.len())
}

async fn fill(server: &Server) {
    let root = server.root();
    root.create("/manage/projects", json!({"name": "Shop"}))
        .await;
    let rows = (0..500).map(|place| {
        json!({"name": "x", "created_at": "2026-01-14 10:00:00", "device_id": format!("d{place}"),
            "properties": {"label": format!("label {place:03}")}})
    });
    let steps = (0..2_000).map(|place| {
        json!({"name": format!("step {}", place % 50), "created_at": "2026-01-13 10:00:00",
            "device_id": format!("d{}", place % 100), "session_id": format!("s{}", place % 100)})
    });
    let rows = rows.chain(steps).collect::<Vec<_>>();
    let path = "/import/events?projectId=shop&sessions=true";
    let reply = root.post(path, Json::from(rows)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // Until it is visible.
    loop {
        let counted = root.get("/v1/events/count?projectId=shop&name=x").await;
        if counted.body["count"] == 500 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_keeps_an_event_loop_busy() {
    let place = Place::new();
    let mut launch = place.bootstrapped();
    for group in ["TRACK", "TRACK_VISITOR", "INSIGHTS", "EXPORT"] {
        launch = launch.with(&format!("RATE_LIMIT_{group}"), "off");
    }
    let server = launch.serve();
    fill(&server).await;
    let root = server.root();
    let document = root.get("/openapi.json").await.body;
    let mut failures = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for asked in asked(path, method, operation) {
                let body = asked.harmless_body.as_ref();
                let before = worked(&server);
                send(&root, &asked.method, &asked.harmless_path, body).await;
                let floor = worked(&server) - before;
                let before = worked(&server);
                let body = asked.body.as_ref();
                let (status, bytes) = send(&root, &asked.method, &asked.path, body).await;
                let took = worked(&server) - before;
                let bytes = bytes + asked.body.as_ref().map_or(0, String::len);
                let bytes = u32::try_from(bytes).unwrap();
                let name = &asked.name;
                if took > 3 * floor + MOST + PER_BYTE * bytes {
                    failures.push(format!("{took:?}, but {floor:?}: {status} {name}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    server.stop();
}
