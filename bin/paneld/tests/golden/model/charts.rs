//! `/export/charts`: `docs/contract/export.md` §5 to §7.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::NaiveDateTime;
use serde_json::{Map, Value as Json, json};

use super::{
    facts::{Event, Facts},
    filter::{Filter, Row, number, texts},
    metrics::matching,
    round,
    time::{Window, for_charts},
};

/// A series item of a request.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) segment: &'static str,
    pub(crate) property: Option<String>,
    pub(crate) filters: Vec<Filter>,
}

#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) items: Vec<Item>,
    pub(crate) breakdowns: Vec<String>,
    pub(crate) interval: &'static str,
    /// The same time before, if it is to be compared.
    pub(crate) previous: Option<Window>,
}

/// The labels of a series, in the order of the breakdowns; empty where there is none.
type Labels = Vec<String>;

/// The values of a series, and how many people there are in it.
struct Series {
    values: Vec<f64>,
    people: Option<usize>,
}

/// What counts for a series: the event, and what it has of the property.
struct Counted<'a> {
    event: Cow<'a, Event>,
    /// The number that the property spells.
    number: Option<f64>,
}

pub(crate) fn chart(facts: &Facts, window: Window, asked: &Chart) -> Json {
    let buckets = facts.clock.buckets(window, asked.interval);
    let mut all = Vec::new();
    let mut everything = Vec::new();
    let mut everything_before = Vec::new();
    for (place, item) in asked.items.iter().enumerate() {
        let now = series(facts, window, asked, item);
        let before = asked
            .previous
            .map(|window| series(facts, window, asked, item));
        for (labels, series) in now {
            everything.extend_from_slice(&series.values);
            let mut told = head(asked, place, &labels);
            let mut metrics = metrics(&series);
            let before = before.as_ref().and_then(|before| before.get(&labels));
            if let Some(before) = before {
                everything_before.extend_from_slice(&before.values);
                metrics["previous"] = compared(&metrics, &self::metrics(before));
            }
            let data = buckets.iter().enumerate().map(|(place, bucket)| {
                let value = series.values[place];
                let mut point = json!({
                    "date": for_charts(*bucket, asked.interval), "count": value,
                });
                if let Some(before) = before {
                    let before = before.values.get(place).copied().unwrap_or(0.0);
                    point["previous"] = comparison(value, before);
                }
                point
            });
            told["data"] = data.collect();
            told["metrics"] = metrics;
            all.push(told);
        }
    }
    // Sums are numbers with two decimals: hundredths can be compared as whole numbers.
    let by_sum = |told: &Json| (told["metrics"]["sum"].as_f64().unwrap() * 100.0).round() as i64;
    all.sort_by_key(|told| Reverse(by_sum(told)));
    let mut top = summary(&everything);
    if !everything_before.is_empty() {
        top["previous"] = compared(&top, &summary(&everything_before));
    }
    json!({"series": all, "metrics": top})
}

/// What a series is called.
fn head(asked: &Chart, place: usize, labels: &Labels) -> Json {
    let letter = char::from(b'A' + u8::try_from(place).unwrap()).to_string();
    let name = &asked.items[place].name;
    let first = if asked.items.len() > 1 {
        format!("({letter}) {name}")
    } else {
        name.clone()
    };
    let shown = labels.iter().map(|label| {
        if label.is_empty() {
            "(not set)".to_owned()
        } else {
            label.clone()
        }
    });
    let mut event = json!({"id": letter, "name": name});
    if !labels.is_empty() {
        let pairs = asked.breakdowns.iter().zip(labels);
        let pairs = pairs.map(|(name, label)| {
            let label = Some(label).filter(|label| !label.is_empty());
            (name.clone(), json!(label))
        });
        event["breakdowns"] = pairs.collect::<Map<_, _>>().into();
    }
    let names = std::iter::once(first).chain(shown);
    json!({"names": names.collect::<Vec<_>>(), "event": event})
}

fn series(facts: &Facts, window: Window, asked: &Chart, item: &Item) -> BTreeMap<Labels, Series> {
    let buckets = facts.clock.buckets(window, asked.interval);
    let mut groups = BTreeMap::<Labels, Vec<Counted<'_>>>::new();
    let mut events = matching(facts, window, &item.filters).collect::<Vec<_>>();
    events.retain(|event| item.name == "*" || event.name == item.name);
    if item.segment == "one_event_per_user" {
        events = latest_of_each(&events);
    }
    for event in events {
        let number = match property(facts, window, item, event) {
            Some(text) if text.is_empty() => continue,
            Some(text) => number(&text),
            None => None,
        };
        for event in fanned_out(event, asked, item) {
            let labels = labels(facts, window, &asked.breakdowns, &event);
            let counted = Counted { event, number };
            groups.entry(labels).or_default().push(counted);
        }
    }
    let built = groups.into_iter().map(|(labels, counted)| {
        let values = values(facts, &buckets, asked.interval, item, &counted);
        let people = counted
            .iter()
            .map(|counted| counted.event.profile_id.as_str());
        let people = people.filter(|id| !id.is_empty()).collect::<BTreeSet<_>>();
        let people =
            Some(people.len()).filter(|&people| people > 0 && item.segment != "one_event_per_user");
        (labels, Series { values, people })
    });
    built.collect()
}

