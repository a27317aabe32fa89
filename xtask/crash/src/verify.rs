//! Reading everything back.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use chrono::DateTime;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Proof,
    callers::MARK,
    ledger::{Ledger, Sum, Version},
    server::{PROJECT, Server},
};

/// How many events a page has.
const PAGE: usize = 1_000;
/// How long it may take until everything is visible.
const SETTLE_TIME: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How many findings are told.
const TOLD: usize = 20;

/// An event as it was exported.
struct Row {
    id: Uuid,
    name: String,
    device: String,
    session: String,
    /// In milliseconds since 1970.
    at: i64,
    duration: i64,
    is_bounce: Option<bool>,
}

/// Demands that all is there.
pub(crate) async fn verify(server: &Server, ledger: &Ledger) -> Result<Proof> {
    settle(server).await?;
    let rows = export(server).await?;
    let mut findings = Vec::new();
    demand_events(&rows, ledger, &mut findings);
    let sessions = demand_sessions(&rows, &mut findings);
    for (profile, sum) in &ledger.sums {
        findings.extend(wrong_sum(server, profile, *sum).await?);
    }
    for (profile, version) in &ledger.versions {
        findings.extend(wrong_version(server, profile, *version).await?);
    }
    findings.extend(server.complaints());
    if !findings.is_empty() {
        let count = findings.len();
        findings.truncate(TOLD);
        bail!("{count} findings:\n  {}", findings.join("\n  "));
    }
    Ok(Proof {
        kills: 0,
        acknowledged: ledger.acknowledged(),
        unanswered: ledger.unanswered(),
        repeated: ledger.repeated,
        events: rows.len() as u64,
        sessions,
    })
}

