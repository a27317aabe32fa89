//! Charts, held against a model that counts in plain loops.

use std::collections::{BTreeMap, BTreeSet};

use paneld_domain::Timestamp;
use serde_json::{Value as Json, json};

use super::Shop;

const CHARTS: &str = "/export/charts";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2025-12-01T00:00:00Z, a Monday.
const BEGIN: i64 = 1_764_547_200_000;
const DAYS: i64 = 40;

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(millis).unwrap()
}

/// An event as the model knows it.
struct Row {
    at: i64,
    name: &'static str,
    profile: String,
    device: String,
    session: String,
    country: &'static str,
    plan: Option<&'static str>,
    amount: String,
    revenue: u64,
}

impl Row {
    /// A different one for each number, and the same for the same.
    fn number(number: u64) -> Self {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut pick = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) % below
        };
        let person = pick(12);
        let device = format!("d{person}");
        let profile = if person < 6 {
            format!("u{person}")
        } else {
            device.clone()
        };
        let amounts = ["", "1", "2.5", "-4", "x", "1e2", "0"];
        Self {
            at: BEGIN + i64::try_from(pick(40 * 24 * 3_600_000)).unwrap(),
            name: ["screen_view", "signup", "purchase"][pick(3) as usize],
            session: format!("s{person}-{}", pick(4)),
            country: ["SE", "US", ""][pick(3) as usize],
            plan: [Some("pro"), Some("free"), None][pick(3) as usize],
            amount: amounts[pick(7) as usize].to_owned(),
            revenue: pick(5) * 100,
            profile,
            device,
        }
    }

    fn imported(&self) -> Json {
        let mut properties = json!({"amount": self.amount});
        if let Some(plan) = self.plan {
            properties["plan"] = json!(plan);
        }
        json!({"name": self.name, "created_at": moment(self.at).format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            "device_id": self.device, "profile_id": self.profile, "session_id": self.session,
            "country": self.country, "revenue": self.revenue, "properties": properties})
    }

    fn label(&self, breakdown: &str) -> String {
        match breakdown {
            "country" => self.country.to_owned(),
            "properties.plan" => self.plan.unwrap_or_default().to_owned(),
            "has_profile" => (self.profile != self.device).to_string(),
            "revenue" => self.revenue.to_string(),
            other => panic!("{other}"),
        }
    }

    /// The number in a property; `None` when the property is empty, `Some(None)` when it is none.
    fn number_in(&self, property: &str) -> Option<Option<f64>> {
        match property {
            "revenue" => Some(Some(self.revenue as f64)),
            _ if self.amount.is_empty() => None,
            _ => Some(self.amount.parse().ok()),
        }
    }
}

fn rows() -> Vec<Row> {
    (1..=400).map(Row::number).collect()
}

/// The label of the bucket in which a moment lies, in UTC.
fn bucket(interval: &str, at: i64) -> String {
    let day = at.div_euclid(DAY);
    let text = |millis, format| moment(millis).format(format).to_string();
    match interval {
        "hour" => text(at - at.rem_euclid(HOUR), "%Y-%m-%d %H:%M:%S"),
        "day" => text(day * DAY, "%Y-%m-%d %H:%M:%S"),
        // 1 January 1970 was a Thursday.
        "week" => text((day - (day + 3).rem_euclid(7)) * DAY, "%Y-%m-%d"),
        "month" => text(at, "%Y-%m-01"),
        other => panic!("{other}"),
    }
}

fn all_buckets(interval: &str) -> Vec<String> {
    let hours = (0..DAYS * 24).map(|hour| bucket(interval, BEGIN + hour * HOUR));
    let all: BTreeSet<_> = hours.collect();
    all.into_iter().collect()
}

fn distinct<'a>(rows: &[&'a Row], of: impl Fn(&'a Row) -> &'a str) -> f64 {
    rows.iter()
        .map(|row| of(row))
        .collect::<BTreeSet<_>>()
        .len() as f64
}

/// The value of a bucket with these rows.
fn value(segment: &str, property: &str, rows: &[&Row]) -> f64 {
    let numbers: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.number_in(property).flatten())
        .collect();
    let sum: f64 = numbers.iter().sum();
    let found = match segment {
        "event" | "one_event_per_user" => rows.len() as f64,
        "user" => distinct(rows, |row| &row.profile),
        "session" => distinct(rows, |row| &row.session),
        "user_average" => rows.len() as f64 / distinct(rows, |row| &row.profile),
        "property_sum" => sum,
        "property_average" => sum / numbers.len() as f64,
        "property_min" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        "property_max" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        other => panic!("{other}"),
    };
    if found.is_finite() { found } else { 0.0 }
}