/// The latest event of everybody.
fn latest_of_each<'a>(events: &[&'a Event]) -> Vec<&'a Event> {
    let mut latest = BTreeMap::<&str, &Event>::new();
    for event in events.iter().filter(|event| !event.profile_id.is_empty()) {
        let known = latest.entry(&event.profile_id).or_insert(event);
        let rank = |event: &Event| (event.created_at, Reverse(event.id.clone()));
        if rank(event) > rank(known) {
            *known = event;
        }
    }
    latest.into_values().collect()
}

/// What an event has of the property, if the segment is about one.
fn property(facts: &Facts, window: Window, item: &Item, event: &Event) -> Option<String> {
    if !item.segment.starts_with("property_") {
        return None;
    }
    let name = item.property.as_ref()?;
    texts(facts, window, name, Row::Event(event)).pop()
}

/// Where groups matter, an event counts once for each of its groups, and not at all without any.
fn fanned_out<'a>(event: &'a Event, asked: &Chart, item: &Item) -> Vec<Cow<'a, Event>> {
    let is_by_group = asked
        .breakdowns
        .iter()
        .any(|name| name.starts_with("group."));
    if !is_by_group && item.segment != "group" {
        return vec![Cow::Borrowed(event)];
    }
    let groups = event.groups.iter().collect::<BTreeSet<_>>();
    let of_group = groups.into_iter().map(|group| {
        Cow::Owned(Event {
            groups: vec![group.clone()],
            ..event.clone()
        })
    });
    of_group.collect()
}

fn labels(facts: &Facts, window: Window, breakdowns: &[String], event: &Event) -> Labels {
    let labels = breakdowns
        .iter()
        .map(|name| texts(facts, window, name, Row::Event(event)).join(","));
    labels.collect()
}

fn values(
    facts: &Facts,
    buckets: &[NaiveDateTime],
    interval: &str,
    item: &Item,
    counted: &[Counted<'_>],
) -> Vec<f64> {
    let mut by_bucket = vec![Vec::new(); buckets.len()];
    let place = |event: &Event| {
        let bucket = facts.clock.bucket(event.created_at, interval);
        buckets.binary_search(&bucket).unwrap()
    };
    for counted in counted {
        by_bucket[place(&counted.event)].push(counted);
    }
    let values = by_bucket.iter().map(|counted| value(item, counted));
    values.collect()
}

fn value(item: &Item, counted: &[&Counted<'_>]) -> f64 {
    let distinct = |of: fn(&Event) -> &String| {
        let texts = counted.iter().map(|counted| of(&counted.event));
        texts
            .filter(|text| !text.is_empty())
            .collect::<BTreeSet<_>>()
            .len() as f64
    };
    let people = distinct(|event| &event.profile_id);
    let numbers = counted.iter().filter_map(|counted| counted.number);
    let numbers = numbers.collect::<Vec<_>>();
    let sum = numbers.iter().sum::<f64>();
    let ends = |better: fn(f64, f64) -> f64| numbers.iter().copied().reduce(better).unwrap_or(0.0);
    match item.segment {
        _ if item.segment.starts_with("property_") && item.property.is_none() => {
            counted.len() as f64
        }
        "event" | "one_event_per_user" => counted.len() as f64,
        "user" => people,
        "session" => distinct(|event| &event.session_id),
        "group" => {
            let groups = counted.iter().flat_map(|counted| &counted.event.groups);
            groups.collect::<BTreeSet<_>>().len() as f64
        }
        "user_average" => super::ratio(counted.len() as f64, people),
        "property_sum" => sum,
        "property_average" => super::ratio(sum, numbers.len() as f64),
        "property_min" => ends(f64::min),
        "property_max" => ends(f64::max),
        other => panic!("there is no segment {other}"),
    }
}

fn metrics(series: &Series) -> Json {
    let mut metrics = summary(&series.values);
    if let Some(people) = series.people {
        metrics["count"] = json!(people);
    }
    metrics
}

fn summary(values: &[f64]) -> Json {
    let some = values.iter().filter(|value| **value != 0.0);
    let some = some.copied().collect::<Vec<_>>();
    let sum = values.iter().sum::<f64>();
    let end = |better: fn(f64, f64) -> f64| values.iter().copied().reduce(better).unwrap_or(0.0);
    json!({
        "sum": round(sum, 2),
        "average": round(super::ratio(some.iter().sum(), some.len() as f64), 2),
        "min": end(f64::min),
        "max": end(f64::max),
    })
}

/// Each number of the one beside that of the other.
fn compared(now: &Json, before: &Json) -> Json {
    let keys = ["sum", "average", "min", "max", "count"].into_iter();
    let both = keys.filter_map(|key| {
        let [now, before] = [now, before].map(|metrics| metrics.get(key)?.as_f64());
        now.or(before)?;
        let compared = comparison(now.unwrap_or(0.0), before.unwrap_or(0.0));
        Some((key.to_owned(), compared))
    });
    both.collect::<Map<_, _>>().into()
}

fn comparison(now: f64, before: f64) -> Json {
    let (larger, smaller) = (now.max(before), now.min(before));
    let state = if now > before {
        "positive"
    } else if now < before {
        "negative"
    } else {
        "neutral"
    };
    let has_diff = larger != smaller && smaller != 0.0;
    json!({
        "value": before,
        "state": state,
        "diff": has_diff.then(|| round((larger / smaller - 1.0) * 100.0, 1)),
        "change": (before != 0.0).then(|| round((now - before) / before * 100.0, 2)),
    })
}
