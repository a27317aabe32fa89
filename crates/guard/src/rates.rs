//! How often is too often, by group.

use paneld_domain::{ClientRateLimits, LimitGroup, Rate, limit_group};

/// What holds for a group of which nobody said anything.
const USUAL: Rate = Rate::of(100, 10);
/// What holds for failed authentication then.
const FAILURES: Rate = Rate::of(30, 60);

/// The rate of each group, or that it has none.
#[derive(Debug, Clone)]
pub(crate) struct Rates(Vec<(LimitGroup, Option<Rate>)>);

impl Default for Rates {
    fn default() -> Self {
        Self(vec![(limit_group::AUTH_FAILURES, Some(FAILURES))])
    }
}

impl Rates {
    /// Sets the rate of a group; `None` switches it off.
    pub(crate) fn set(&mut self, group: LimitGroup, rate: Option<Rate>) {
        self.0.retain(|(other, _)| *other != group);
        self.0.push((group, rate));
    }

    /// The rate of a group, where it is not switched off.
    pub(crate) fn group(&self, group: LimitGroup) -> Option<Rate> {
        let mut rates = self.0.iter();
        let known = rates.find(|(other, _)| *other == group);
        known.map_or(Some(USUAL), |(_, rate)| *rate)
    }

    /// The rate that applies to a client: its own, else the group's.
    pub(crate) fn client(&self, group: LimitGroup, own: Option<&ClientRateLimits>) -> Option<Rate> {
        own.and_then(|own| own.get(group))
            .or_else(|| self.group(group))
    }
}
