//! Asking the server, and comparing what it answers.

use serde_json::Value as Json;

use crate::{
    compare::differences,
    world::{View, World},
};

pub(crate) type Check = fn(&World) -> Result<(), String>;

/// How many answers with differences are told.
const MOST_TOLD: usize = 8;

/// Zones with and without changes of clocks, with halves and quarters of hours, far in the east.
pub(super) const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Stockholm",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
];

/// The parameters of a request.
pub(super) type Parameters = Vec<(String, String)>;

/// What was asked, and where the answers differ.
#[derive(Default)]
pub(super) struct Findings {
    asked: usize,
    wrong: usize,
    told: Vec<String>,
}

impl Findings {
    /// Asks, and compares the answer with what is expected.
    pub(super) fn expect(
        &mut self,
        view: &View<'_>,
        path: &str,
        parameters: &Parameters,
        expected: &Json,
    ) {
        self.expect_but(view, path, parameters, expected, |_| {});
    }

    /// The same; but the answer may be changed before, where it may be either of two.
    pub(super) fn expect_but(
        &mut self,
        view: &View<'_>,
        path: &str,
        parameters: &Parameters,
        expected: &Json,
        change: impl Fn(&mut Json),
    ) {
        self.asked += 1;
        let mut reply = view.get(path, parameters);
        let found = if reply.status == 200 {
            change(&mut reply.body);
            differences(expected, &reply.body)
        } else {
            vec![format!("{}: {}", reply.status, reply.text)]
        };
        if found.is_empty() {
            return;
        }
        self.wrong += 1;
        if self.told.len() < MOST_TOLD {
            let query = parameters.iter();
            let query = query.map(|(name, value)| format!("{name}={value}"));
            let query = query.collect::<Vec<_>>().join("&");
            let found = found.join("\n    ");
            self.told
                .push(format!("{path}?{query} in {}\n    {found}", view.zone));
        }
    }

    pub(super) fn verdict(self) -> Result<(), String> {
        assert!(self.asked > 0, "nothing was asked");
        if self.wrong == 0 {
            return Ok(());
        }
        let head = format!("{} of {} answers differ", self.wrong, self.asked);
        Err(format!("{head}\n\n{}", self.told.join("\n")))
    }
}

/// Asks the same in every zone.
pub(super) fn in_all_zones(
    world: &World,
    ask: impl Fn(&View<'_>, &mut Findings),
) -> Result<(), String> {
    let mut findings = Findings::default();
    for zone in ZONES {
        ask(&world.in_zone(zone), &mut findings);
    }
    findings.verdict()
}
