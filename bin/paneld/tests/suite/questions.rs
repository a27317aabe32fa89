//! Questions that would take the server's time for all others: each has a bound, which is told;
//! and whatever is asked of time has an answer or a 400.

use reqwest::StatusCode;
use serde_json::{Value as Json, json};

use crate::{
    shop::{Shop, track},
    support::{Reply, TestServer},
};

/// Every question that is about a window, with what else it needs.
const QUESTIONS: &[(&str, &[(&str, &str)])] = &[
    ("/insights/shop/metrics", &[]),
    ("/insights/shop/overview", &[("interval", "month")]),
    ("/insights/shop/pages", &[]),
    ("/insights/shop/country", &[]),
    ("/insights/shop/pages/top", &[]),
    ("/insights/shop/pages/entry_exit", &[]),
    ("/insights/shop/pages/performance", &[]),
    ("/insights/shop/traffic/referrers", &[]),
    ("/insights/shop/traffic/geo", &[]),
    ("/insights/shop/traffic/devices", &[]),
    ("/insights/shop/funnel", &[("steps", "a"), ("steps", "b")]),
    ("/insights/shop/user_flow", &[("startEvent", "a")]),
    (
        "/export/charts",
        &[
            ("series", r#"[{"name":"*"}]"#),
            ("interval", "month"),
            ("previous", "true"),
        ],
    ),
];

/// The lists of raw rows, which are not cut to the time that counts.
const LISTS: &[&str] = &[
    "/insights/shop/events",
    "/insights/shop/sessions",
    "/export/events",
    "/v1/events/count",
];

async fn shop() -> Shop {
    let unlimited = [
        ("RATE_LIMIT_EXPORT", "off"),
        ("RATE_LIMIT_INSIGHTS", "off"),
        ("RATE_LIMIT_TRACK", "off"),
    ];
    Shop::open_on(TestServer::start_with(&unlimited).await, json!({})).await
}

async fn import(shop: &Shop, rows: &[Json]) {
    let path = "/import/events?sessions=true";
    let reply = shop.backend.post(path, Json::from(rows.to_vec())).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    shop.server.settle().await;
}

async fn ask(shop: &Shop, path: &str, parameters: &[(&str, &str)]) -> Reply {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("projectId", "shop")
        .extend_pairs(parameters)
        .finish();
    shop.server.root().get(&format!("{path}?{query}")).await
}

fn with<'a>(
    more: &[(&'a str, &'a str)],
    parameters: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    more.iter().chain(parameters).copied().collect()
}

