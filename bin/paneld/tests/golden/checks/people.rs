//! Reports about people: who came, who came back, who went how far.

use serde_json::Value as Json;

use super::{
    asked::{few_windows, parameters, with},
    findings::{Check, in_all_zones},
};
use crate::{
    model::{
        flow::{self, Flow},
        funnel::{self, Funnel},
        people,
        time::Unsaid,
    },
    world::World,
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("active_users", active_users),
    ("retention", retention),
    ("retention_cohort", cohorts),
    ("engagement", engagement),
    ("funnel", funnels),
    ("user_flow", flows),
];

fn active_users(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        let path = "/insights/golden/active_users";
        let expected = people::active_users(&view.facts, 7);
        findings.expect(view, path, &Vec::new(), &expected);
        for days in [1, 2, 7, 30, 90] {
            let expected = people::active_users(&view.facts, days);
            findings.expect(view, path, &with(Vec::new(), "days", days), &expected);
        }
    })
}

fn retention(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        let expected = people::retention(&view.facts);
        findings.expect(view, "/insights/golden/retention", &Vec::new(), &expected);
    })
}

fn cohorts(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        let expected = people::cohorts(&view.facts);
        findings.expect(
            view,
            "/insights/golden/retention/cohort",
            &Vec::new(),
            &expected,
        );
    })
}

fn engagement(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        let expected = people::engagement(&view.facts);
        findings.expect(view, "/insights/golden/engagement", &Vec::new(), &expected);
    })
}

const STEPS: &[&[&str]] = &[
    &["screen_view", "add_to_cart"],
    &["session_start", "screen_view", "session_end"],
    &["screen_view", "add_to_cart", "checkout", "revenue"],
    &["screen_view", "screen_view", "screen_view"],
    &["köp 🎉", "50%_off\"; DROP TABLE events; --"],
    &["never", "screen_view"],
];

fn funnels(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for steps in STEPS {
                let steps = steps.iter().map(|step| (*step).to_owned());
                let steps = steps.collect::<Vec<_>>();
                for (group_by, hours) in [
                    ("", 24),
                    ("session_id", 1),
                    ("profile_id", 24),
                    ("profile_id", 720),
                ] {
                    let funnel = Funnel {
                        steps: &steps,
                        hours,
                        by_profile: group_by == "profile_id",
                    };
                    let expected = funnel::funnel(&view.facts, window, &funnel);
                    let list = Json::from(steps.clone()).to_string();
                    let mut sent = with(parameters(&asked), "steps", list);
                    if !group_by.is_empty() {
                        sent = with(sent, "groupBy", group_by);
                    }
                    if hours != 24 {
                        sent = with(sent, "windowHours", hours);
                    }
                    findings.expect(view, "/insights/golden/funnel", &sent, &expected);
                }
            }
        }
    })
}

const FLOWS: &[Flow<'_>] = &[
    Flow {
        mode: "after",
        start: "screen_view",
        end: None,
        steps: 5,
        include: &[],
        exclude: &[],
    },
    Flow {
        mode: "after",
        start: "session_start",
        end: None,
        steps: 10,
        include: &[],
        exclude: &["session_end"],
    },
    Flow {
        mode: "after",
        start: "add_to_cart",
        end: None,
        steps: 3,
        include: &["screen_view", "a->b"],
        exclude: &[],
    },
    Flow {
        mode: "before",
        start: "revenue",
        end: None,
        steps: 4,
        include: &[],
        exclude: &[],
    },
    Flow {
        mode: "before",
        start: "a->b",
        end: None,
        steps: 10,
        include: &[],
        exclude: &["session_start"],
    },
    Flow {
        mode: "between",
        start: "screen_view",
        end: Some("revenue"),
        steps: 6,
        include: &[],
        exclude: &[],
    },
    Flow {
        mode: "between",
        start: "session_start",
        end: Some("session_end"),
        steps: 10,
        include: &[],
        exclude: &["signup"],
    },
    Flow {
        mode: "after",
        start: "never",
        end: None,
        steps: 5,
        include: &[],
        exclude: &[],
    },
];

fn flows(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for flow in FLOWS {
                let mut sent = with(parameters(&asked), "startEvent", flow.start);
                sent = with(with(sent, "mode", flow.mode), "steps", flow.steps);
                if let Some(end) = flow.end {
                    sent = with(sent, "endEvent", end);
                }
                for (name, list) in [("include", flow.include), ("exclude", flow.exclude)] {
                    for event in list {
                        sent = with(sent, name, event);
                    }
                }
                let expected = flow::flow(&view.facts, window, flow);
                let path = "/insights/golden/user_flow";
                findings.expect_but(view, path, &sent, &sorted(expected), |reply| {
                    *reply = sorted(reply.take());
                });
            }
        }
    })
}

/// Links have no order, and nodes none where step and value are equal.
fn sorted(mut flow: Json) -> Json {
    let rank = |node: &Json| format!("{} {}", node["step"], node["value"]);
    crate::compare::sort_ties(flow["nodes"].as_array_mut().unwrap(), rank, |node| {
        node["id"].to_string()
    });
    let any = |_: &Json| String::new();
    crate::compare::sort_ties(flow["links"].as_array_mut().unwrap(), any, Json::to_string);
    flow
}
