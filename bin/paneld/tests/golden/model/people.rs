//! `/active_users`, `/retention`, `/retention/cohort` and `/engagement`:
//! `docs/contract/insights.md` §7.8 to §7.11. Days and weeks are those of the zone; weeks begin on
//! Monday.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde_json::{Value as Json, json};

use super::{
    facts::{Event, Facts},
    ratio, round,
    time::monday,
};

const WEEKS: usize = 12;

pub(crate) fn active_users(facts: &Facts, days: u64) -> Json {
    let mut by_day = BTreeMap::<NaiveDate, BTreeSet<&str>>::new();
    for event in facts
        .events
        .iter()
        .filter(|event| !event.profile_id.is_empty())
    {
        let day = facts.clock.day(event.created_at);
        by_day.entry(day).or_default().insert(&event.profile_id);
    }
    let today = facts.clock.day(facts.now);
    let first = by_day.keys().next().copied().unwrap_or(today);
    let series = first
        .iter_days()
        .take_while(|day| *day <= today)
        .map(|day| {
            let active = by_day.range(day - Days::new(days - 1)..=day);
            let users = active.flat_map(|(_, users)| users).collect::<BTreeSet<_>>();
            json!({"date": day.to_string(), "users": users.len()})
        });
    let label = match days {
        1 => "DAU".to_owned(),
        7 => "WAU".to_owned(),
        30 => "MAU".to_owned(),
        days => format!("{days}d active"),
    };
    json!({"window_days": days, "label": label, "series": series.collect::<Vec<_>>()})
}

/// The weeks in which each identified profile was active.
fn weeks(facts: &Facts, counts: impl Fn(&Event) -> bool) -> BTreeMap<&str, BTreeSet<NaiveDate>> {
    let mut weeks = BTreeMap::<&str, BTreeSet<_>>::new();
    let events = facts.events.iter();
    for event in events.filter(|event| event.is_identified() && counts(event)) {
        let week = monday(facts.clock.day(event.created_at));
        weeks.entry(&event.profile_id).or_default().insert(week);
    }
    weeks
}

pub(crate) fn retention(facts: &Facts) -> Json {
    let profiles = weeks(facts, |_| true);
    let all = profiles.values().flatten().collect::<BTreeSet<_>>();
    let rows = all.into_iter().map(|week| {
        let next = *week + Days::new(7);
        let active = profiles.values().filter(|weeks| weeks.contains(week));
        let retained = active.clone().filter(|weeks| weeks.contains(&next)).count();
        let active = active.count();
        json!({
            "date": week.to_string(), "active_users": active, "retained_users": retained,
            "retention": 100.0 * ratio(retained as f64, active as f64),
        })
    });
    rows.collect()
}

pub(crate) fn cohorts(facts: &Facts) -> Json {
    let since = facts.clock.day(facts.now) - Days::new(12 * 7);
    let since = facts.clock.day_start(since);
    let profiles = weeks(facts, |event| {
        event.created_at >= since && event.created_at <= facts.now
    });
    let mut cohorts = BTreeMap::<NaiveDate, Vec<&BTreeSet<NaiveDate>>>::new();
    for weeks in profiles.values() {
        let first = *weeks.first().unwrap();
        cohorts.entry(first).or_default().push(weeks);
    }
    if cohorts.is_empty() {
        return json!([]);
    }
    let values = |week: NaiveDate, members: &[&BTreeSet<NaiveDate>]| {
        (0..=WEEKS)
            .map(|later| {
                let from = week + Days::new(7 * later as u64);
                let returned = members
                    .iter()
                    .filter(|weeks| *weeks.last().unwrap() >= from);
                returned.count()
            })
            .collect::<Vec<_>>()
    };
    let rows = cohorts
        .iter()
        .map(|(week, members)| (*week, members.len(), values(*week, members)))
        .collect::<Vec<_>>();
    let this_week = monday(facts.clock.day(facts.now));
    let sizes = rows.iter().map(|(_, sum, _)| *sum as f64);
    let sum = round(sizes.sum::<f64>() / rows.len() as f64, 0);
    let rates = (0..=WEEKS).map(|later| {
        let is_old_enough = |week: NaiveDate| week + Days::new(7 * later as u64) <= this_week;
        let pooled = rows.iter().filter(|(week, _, _)| is_old_enough(*week));
        let (members, returned) = pooled.fold((0, 0), |(members, returned), (_, sum, values)| {
            (members + sum, returned + values[later])
        });
        ratio(returned as f64, members as f64)
    });
    let rates = rates.collect::<Vec<_>>();
    let average = json!({
        "cohort_interval": "Weighted Average",
        "sum": sum,
        "values": rates.iter().map(|rate| round(rate * sum, 0)).collect::<Vec<_>>(),
        "percentages": rates.iter().map(|rate| round(*rate, 2)).collect::<Vec<_>>(),
    });
    let rows = rows.iter().map(|(week, sum, values)| {
        let shares = values
            .iter()
            .map(|value| round(ratio(*value as f64, *sum as f64), 2));
        json!({
            "cohort_interval": week.to_string(), "sum": sum, "values": values,
            "percentages": shares.collect::<Vec<_>>(),
        })
    });
    std::iter::once(average).chain(rows).collect()
}

pub(crate) fn engagement(facts: &Facts) -> Json {
    let mut last = BTreeMap::<&str, i64>::new();
    for event in facts.events.iter().filter(|event| event.is_identified()) {
        let at = last.entry(&event.profile_id).or_insert(event.created_at);
        *at = event.created_at.max(*at);
    }
    let today = facts.clock.day(facts.now);
    let mut distribution = BTreeMap::<i64, usize>::new();
    for at in last.values() {
        let days = (today - facts.clock.day(*at)).num_days();
        *distribution.entry(days).or_default() += 1;
    }
    let within = |first: i64, last: i64| {
        distribution
            .range(first..=last)
            .map(|(_, users)| users)
            .sum::<usize>()
    };
    let rows = distribution
        .iter()
        .map(|(days, users)| json!({"days": days, "users": users}));
    json!({
        "summary": {
            "total_identified_users": last.len(),
            "active_last_7_days": within(i64::MIN, 7),
            "active_8_to_14_days": within(8, 14),
            "active_15_to_30_days": within(15, 30),
            "inactive_31_to_60_days": within(31, 60),
            "churned_60_plus_days": within(61, i64::MAX),
        },
        "distribution": rows.collect::<Vec<_>>(),
    })
}