/// By labels: the values of all buckets, and how many people there are.
type Lines = BTreeMap<Vec<String>, (Vec<f64>, f64)>;

fn model(
    rows: &[Row],
    segment: &str,
    property: &str,
    interval: &str,
    breakdowns: &[&str],
) -> Lines {
    let mut counted: Vec<_> = rows.iter().filter(|row| row.name == "purchase").collect();
    if segment.starts_with("property_") {
        counted.retain(|row| row.number_in(property).is_some());
    }
    if segment == "one_event_per_user" {
        let mut latest = BTreeMap::<&str, &Row>::new();
        for row in &counted {
            let best = latest.entry(&row.profile).or_insert(row);
            if row.at > best.at {
                *best = row;
            }
        }
        counted = latest.into_values().collect();
    }
    let mut by_labels = BTreeMap::<Vec<String>, Vec<&Row>>::new();
    for row in counted {
        let labels = breakdowns.iter().map(|breakdown| row.label(breakdown));
        by_labels.entry(labels.collect()).or_default().push(row);
    }
    let lines = by_labels.into_iter().map(|(labels, rows)| {
        let of_bucket = |label: &String| {
            let rows = rows.iter().copied();
            let rows: Vec<_> = rows
                .filter(|row| bucket(interval, row.at) == *label)
                .collect();
            value(segment, property, &rows)
        };
        let values = all_buckets(interval).iter().map(of_bucket).collect();
        (labels, (values, distinct(&rows, |row| &row.profile)))
    });
    lines.collect()
}

async fn shop_with_rows() -> (Shop, Vec<Row>) {
    let shop = Shop::open().await;
    let rows = rows();
    shop.import(&rows.iter().map(Row::imported).collect::<Vec<_>>())
        .await;
    (shop, rows)
}

/// The chart of purchases over all days.
async fn chart(
    shop: &Shop,
    item: &Json,
    interval: &str,
    breakdowns: &[&str],
    more: &[(&str, &str)],
) -> Json {
    let series = Json::from(vec![item.clone()]).to_string();
    let named = breakdowns.iter().map(|name| json!({"name": name}));
    let breakdowns = Json::from(named.collect::<Vec<_>>()).to_string();
    let mut parameters = vec![
        ("startDate", "2025-12-01"),
        ("endDate", "2026-01-09"),
        ("series", series.as_str()),
        ("interval", interval),
        ("breakdowns", breakdowns.as_str()),
    ];
    parameters.extend(more);
    shop.answer(CHARTS, &parameters).await
}

fn lines_of(chart: &Json, interval: &str) -> Lines {
    let series = chart["series"].as_array().unwrap().iter();
    let lines = series.map(|series| {
        let labels = series["names"].as_array().unwrap().iter().skip(1);
        let labels = labels.map(|label| label.as_str().unwrap().replace("(not set)", ""));
        let points = series["data"].as_array().unwrap();
        let dates = points.iter().map(|point| point["date"].as_str().unwrap());
        assert_eq!(dates.collect::<Vec<_>>(), all_buckets(interval));
        let values = points.iter().map(|point| point["count"].as_f64().unwrap());
        let people = series["metrics"]["count"].as_f64().unwrap_or(0.0);
        (labels.collect(), (values.collect(), people))
    });
    lines.collect()
}