/// Waits until what was sent last is visible, and so everything.
async fn settle(server: &Server) -> Result<()> {
    let wait = async {
        let events = format!("/export/events?projectId={PROJECT}&event={MARK}");
        loop {
            let found = server.get(&events).await?;
            if found["meta"]["totalCount"] == 1 && !profile(server, MARK).await?.is_null() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let settled = tokio::time::timeout(SETTLE_TIME, wait).await;
    settled.context("what was tracked is not applied")?
}

async fn export(server: &Server) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for page in 1.. {
        let path = format!(
            "/export/events?projectId={PROJECT}&limit={PAGE}&page={page}&includes=properties"
        );
        let reply = server.get(&path).await?;
        let found = reply["data"]
            .as_array()
            .context("no events were exported")?;
        for event in found {
            rows.push(row(event).with_context(|| format!("an odd event: {event}"))?);
        }
        if found.len() < PAGE {
            break;
        }
    }
    Ok(rows)
}

fn row(event: &Json) -> Option<Row> {
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    let bounce = event["properties"]["__bounce"].as_str();
    Some(Row {
        id: text("id")?.parse().ok()?,
        name: text("name")?,
        device: text("deviceId")?,
        session: text("sessionId")?,
        at: DateTime::parse_from_rfc3339(&text("createdAt")?)
            .ok()?
            .timestamp_millis(),
        duration: event["duration"].as_i64()?,
        is_bounce: bounce.map(|bounce| bounce == "true"),
    })
}

/// What was answered is there once, as it was answered; what was not, at most once.
fn demand_events(rows: &[Row], ledger: &Ledger, findings: &mut Vec<String>) {
    let mut stored = HashMap::<_, Vec<&Row>>::new();
    for row in rows {
        stored.entry(row.id).or_default().push(row);
    }
    for (id, rows) in &stored {
        if rows.len() > 1 {
            let name = &rows[0].name;
            findings.push(format!("{name} {id} is there {} times", rows.len()));
        }
        let is_own = ["session_start", "session_end"].contains(&rows[0].name.as_str());
        if !is_own && !ledger.events.contains_key(id) {
            findings.push(format!("nobody sent {} {id}", rows[0].name));
        }
    }
    for (id, sent) in &ledger.events {
        let name = sent.name;
        let row = stored.get(id).and_then(|rows| rows.first());
        match (row, &sent.answer) {
            (None, None) => {}
            (None, Some(_)) => findings.push(format!("{name} {id} was acknowledged and is lost")),
            (Some(row), answer) => {
                if row.name != name {
                    findings.push(format!("{name} {id} is stored as {}", row.name));
                }
                let stored = (row.device.clone(), row.session.clone());
                if let Some(answer) = answer.as_ref().filter(|answer| **answer != stored) {
                    findings.push(format!("{name} {id}: told {answer:?}, stored {stored:?}"));
                }
            }
        }
    }
}

/// Each session has one start and at most one end, and the end tells what was in it.
fn demand_sessions(rows: &[Row], findings: &mut Vec<String>) -> (u64, u64) {
    let mut sessions = BTreeMap::<&str, Vec<&Row>>::new();
    for row in rows {
        sessions.entry(&row.session).or_default().push(row);
    }
    let mut ended = 0;
    for (id, rows) in &sessions {
        let named = |name: &str| rows.iter().filter(|row| row.name == name).count();
        let (starts, ends) = (named("session_start"), named("session_end"));
        if starts != 1 || ends > 1 {
            findings.push(format!("session {id} has {starts} starts and {ends} ends"));
        }
        let devices = rows.iter().filter(|row| row.device != rows[0].device);
        if devices.count() > 0 {
            findings.push(format!("session {id} is on several devices"));
        }
        if let Some(end) = rows.iter().find(|row| row.name == "session_end") {
            ended += 1;
            findings.extend(wrong_end(id, end, rows));
        }
    }
    (sessions.len() as u64, ended)
}

fn wrong_end(id: &str, end: &Row, rows: &[&Row]) -> Option<String> {
    let own = |row: &&&Row| !["session_start", "session_end"].contains(&row.name.as_str());
    let mut times = rows.iter().filter(own).map(|row| row.at);
    let first = times.next()?;
    let (from, to) = times.fold((first, first), |(from, to), at| (from.min(at), to.max(at)));
    let views = rows.iter().filter(|row| row.name == "screen_view").count();
    let expected = (to - from, Some(views <= 1));
    let told = (end.duration, end.is_bounce);
    (expected != told).then(|| {
        format!("session {id} ended with duration and bounce {told:?}, but it had {expected:?}")
    })
}

async fn profile(server: &Server, id: &str) -> Result<Json> {
    let path = format!("/insights/{PROJECT}/profiles/{id}");
    match server.get(&path).await {
        Ok(found) => Ok(found["profile"].clone()),
        Err(error) if error.root_cause().to_string().contains("404") => Ok(Json::Null),
        Err(error) => Err(error),
    }
}

async fn wrong_sum(server: &Server, id: &str, sum: Sum) -> Result<Option<String>> {
    let stored = profile(server, id).await?;
    let stored = stored["properties"]["n"].as_str().unwrap_or("0");
    let number = stored.parse::<i64>();
    let number = number.with_context(|| format!("profile {id} has the sum {stored}"))?;
    let (least, most) = (
        sum.certain - sum.at_most_less,
        sum.certain + sum.at_most_more,
    );
    Ok((!(least..=most).contains(&number))
        .then(|| format!("profile {id} has {number}, not between {least} and {most}")))
}

async fn wrong_version(server: &Server, id: &str, version: Version) -> Result<Option<String>> {
    let stored = profile(server, id).await?;
    let stored = stored["firstName"]
        .as_str()
        .or(stored["first_name"].as_str());
    let number = stored.and_then(|text| text.parse().ok()).unwrap_or(0);
    let Version { acknowledged, sent } = version;
    Ok((!(acknowledged..=sent).contains(&number)).then(|| {
        format!("profile {id} is of version {number}, not between {acknowledged} and {sent}")
    }))
}
