//! `/user_flow`: `docs/contract/insights.md` §7.13, with all its end nodes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value as Json, json};

use super::{facts::Facts, time::Window};

const ENTRIES: usize = 3;
const TARGETS: usize = 3;
const COLORS: [&str; 3] = ["#2563EB", "#ff7557", "#7fe1d8"];

pub(crate) struct Flow<'a> {
    pub(crate) mode: &'a str,
    pub(crate) start: &'a str,
    pub(crate) end: Option<&'a str>,
    pub(crate) steps: usize,
    pub(crate) include: &'a [&'a str],
    pub(crate) exclude: &'a [&'a str],
}

/// A name at a position.
type Node<'a> = (usize, &'a str);

pub(crate) fn flow(facts: &Facts, window: Window, asked: &Flow<'_>) -> Json {
    let paths = paths(facts, window, asked);
    let mut firsts = BTreeMap::<&str, usize>::new();
    for path in &paths {
        *firsts.entry(path[0]).or_default() += 1;
    }
    let mut entries = firsts.into_iter().collect::<Vec<_>>();
    entries.sort_by_key(|(_, sessions)| Reverse(*sessions));
    entries.truncate(ENTRIES);
    let total = entries.iter().map(|(_, sessions)| sessions).sum::<usize>();
    let is_followed = |path: &&Vec<&str>| entries.iter().any(|(name, _)| *name == path[0]);
    let paths = paths.iter().filter(is_followed).collect::<Vec<_>>();

    let mut reached = entries
        .iter()
        .map(|(name, _)| (1, *name))
        .collect::<Vec<_>>();
    let mut links = Vec::<(Node<'_>, Node<'_>, usize)>::new();
    let least = (total * 25).div_ceil(10_000);
    let mut position = 1;
    while !reached.is_empty() {
        let mut next = Vec::new();
        for node in &reached {
            for (target, value) in targets(&paths, *node) {
                if value < least {
                    continue;
                }
                links.push((*node, target, value));
                if !next.contains(&target) {
                    next.push(target);
                }
            }
        }
        position += 1;
        next.retain(|(step, _)| *step == position);
        reached = next;
    }
    told(asked, &entries, total, links)
}

/// Where the paths go that pass a node: the three strongest.
fn targets<'a>(paths: &[&Vec<&'a str>], (step, name): Node<'a>) -> Vec<(Node<'a>, usize)> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for path in paths {
        if path.get(step - 1) == Some(&name)
            && let Some(next) = path.get(step)
        {
            *counts.entry(next).or_default() += 1;
        }
    }
    let mut counts = counts.into_iter().collect::<Vec<_>>();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let strongest = counts.into_iter().take(TARGETS);
    strongest
        .map(|(name, count)| ((step + 1, name), count))
        .collect()
}

/// The names that each session has, as far as they are asked about.
fn paths<'a>(facts: &'a Facts, window: Window, asked: &Flow<'_>) -> Vec<Vec<&'a str>> {
    let mut sessions = BTreeMap::<&str, Vec<&str>>::new();
    for event in facts.by_time() {
        let name = event.name.as_str();
        let is_edge = name == asked.start || Some(name) == asked.end;
        let is_wanted = if asked.include.is_empty() {
            !asked.exclude.contains(&name)
        } else {
            is_edge || asked.include.contains(&name)
        };
        if is_wanted && window.has(event.created_at) && !event.session_id.is_empty() {
            let names = sessions.entry(&event.session_id).or_default();
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
    }
    let paths = sessions.values().filter_map(|names| path(names, asked));
    paths.filter(|path| path.len() >= 2).collect()
}

fn path<'a>(names: &[&'a str], asked: &Flow<'_>) -> Option<Vec<&'a str>> {
    let start = names.iter().position(|name| *name == asked.start)?;
    let path = match asked.mode {
        "before" => {
            let from = (start + 1).saturating_sub(asked.steps);
            return Some(names[from..=start].to_vec());
        }
        "after" => names[start..].iter().take(asked.steps).copied().collect(),
        _ => {
            let end = asked.end.unwrap();
            let later = &names[start + 1..];
            let end = start + 1 + later.iter().position(|name| *name == end)?;
            if end - start >= asked.steps {
                return None;
            }
            names[start..=end].to_vec()
        }
    };
    let mut seen = BTreeSet::new();
    Some(
        path.into_iter()
            .take_while(|name| seen.insert(*name))
            .collect(),
    )
}

fn told(
    asked: &Flow<'_>,
    entries: &[(&str, usize)],
    total: usize,
    links: Vec<(Node<'_>, Node<'_>, usize)>,
) -> Json {
    let sources = links.iter().map(|(source, ..)| *source);
    let sources = sources.collect::<BTreeSet<_>>();
    // The steps at which a name ends.
    let mut ends = BTreeMap::<&str, BTreeSet<usize>>::new();
    for (_, (step, name), _) in &links {
        if !sources.contains(&(*step, *name)) {
            ends.entry(name).or_default().insert(*step);
        }
    }
    let id_of = |(step, name): Node<'_>| {
        if sources.contains(&(step, name)) || ends[name].len() == 1 {
            format!("{name}::step{step}")
        } else {
            format!("{name}::final")
        }
    };
    let mut nodes = BTreeMap::<String, Json>::new();
    for (place, (name, sessions)) in entries.iter().enumerate() {
        if sources.contains(&(1, *name)) {
            let node = json!({
                "label": name, "nodeColor": COLORS[place], "value": sessions, "step": 1,
            });
            nodes.insert(id_of((1, name)), node);
        }
    }
    let mut merged = BTreeMap::<(String, String), usize>::new();
    for (source, target, value) in &links {
        let (from, to) = (id_of(*source), id_of(*target));
        let color = nodes[&from]["nodeColor"].clone();
        let (step, name) = *target;
        let is_merged = to.ends_with("::final");
        let step = if is_merged {
            *ends[name].last().unwrap()
        } else {
            step
        };
        let node = nodes.entry(to.clone()).or_insert_with(
            || json!({"label": name, "nodeColor": color, "value": 0, "step": step}),
        );
        node["value"] = (node["value"].as_u64().unwrap() + *value as u64).into();
        *merged.entry((from, to)).or_default() += value;
    }
    let nodes = nodes.into_iter().map(|(id, mut node)| {
        node["id"] = id.into();
        let value = node["value"].as_f64().unwrap();
        node["percentage"] = (value / total as f64 * 100.0).into();
        node
    });
    let mut nodes = nodes.collect::<Vec<_>>();
    nodes.sort_by_key(|node| (node["step"].as_u64(), Reverse(node["value"].as_u64())));
    let links = merged.into_iter().map(
        |((source, target), value)| json!({"source": source, "target": target, "value": value}),
    );
    let links = links.collect::<Vec<_>>();
    let mut told = json!({
        "mode": asked.mode, "startEvent": asked.start,
        "node_count": nodes.len(), "link_count": links.len(), "nodes": nodes, "links": links,
    });
    if let Some(end) = asked.end {
        told["endEvent"] = end.into();
    }
    told
}
