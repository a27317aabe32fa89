use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn request(mode: FlowMode, steps: usize) -> FlowRequest {
    FlowRequest {
        window: Window::everything(),
        mode,
        start: "start".to_owned(),
        end: Some("end".to_owned()),
        steps,
        include: Vec::new(),
        exclude: Vec::new(),
    }
}

fn path(mode: FlowMode, steps: usize, session: &str) -> String {
    let mut paths = FlowPaths::new(request(mode, steps));
    let way = way(&mut paths, session);
    let path = paths.path(&way);
    let names = path.iter().map(|name| paths.names[name.place()].as_str());
    let names = names.collect::<Vec<_>>();
    if names.len() < 2 {
        return String::new();
    }
    names.join(" ")
}

fn way(paths: &mut FlowPaths, session: &str) -> Vec<u32> {
    let mut way = vec![0; paths.way_length()];
    for name in session.split(' ') {
        let name = paths.name(name);
        paths.take(&mut way, name);
    }
    way
}

fn answer(mode: FlowMode, steps: usize, sessions: &[(&str, usize)]) -> FlowAnswer {
    let mut paths = FlowPaths::new(request(mode, steps));
    for &(session, times) in sessions {
        for _ in 0..times {
            let way = way(&mut paths, session);
            paths.add(&way, 1);
        }
    }
    paths.answer()
}

fn nodes(answer: &FlowAnswer) -> Vec<(&str, u64, usize)> {
    let nodes = answer.nodes.iter();
    let nodes = nodes.map(|node| (node.id.as_str(), node.value, node.step));
    nodes.collect()
}

fn links(answer: &FlowAnswer) -> Vec<(&str, &str, u64)> {
    let links = answer.links.iter();
    let links = links.map(|link| (link.source.as_str(), link.target.as_str(), link.value));
    links.collect()
}

#[test]
fn after_the_start() {
    let after = |session| path(FlowMode::After, 4, session);
    assert_eq!(after("x start start a b c d"), "start a b c");
    assert_eq!(after("x start a b a c"), "start a b");
    assert_eq!(after("x start"), "");
    assert_eq!(after("x y"), "");
}

#[test]
fn before_the_start() {
    let before = |session| path(FlowMode::Before, 3, session);
    assert_eq!(before("a b c start d start"), "b c start");
    assert_eq!(before("a b a b start"), "a b start");
    assert_eq!(before("a a start"), "a start");
    assert_eq!(before("start a"), "");
}

#[test]
fn between_start_and_end() {
    let between = |session| path(FlowMode::Between, 4, session);
    assert_eq!(between("x end start a b end c"), "start a b end");
    assert_eq!(between("start end a"), "start end");
    assert_eq!(between("start a start end"), "start a");
    assert_eq!(between("start a b c end"), "");
    assert_eq!(between("end start"), "");
}

#[test]
fn the_same_end_at_several_places_is_one_node() {
    let sessions = [("start a end", 3), ("start end", 2), ("start a b", 1)];
    let answer = answer(FlowMode::After, 5, &sessions);
    let expected = [
        ("start::step1", 6, 1),
        ("a::step2", 4, 2),
        ("end::final", 5, 3),
        ("b::step3", 1, 3),
    ];
    assert_eq!(nodes(&answer), expected);
    let expected = [
        ("start::step1", "a::step2", 4),
        ("start::step1", "end::final", 2),
        ("a::step2", "end::final", 3),
        ("a::step2", "b::step3", 1),
    ];
    assert_eq!(links(&answer), expected);
    assert_eq!(answer.nodes[1].percentage, 100.0 * (4.0 / 6.0));
}

#[test]
fn the_three_strongest_are_followed() {
    let sessions = [
        ("a start", 4),
        ("b start", 4),
        ("c start", 3),
        ("d start", 2),
        ("e x start", 1),
    ];
    let answer = answer(FlowMode::Before, 5, &sessions);
    let expected = [
        ("a::step1", 4, 1),
        ("b::step1", 4, 1),
        ("c::step1", 3, 1),
        ("start::step2", 11, 2),
    ];
    assert_eq!(nodes(&answer), expected);
    let colours = answer.nodes.iter().map(|node| node.colour);
    let expected = ["#2563EB", "#ff7557", "#7fe1d8", "#2563EB"];
    assert_eq!(colours.collect::<Vec<_>>(), expected);
}

#[test]
fn faint_links_are_left_out() {
    let sessions = [("start a", 800), ("start b", 2), ("start c", 1)];
    let answer = answer(FlowMode::After, 5, &sessions);
    // 0.25 % of 803 are 3, rounded up.
    assert_eq!(links(&answer), [("start::step1", "a::step2", 800)]);
}

#[test]
fn arrows_in_names_are_nothing_special() {
    let answer = answer(FlowMode::After, 5, &[("start a->b ->", 1)]);
    let expected = [
        ("start::step1", "a->b::step2", 1),
        ("a->b::step2", "->::step3", 1),
    ];
    assert_eq!(links(&answer), expected);
}

#[test]
fn nothing_matches() {
    assert_eq!(
        answer(FlowMode::After, 5, &[("a b", 1)]),
        FlowAnswer::default()
    );
}

proptest! {
    #[test]
    fn links_lead_from_node_to_node(
        sessions in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(&["start", "end", "a", "b", "c", "d", "e"][..]), 1..9),
            0..40),
        mode in prop::sample::select(&FlowMode::ALL[..]),
        steps in 2_usize..=10,
    ) {
        let sessions = sessions.iter().map(|names| names.join(" ")).collect::<Vec<_>>();
        let sessions = sessions.iter().map(|names| (names.as_str(), 1)).collect::<Vec<_>>();
        let answer = answer(mode, steps, &sessions);
        let ids = answer.nodes.iter().map(|node| node.id.as_str()).collect::<HashSet<_>>();
        prop_assert_eq!(ids.len(), answer.nodes.len());
        for node in &answer.nodes {
            let coming = answer.links.iter().filter(|link| link.target == node.id);
            let sum = coming.map(|link| link.value).sum::<u64>();
            prop_assert_eq!(sum, if node.step == 1 { 0 } else { node.value });
            let goes_on = answer.links.iter().any(|link| link.source == node.id);
            prop_assert!(node.step > 1 || goes_on);
            prop_assert!(node.step <= steps);
        }
        for link in &answer.links {
            prop_assert!(ids.contains(link.source.as_str()) && ids.contains(link.target.as_str()));
        }
    }
}