fn filter(operator: &str, values: &[String]) -> Json {
    json!({"name": "path", "operator": operator, "value": values})
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_have_bounds_in_sum_and_say_so() {
    let shop = shop().await;
    let patterns = |count: usize, bytes: usize| vec![r"\pL{24}".repeat(bytes / 7); count];
    let many = Json::from(vec![filter("is", &["/".to_owned()]); 51]);
    let fifty = Json::from(vec![filter("is", &["/".to_owned()]); 50]);
    let ten = json!([
        filter("regex", &patterns(4, 7)),
        filter("regex", &patterns(6, 7))
    ]);
    let eleven = json!([
        filter("regex", &patterns(4, 7)),
        filter("regex", &patterns(7, 7))
    ]);
    let thousands = json!([filter("regex", &patterns(2_606, 7))]);
    let long = json!([filter("regex", &patterns(5, 840))]);
    let values_of = |place: usize| json!(["filters", place, "value"]);
    let lists = LISTS.iter().take(3).map(|&path| (path, &[][..]));
    let asked = QUESTIONS.iter().copied().chain(lists);
    let has_filters = |path: &&str| {
        let without = ["performance", "funnel", "user_flow", "charts"];
        without.iter().all(|end| !path.ends_with(end))
    };
    let asked = asked.filter(|(path, _)| has_filters(path));
    let profiles = ("/insights/shop/profiles", &[][..]);
    for (path, more) in asked.chain([profiles]) {
        for (filters, at) in [
            (&many, json!(["filters"])),
            (&eleven, values_of(1)),
            (&thousands, values_of(0)),
            (&long, values_of(0)),
        ] {
            let filters = filters.to_string();
            let reply = ask(&shop, path, &with(more, &[("filters", &filters)])).await;
            reply.assert_invalid_query(&[at]);
            let told = reply.body["details"][0]["message"].as_str().unwrap();
            assert!(told.contains("at most"), "{told}");
        }
        for filters in [&fifty, &ten] {
            let filters = filters.to_string();
            let reply = ask(&shop, path, &with(more, &[("filters", &filters)])).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        }
    }
    // With brackets as with JSON.
    let brackets = (0..11).map(|place| (format!("filters[0][value][{place}]"), "a".to_owned()));
    let brackets = brackets.chain([
        ("filters[0][name]".to_owned(), "path".to_owned()),
        ("filters[0][operator]".to_owned(), "regex".to_owned()),
    ]);
    let brackets = brackets.collect::<Vec<_>>();
    let brackets = brackets
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let brackets = brackets.collect::<Vec<_>>();
    let reply = ask(&shop, "/insights/shop/metrics", &brackets).await;
    reply.assert_invalid_query(&[values_of(0)]);
    // The items of a chart share them.
    let item = |filters: &Json| json!({"name": "x", "filters": filters});
    let few = json!([filter("regex", &patterns(6, 7))]);
    let series = json!([item(&few), item(&few)]).to_string();
    let reply = ask(&shop, "/export/charts", &[("series", &series)]).await;
    reply.assert_invalid_query(&[json!(["series", 1, "filters", 0, "value"])]);
    let half = Json::from(vec![filter("is", &["/".to_owned()]); 26]);
    let series = json!([item(&half), item(&half)]).to_string();
    let reply = ask(&shop, "/export/charts", &[("events", &series)]).await;
    reply.assert_invalid_query(&[
        json!(["events", 1, "filters", 24]),
        json!(["events", 1, "filters", 25]),
    ]);
    let series = json!([item(&few), {"name": "y"}]).to_string();
    let reply = ask(&shop, "/export/charts", &[("series", &series)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_texts_have_bounds() {
    let shop = shop().await;
    let names = Json::from(vec!["a"; 1_001]).to_string();
    let fewer = Json::from(vec!["a"; 1_000]).to_string();
    for (path, parameter) in [
        ("/insights/shop/events", "eventNames"),
        ("/export/events", "event"),
        ("/v1/events/count", "name"),
    ] {
        let reply = ask(&shop, path, &[(parameter, &names)]).await;
        reply.assert_invalid_query(&[json!([parameter])]);
        let reply = ask(&shop, path, &[(parameter, &fewer)]).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    }
    for parameter in ["include", "exclude"] {
        let parameters = [("startEvent", "a"), (parameter, names.as_str())];
        let reply = ask(&shop, "/insights/shop/user_flow", &parameters).await;
        reply.assert_invalid_query(&[json!([parameter])]);
    }
    let properties = |count: usize| {
        let all = (0..count).map(|place| (format!("k{place}"), json!("v")));
        Json::Object(all.collect()).to_string()
    };
    let path = "/insights/shop/events";
    let reply = ask(&shop, path, &[("properties", &properties(51))]).await;
    reply.assert_invalid_query(&[json!(["properties"])]);
    let reply = ask(&shop, path, &[("properties", &properties(50))]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_from_the_beginning_of_time_begins_with_the_first_event() {
    let shop = shop().await;
    let row = |at: &str| json!({"name": "x", "created_at": at, "device_id": "d"});
    import(
        &shop,
        &[row("2025-11-03 10:00:00"), row("2026-01-14 10:00:00")],
    )
    .await;
    let months = ["2025-11-01", "2025-12-01", "2026-01-01"];
    let dates = |series: &Json, field: &str| {
        let points = series.as_array().unwrap().iter();
        let dates = points.map(|point| point[field].as_str().unwrap()[..10].to_owned());
        dates.collect::<Vec<_>>()
    };
    for start in [
        "0001-01-01",
        "1193-01-01",
        "1970-01-01T00:00:00Z",
        "2000-01-01",
    ] {
        let window = [("startDate", start), ("endDate", "2026-01-15")];
        let by = |interval| with(&window, &[("interval", interval)]);
        let overview = "/insights/shop/overview";
        let found = ask(&shop, overview, &by("month")).await;
        assert_eq!(dates(&found.body["series"], "date"), months, "{start}");
        assert_eq!(found.body["startDate"], start);
        assert_eq!(found.body["summary"]["total_sessions"], 2);
        let found = ask(&shop, "/insights/shop/metrics", &window).await;
        assert_eq!(dates(&found.body["series"], "date"), months, "{start}");
        let found = ask(&shop, overview, &by("week")).await;
        let weeks = dates(&found.body["series"], "date");
        assert_eq!((weeks.len(), weeks[0].as_str()), (11, "2025-11-03"));
        let found = ask(&shop, overview, &by("day")).await;
        assert_eq!(
            found.body["series"].as_array().unwrap().len(),
            74,
            "{start}"
        );
        // Hours there are too many of.
        let found = ask(&shop, overview, &by("hour")).await;
        found.assert_invalid_query(&[json!(["interval"])]);
        assert!(found.text.contains("10000"), "{}", found.text);

        let items = Json::from(vec![json!({"name": "x"}); 10]).to_string();
        let more = [("series", items.as_str()), ("previous", "true")];
        let found = ask(&shop, "/export/charts", &with(&by("month"), &more)).await;
        let series = found.body["series"].as_array().unwrap();
        assert_eq!(series.len(), 10, "{}", found.text);
        for line in series {
            assert_eq!(dates(&line["data"], "date"), months, "{start}");
            let values = line["data"].as_array().unwrap().iter();
            let values = values.map(|point| point["count"].as_u64().unwrap());
            assert_eq!(values.collect::<Vec<_>>(), [1, 0, 1]);
        }
        let series = [("series", items.as_str())];
        let found = ask(&shop, "/export/charts", &with(&by("minute"), &series)).await;
        found.assert_invalid_query(&[json!(["interval"])]);
    }
    // Any other window has all of its parts.
    let window = [("startDate", "2025-08-01"), ("interval", "month")];
    let found = ask(&shop, "/insights/shop/overview", &window).await;
    assert_eq!(found.body["series"].as_array().unwrap().len(), 6);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_window_is_too_absurd() {
    let shop = shop().await;
    let row = json!({"name": "x", "created_at": "2026-01-14 10:00:00", "device_id": "d"});
    import(&shop, &[row]).await;
    let of_start = json!(["startDate"]);
    let of_end = json!(["endDate"]);
    for zone in ["UTC", "Pacific/Apia", "America/New_York", "Africa/Monrovia"] {
        let body = json!({"timezone": zone});
        let set = shop.server.root().patch("/manage/organization", body).await;
        assert_eq!(set.status, 200, "{}", set.text);
        for (start, end, wrong) in [
            ("0001-01-01", "9999-12-31", None),
            ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", None),
            ("2026-01-01", "9999-12-31", None),
            ("1999-12-31", "2026-01-15", None),
            ("0001-01-01", "1999-12-30", Some(&of_end)),
            ("0001-01-01", "0001-01-01", Some(&of_end)),
            ("9999-12-31", "9999-12-31", Some(&of_start)),
            ("2028-01-01", "2029-01-01", Some(&of_start)),
            ("9999-12-31", "0001-01-01", Some(&of_end)),
            ("0000-01-01", "2026-01-01", Some(&of_start)),
            ("-0001-01-01", "2026-01-01", Some(&of_start)),
            ("+262142-12-31", "2026-01-01", Some(&of_start)),
            ("-262143-01-01", "2026-01-01", Some(&of_start)),
            ("2026-01-01", "262142-12-31", Some(&of_end)),
            ("2026-01-01", "+262143-01-01T00:00:00Z", Some(&of_end)),
            ("2026-01-01", "99999999999999999999", Some(&of_end)),
            ("1e308", "2026-01-01", Some(&of_start)),
            ("2026-01-01T00:00:00+99:99", "2026-01-15", Some(&of_start)),
        ] {
            let window = [("startDate", start), ("endDate", end)];
            for (path, more) in QUESTIONS {
                let reply = ask(&shop, path, &with(&window, more)).await;
                match wrong {
                    None => assert_eq!(reply.status, 200, "{path} {start} {end}: {}", reply.text),
                    Some(at) => reply.assert_invalid_query(std::slice::from_ref(at)),
                }
            }
            for path in LISTS {
                let names = match *path {
                    "/v1/events/count" => ["since", "until"],
                    _ => ["startDate", "endDate"],
                };
                let reply = ask(&shop, path, &[(names[0], start), (names[1], end)]).await;
                let is_sane = [StatusCode::OK, StatusCode::BAD_REQUEST].contains(&reply.status);
                assert!(is_sane, "{path} {start} {end}: {}", reply.text);
                if wrong.is_none() {
                    assert_eq!(reply.status, 200, "{path} {start} {end}: {}", reply.text);
                    let rows = reply.body.as_array().or(reply.body["data"].as_array());
                    let rows = rows.map(Vec::len);
                    // The session has a start and an end of its own.
                    let expected = if path.ends_with("sessions") { 1 } else { 3 };
                    assert!(
                        rows.is_none_or(|rows| rows == expected),
                        "{path} {}",
                        reply.text
                    );
                }
            }
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn formulas_have_bounds_over_all_their_points() {
    let shop = shop().await;
    let rows = (0..500).map(|place| {
        json!({"name": "x", "created_at": "2026-01-14 10:00:00", "device_id": "d",
            "properties": {"label": format!("label {place:03}")}})
    });
    import(&shop, &rows.collect::<Vec<_>>()).await;
    let formula = |terms: usize| vec!["A"; terms].join("+");
    let chart = |text: String| {
        let series = json!([{"name": "x"}, {"type": "formula", "formula": text}]).to_string();
        let shop = &shop;
        async move {
            let parameters = [
                ("series", series.as_str()),
                ("breakdowns", r#"[{"name":"properties.label"}]"#),
                ("startDate", "2025-05-21"),
                ("endDate", "2026-01-15"),
            ];
            ask(shop, "/export/charts", &parameters).await
        }
    };
    // 500 labels, 240 days.
    let found = chart(formula(20)).await;
    assert_eq!(found.status, 200, "{}", found.text);
    let series = found.body["series"].as_array().unwrap();
    assert_eq!(series.len(), 1_000);
    assert_eq!(series[0]["data"].as_array().unwrap().len(), 240);
    assert_eq!(series[0]["event"]["name"], formula(20));
    assert_eq!(series[0]["metrics"]["sum"], 20);
    assert_eq!(series[0]["names"][1], "label 000");
    let refused = chart(formula(500)).await;
    refused.assert_invalid_query(&[json!(["interval"])]);
    assert!(refused.text.contains("5000000 steps"), "{}", refused.text);
    // Other operators take longer, and count as so many steps.
    assert_eq!(chart("A / A * 100".to_owned()).await.status, 200);
    assert_eq!(chart("A % 7".to_owned()).await.status, 400);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_any_length_are_cut() {
    let shop = shop().await;
    let label = format!("{}ü", "x".repeat(1_023));
    for tail in ["a", "b"] {
        let long = format!("{label}{}", tail.repeat(10_000));
        let payload = json!({"name": "x", "properties": {"label": long}});
        assert_eq!(track(&shop.backend, payload).await.status, 200);
    }
    shop.server.settle().await;
    let parameters = [
        ("series", r#"[{"name":"x"}]"#),
        ("breakdowns", r#"[{"name":"properties.label"}]"#),
        ("range", "today"),
        ("interval", "day"),
    ];
    let found = ask(&shop, "/export/charts", &parameters).await;
    let series = found.body["series"].as_array().unwrap();
    assert_eq!(series.len(), 1, "{}", found.text);
    assert_eq!(series[0]["names"], json!(["x", label]));
    assert_eq!(series[0]["metrics"]["sum"], 2);
    assert!(series[0]["id"].as_str().unwrap().len() < 300);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn active_users_go_back_to_the_first_event_that_counts() {
    let shop = shop().await;
    let row = |at: &str, device: &str| json!({"name": "x", "created_at": at, "device_id": device});
    import(
        &shop,
        &[
            row("2000-01-01 00:00:00", "old"),
            row("2026-01-14 10:00:00", "new"),
        ],
    )
    .await;
    let found = ask(&shop, "/insights/shop/active_users", &[("days", "1")]).await;
    let series = found.body["series"].as_array().unwrap();
    // From the first of January 2000 to the fifteenth of January 2026.
    assert_eq!(series.len(), 9_512);
    assert_eq!(series[0], json!({"date": "2000-01-01", "users": 1}));
    assert_eq!(series[9_510], json!({"date": "2026-01-14", "users": 1}));
    assert_eq!(series[9_511], json!({"date": "2026-01-15", "users": 0}));
    shop.server.stop().await;
}