fn assert_alike(found: &Lines, expected: &Lines, what: &str) {
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{what}"
    );
    for (labels, (values, people)) in expected {
        let (found, found_people) = &found[labels];
        let same = |(one, other): (&f64, &f64)| (one - other).abs() < 1e-9;
        assert!(
            found.len() == values.len() && found.iter().zip(values).all(same),
            "{what} {labels:?}: {found:?}, not {values:?}"
        );
        let people = if what.starts_with("one_event_per_user") {
            0.0
        } else {
            *people
        };
        assert_eq!(*found_people, people, "{what} {labels:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_agree_with_a_model() {
    let (shop, rows) = shop_with_rows().await;
    let segments = [
        ("event", ""),
        ("user", ""),
        ("session", ""),
        ("user_average", ""),
        ("one_event_per_user", ""),
        ("property_sum", "revenue"),
        ("property_sum", "properties.amount"),
        ("property_average", "properties.amount"),
        ("property_min", "properties.amount"),
        ("property_max", "properties.amount"),
    ];
    let breakdowns: [&[&str]; 4] = [
        &[],
        &["country"],
        &["properties.plan", "has_profile"],
        &["revenue", "country", "has_profile"],
    ];
    for (segment, property) in segments {
        let mut item = json!({"name": "purchase", "segment": segment});
        if !property.is_empty() {
            item["property"] = json!(property);
        }
        for interval in ["hour", "day", "week", "month"] {
            for breakdowns in breakdowns {
                let what = format!("{segment} of {property:?} by {interval} and {breakdowns:?}");
                let chart = chart(&shop, &item, interval, breakdowns, &[]).await;
                let expected = model(&rows, segment, property, interval, breakdowns);
                assert_alike(&lines_of(&chart, interval), &expected, &what);
            }
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn series_are_described_and_in_order() {
    let (shop, rows) = shop_with_rows().await;
    let item = json!({"name": "purchase"});
    let chart = chart(&shop, &item, "month", &["country"], &[]).await;
    let series = chart["series"].as_array().unwrap();
    let mut ids: Vec<_> = series
        .iter()
        .map(|series| series["id"].to_string())
        .collect();
    let sums: Vec<_> = series
        .iter()
        .map(|s| s["metrics"]["sum"].as_u64().unwrap())
        .collect();
    assert!(sums.is_sorted_by(|one, next| one >= next), "{sums:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let sweden = series
        .iter()
        .find(|series| series["names"][1] == "SE")
        .unwrap();
    assert_eq!(sweden["id"], "purchase-a-purchase-se");
    let event = json!({"id": "A", "name": "purchase", "breakdowns": {"country": "SE"}});
    assert_eq!(sweden["event"], event);
    let unknown = series
        .iter()
        .find(|series| series["names"][1] == "(not set)")
        .unwrap();
    assert_eq!(unknown["event"]["breakdowns"], json!({"country": null}));
    let all = rows.iter().filter(|row| row.name == "purchase").count();
    assert_eq!(chart["metrics"]["sum"], json!(all));
    assert_eq!(chart["metrics"].get("previous"), None);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_agree_with_the_list_of_events() {
    let (shop, _rows) = shop_with_rows().await;
    for name in ["screen_view", "signup", "purchase", "*", "never"] {
        for (start, end) in [
            ("2025-12-01", "2026-01-09"),
            ("2025-12-10", "2025-12-10"),
            ("2025-12-10 10:00:00", "2025-12-20T07:30:00.500Z"),
        ] {
            let series = json!([{"name": name}]).to_string();
            let window = [("startDate", start), ("endDate", end)];
            let mut parameters = window.to_vec();
            parameters.push(("series", &series));
            let chart = shop.answer(CHARTS, &parameters).await;
            let mut parameters = window.to_vec();
            if name != "*" {
                parameters.push(("event", name));
            }
            let list = shop.answer("/export/events", &parameters).await;
            let total = &list["meta"]["totalCount"];
            assert_eq!(chart["metrics"]["sum"], *total, "{name} {start}");
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_period_before_is_compared_by_place() {
    let (shop, rows) = shop_with_rows().await;
    let series = json!([{"name": "signup"}]).to_string();
    let parameters = [
        ("startDate", "2025-12-15"),
        ("endDate", "2025-12-21"),
        ("series", &series),
        ("previous", "true"),
    ];
    let chart = shop.answer(CHARTS, &parameters).await;
    let on_day = |day: i64| {
        let signups = rows.iter().filter(|row| row.name == "signup");
        signups
            .filter(|row| (row.at - BEGIN).div_euclid(DAY) == day)
            .count()
    };
    let points = chart["series"][0]["data"].as_array().unwrap();
    assert_eq!(points.len(), 7);
    for (place, point) in points.iter().enumerate() {
        let day = 14 + i64::try_from(place).unwrap();
        assert_eq!(point["count"], json!(on_day(day)));
        assert_eq!(point["previous"]["value"], json!(on_day(day - 7)));
    }
    let sum = |days: std::ops::Range<i64>| days.map(on_day).sum::<usize>();
    for metrics in [&chart["series"][0]["metrics"], &chart["metrics"]] {
        assert_eq!(metrics["sum"], json!(sum(14..21)));
        assert_eq!(metrics["previous"]["sum"]["value"], json!(sum(7..14)));
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn formulas_and_brackets_are_understood() {
    let (shop, rows) = shop_with_rows().await;
    let parameters = [
        ("startDate", "2025-12-01"),
        ("endDate", "2026-01-09"),
        ("interval", "month"),
        ("series[0][name]", "purchase"),
        ("series[0][filters][0][name]", "country"),
        ("series[0][filters][0][operator]", "is"),
        ("series[0][filters][0][value][]", "SE"),
        ("series[1][name]", "purchase"),
        ("series[2][type]", "formula"),
        ("series[2][formula]", "A / B * 100"),
        ("series[2][displayName]", "share"),
        ("series[2][hideSeries][]", "A"),
    ];
    let chart = shop.answer(CHARTS, &parameters).await;
    let series = chart["series"].as_array().unwrap();
    let named = |name: &str| {
        series
            .iter()
            .find(|series| series["names"][0] == name)
            .unwrap()
    };
    assert_eq!(series.len(), 2);
    let share = named("share");
    assert_eq!(share["event"], json!({"id": "C", "name": "share"}));
    for (place, label) in all_buckets("month").iter().enumerate() {
        let in_month = |country: Option<&str>| {
            let rows = rows.iter().filter(|row| row.name == "purchase");
            let rows = rows.filter(|row| bucket("month", row.at) == *label);
            rows.filter(|row| country.is_none_or(|country| row.country == country))
                .count() as f64
        };
        let expected = in_month(Some("SE")) / in_month(None) * 100.0;
        let found = share["data"][place]["count"].as_f64().unwrap();
        assert_eq!(found, (expected * 100.0).round() / 100.0, "{label}");
        let all = &named("(B) purchase")["data"][place]["count"];
        assert_eq!(all.as_f64().unwrap(), in_month(None));
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_split_an_event_and_stars_gather_values() {
    let shop = Shop::open().await;
    let event = |groups: Json, properties: Json| {
        json!({"name": "x", "created_at": "2026-01-10 10:00:00", "device_id": "d",
            "profile_id": "d", "groups": groups, "properties": properties})
    };
    shop.import(&[
        event(
            json!(["acme", "beta"]),
            json!({"tags.0": "a", "tags.1": "b", "tag": "c"}),
        ),
        event(json!(["acme"]), json!({"tags.0": "a"})),
        event(json!([]), json!({})),
    ])
    .await;
    let labels = |chart: &Json| {
        let series = chart["series"].as_array().unwrap().iter();
        let labels = series.map(|series| {
            let label = series["names"][1].as_str().unwrap().to_owned();
            (label, series["metrics"]["sum"].as_u64().unwrap())
        });
        labels.collect::<BTreeMap<_, _>>()
    };
    let counts = |counts: &[(&str, u64)]| {
        let counts = counts
            .iter()
            .map(|&(label, count)| (label.to_owned(), count));
        counts.collect::<BTreeMap<_, _>>()
    };
    let range = [("startDate", "2026-01-01"), ("endDate", "2026-01-15")];
    let ask = async |item: Json, breakdown: &str| {
        let series = Json::from(vec![item]).to_string();
        let breakdowns = json!([{"name": breakdown}]).to_string();
        let mut parameters = range.to_vec();
        parameters.extend([("series", series.as_str()), ("breakdowns", &breakdowns)]);
        shop.answer(CHARTS, &parameters).await
    };
    let chart = ask(json!({"name": "x"}), "group.id").await;
    assert_eq!(labels(&chart), counts(&[("acme", 2), ("beta", 1)]));
    let chart = ask(json!({"name": "x"}), "properties.tags.*").await;
    assert_eq!(
        labels(&chart),
        counts(&[("(not set)", 1), ("a", 1), ("a,b", 1)])
    );
    let chart = ask(json!({"name": "x", "segment": "group"}), "country").await;
    assert_eq!(labels(&chart), counts(&[("(not set)", 2)]));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_series_the_greatest_are_shown() {
    let shop = Shop::open().await;
    let mut events = Vec::new();
    for number in 0..510 {
        let count = if number < 20 { 1 } else { 2 };
        for _ in 0..count {
            events.push(json!({"name": "x", "created_at": "2026-01-10 10:00:00",
                "device_id": "d", "profile_id": "d", "path": format!("/{number:03}")}));
        }
    }
    shop.import(&events).await;
    let item = json!({"name": "x"});
    let found = chart(&shop, &item, "month", &["path"], &[]).await;
    assert_eq!(found["series"], json!([]));
    let parameters = [
        ("startDate", "2026-01-10"),
        ("endDate", "2026-01-10"),
        ("series", r#"[{"name":"x"}]"#),
        ("breakdowns", r#"[{"name":"path"}]"#),
    ];
    let found = shop.answer(CHARTS, &parameters).await;
    let series = found["series"].as_array().unwrap();
    assert_eq!(series.len(), 500);
    assert_eq!(series[0]["names"], json!(["x", "/020"]));
    assert_eq!(series[499]["names"], json!(["x", "/009"]));
    // So many series have too many points by the minute.
    let mut parameters = parameters.to_vec();
    parameters.push(("interval", "minute"));
    let refusal = shop
        .refuses(CHARTS, &parameters, &[json!(["interval"])])
        .await;
    assert!(refusal.text.contains("250000"), "{}", refusal.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let shop = Shop::open().await;
    let eleven = Json::from(vec![json!({"name": "x"}); 11]).to_string();
    let five = json!([{"name": "os"}, {"name": "city"}, {"name": "path"}, {"name": "device"},
        {"name": "country"}])
    .to_string();
    for (parameter, value, path) in [
        ("series", "nonsense", json!(["series"])),
        ("series", r#"{"name":"x"}"#, json!(["series"])),
        ("series", "[5]", json!(["series", 0])),
        ("series", "[{}]", json!(["series", 0, "name"])),
        ("events", "[{}]", json!(["events", 0, "name"])),
        (
            "series",
            r#"[{"name":"x","segment":"y"}]"#,
            json!(["series", 0, "segment"]),
        ),
        (
            "series",
            r#"[{"name":"x","filters":[{"name":"y","operator":"is","value":["z"]}]}]"#,
            json!(["series", 0, "filters", 0, "name"]),
        ),
        (
            "series",
            r#"[{"name":"x","filters":[{"name":"os","operator":"is","value":[]}]}]"#,
            json!(["series", 0, "filters", 0, "value"]),
        ),
        (
            "series",
            r#"[{"name":"x","segment":"property_sum","property":"y"}]"#,
            json!(["series", 0, "property"]),
        ),
        (
            "series",
            r#"[{"type":"formula","formula":"A"}]"#,
            json!(["series", 0, "formula"]),
        ),
        ("series", eleven.as_str(), json!(["series"])),
        ("breakdowns", r#"["os"]"#, json!(["breakdowns", 0])),
        (
            "breakdowns",
            r#"[{"name":"plan"}]"#,
            json!(["breakdowns", 0, "name"]),
        ),
        (
            "breakdowns",
            r#"[{"name":"cohort:1"}]"#,
            json!(["breakdowns", 0, "name"]),
        ),
        ("breakdowns", five.as_str(), json!(["breakdowns"])),
        ("interval", "year", json!(["interval"])),
        ("range", "90d", json!(["range"])),
        ("previous", "1", json!(["previous"])),
        ("startDate", "yesterday", json!(["startDate"])),
        ("startDate", "2027-01-01", json!(["startDate"])),
        ("endDate", "2020-01-01", json!(["endDate"])),
    ] {
        shop.refuses(CHARTS, &[(parameter, value)], &[path]).await;
    }
    let minutes = [("range", "12m"), ("interval", "minute")];
    let refusal = shop.refuses(CHARTS, &minutes, &[json!(["interval"])]).await;
    assert!(refusal.text.contains("10000"), "{}", refusal.text);
    let refusal = shop
        .refuses(CHARTS, &[("series", &eleven)], &[json!(["series"])])
        .await;
    assert!(refusal.text.contains("10 items"), "{}", refusal.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_an_empty_chart() {
    let shop = Shop::open().await;
    let empty = json!({"series": [], "metrics": {"sum": 0, "average": 0, "min": 0, "max": 0}});
    assert_eq!(shop.answer(CHARTS, &[]).await, empty);
    let series = r#"[{"name":"never"}]"#;
    let previous = [("series", series), ("previous", "true")];
    assert_eq!(shop.answer(CHARTS, &previous).await, empty);
    shop.server.stop().await;
}
