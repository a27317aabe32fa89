//! `/funnel`: `docs/contract/insights.md` §7.12.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{
    facts::{Event, Facts},
    percent, ratio, round,
    time::Window,
};

pub(crate) struct Funnel<'a> {
    pub(crate) steps: &'a [String],
    pub(crate) hours: i64,
    pub(crate) by_profile: bool,
}

pub(crate) fn funnel(facts: &Facts, window: Window, asked: &Funnel<'_>) -> Json {
    let mut units = BTreeMap::<&str, Vec<&Event>>::new();
    for event in facts.by_time() {
        let unit = if asked.by_profile {
            &event.profile_id
        } else {
            &event.session_id
        };
        if window.has(event.created_at) && !unit.is_empty() {
            units.entry(unit).or_default().push(event);
        }
    }
    let reached = units.values().map(|events| level(events, asked));
    let reached = reached.collect::<Vec<_>>();
    let users = (1..=asked.steps.len())
        .map(|step| reached.iter().filter(|level| **level >= step).count())
        .collect::<Vec<_>>();
    told(asked.steps, &users)
}

/// How many steps a unit reaches in its best attempt.
fn level(events: &[&Event], asked: &Funnel<'_>) -> usize {
    let firsts = events.iter().filter(|event| event.name == asked.steps[0]);
    let attempts = firsts.map(|first| {
        let latest = first.created_at + asked.hours * 3_600_000;
        let mut at = first.created_at;
        let mut level = 1;
        for step in &asked.steps[1..] {
            let mut later = events.iter();
            let next = later.find(|event| {
                event.name == *step && event.created_at > at && event.created_at <= latest
            });
            let Some(next) = next else { break };
            at = next.created_at;
            level += 1;
        }
        level
    });
    attempts.max().unwrap_or(0)
}

fn told(names: &[String], users: &[usize]) -> Json {
    let (first, last) = (users[0], *users.last().unwrap());
    let losses = users.windows(2).map(|pair| pair[0] - pair[1]);
    let losses = losses.collect::<Vec<_>>();
    let largest = losses.iter().max().copied().unwrap_or(0);
    let worst = losses.iter().position(|&loss| loss == largest && loss > 0);
    let steps = names.iter().enumerate().map(|(place, name)| {
        let lost = losses.get(place);
        let dropoff = lost.map(|&lost| {
            let share = ratio(lost as f64, users[place] as f64);
            round(100.0 * share, 2)
        });
        json!({
            "step": place + 1,
            "eventName": name,
            "users": users[place],
            "conversionRateFromStart": percent(users[place], first),
            "dropoffPercent": dropoff,
            "isHighestDropoff": worst == Some(place),
        })
    });
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "totalUsers": first,
        "completedUsers": last,
        "overallConversionRate": percent(last, first),
    })
}
