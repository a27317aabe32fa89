//! From counted steps to nodes and links.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{FlowPaths, NameId};
use crate::figures::ratio;

/// So many first names are shown, and from each node so many ways on.
const STRONGEST: usize = 3;

/// Links that fewer than one of so many sessions take are left out: 0.25 %.
const SESSIONS_A_LINK: u64 = 400;

/// One for each of the first names.
const COLOURS: [&str; STRONGEST] = ["#2563EB", "#ff7557", "#7fe1d8"];

/// A name at a place in the paths.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowNode {
    /// The id by which links name the node.
    pub id: String,
    /// The name of the events.
    pub name: String,
    /// The colour of the node in hexadecimal, such as `#2563EB`.
    pub colour: &'static str,
    /// How many of a hundred sessions come here, not rounded.
    pub percentage: f64,
    /// How many sessions come here.
    pub value: u64,
    /// The place; the first is 1.
    pub step: usize,
}

/// A way from one node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLink {
    /// The id of the node from which it leads.
    pub source: String,
    /// The id of the node to which it leads.
    pub target: String,
    /// How many sessions take it.
    pub value: u64,
}

/// The ways that most sessions take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlowAnswer {
    /// By their places, those with most sessions first.
    pub nodes: Vec<FlowNode>,
    /// Between them, in the order of where they begin.
    pub links: Vec<FlowLink>,
}

/// A place in the paths, and the name there.
type Spot = (usize, NameId);

struct Link {
    source: Spot,
    target: Spot,
    value: u64,
}

struct Node {
    colour: &'static str,
    value: u64,
}

impl FlowPaths {
    /// The ways that most sessions take.
    pub fn answer(self) -> FlowAnswer {
        draw(&self)
    }
}

fn draw(paths: &FlowPaths) -> FlowAnswer {
    let mut entries = paths.entries.iter().collect::<Vec<_>>();
    entries.sort_by_key(|&(&name, &value)| (Reverse(value), &paths.names[name.place()]));
    entries.truncate(STRONGEST);
    let total = entries.iter().map(|(_name, value)| **value).sum::<u64>();
    let ways = ways_on(paths, entries.iter().map(|(name, _value)| **name).collect());
    let mut nodes = BTreeMap::<Spot, Node>::new();
    for ((name, value), colour) in entries.iter().zip(COLOURS) {
        let value = **value;
        nodes.insert((1, **name), Node { colour, value });
    }
    let mut links = Vec::<Link>::new();
    let mut here = entries
        .iter()
        .map(|(name, _)| (1, **name))
        .collect::<Vec<_>>();
    while !here.is_empty() {
        let mut next = Vec::new();
        for source in here {
            let colour = nodes.get(&source).map_or(COLOURS[0], |node| node.colour);
            let all = ways.get(&source).into_iter().flatten();
            let strong = all.filter(|(_target, value)| *value >= total.div_ceil(SESSIONS_A_LINK));
            for &(target, value) in strong.take(STRONGEST) {
                let target = (source.0 + 1, target);
                let node = nodes.entry(target).or_insert_with(|| {
                    next.push(target);
                    Node { colour, value: 0 }
                });
                node.value += value;
                links.push(Link {
                    source,
                    target,
                    value,
                });
            }
        }
        here = next;
    }
    named(paths, &nodes, &links, total)
}

/// Where one goes from each spot, the strongest way first, if one began with one of these.
fn ways_on(paths: &FlowPaths, entries: BTreeSet<NameId>) -> HashMap<Spot, Vec<(NameId, u64)>> {
    let mut sums = HashMap::<(Spot, NameId), u64>::new();
    for (transition, count) in &paths.transitions {
        if entries.contains(&transition.entry) {
            let way = ((transition.position, transition.source), transition.target);
            *sums.entry(way).or_default() += count;
        }
    }
    let mut ways = HashMap::<Spot, Vec<_>>::new();
    for ((source, target), value) in sums {
        ways.entry(source).or_default().push((target, value));
    }
    for targets in ways.values_mut() {
        targets.sort_by_key(|&(name, value)| (Reverse(value), &paths.names[name.place()]));
    }
    ways
}

/// Ends of ways are one node where they share a name, at the place of the farthest.
fn named(
    paths: &FlowPaths,
    nodes: &BTreeMap<Spot, Node>,
    links: &[Link],
    total: u64,
) -> FlowAnswer {
    let sources = links
        .iter()
        .map(|link| link.source)
        .collect::<BTreeSet<_>>();
    let mut ends = BTreeMap::<NameId, Vec<usize>>::new();
    for &(step, name) in nodes.keys().filter(|spot| !sources.contains(spot)) {
        // A first name from which no way leads on is not shown.
        if step > 1 {
            ends.entry(name).or_default().push(step);
        }
    }
    // The id of a node, and its place.
    let shown = |(step, name): Spot| {
        let text = &paths.names[name.place()];
        match ends.get(&name) {
            Some(steps) if steps.len() > 1 && !sources.contains(&(step, name)) => (
                format!("{text}::final"),
                steps.iter().copied().max().unwrap_or(step),
            ),
            _ => (format!("{text}::step{step}"), step),
        }
    };
    let mut drawn = Vec::<FlowNode>::new();
    for (&spot, node) in nodes {
        if spot.0 == 1 && !sources.contains(&spot) {
            continue;
        }
        let (id, step) = shown(spot);
        if let Some(same) = drawn.iter_mut().find(|drawn| drawn.id == id) {
            same.value += node.value;
            continue;
        }
        drawn.push(FlowNode {
            id,
            name: paths.names[spot.1.place()].clone(),
            colour: node.colour,
            percentage: 0.0,
            value: node.value,
            step,
        });
    }
    for node in &mut drawn {
        node.percentage = 100.0 * ratio(node.value, total);
    }
    drawn.sort_by(|one, other| {
        let order = |node: &FlowNode| (node.step, Reverse(node.value));
        order(one)
            .cmp(&order(other))
            .then_with(|| one.name.cmp(&other.name))
    });
    let links = links.iter().map(|link| FlowLink {
        source: shown(link.source).0,
        target: shown(link.target).0,
        value: link.value,
    });
    FlowAnswer {
        links: links.collect(),
        nodes: drawn,
    }
}
