//! Which rate applies to whom.

use paneld_domain::{ClientRateLimits, LimitGroup, Rate};

/// The operator's rates: one for each group, `None` where a group is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The Manage API.
    pub manage: Option<Rate>,
    /// The Export API.
    pub export: Option<Rate>,
    /// The Insights API.
    pub insights: Option<Rate>,
    /// Track with a secret, and Import; and, apart from those, all Track of a client without one.
    pub track: Option<Rate>,
    /// Track without a secret, of one visitor.
    pub track_visitor: Option<Rate>,
    /// Visitor addresses that one peer claims without a secret, and that were not seen lately.
    pub new_visitors: Option<Rate>,
    /// Failed authentication.
    pub auth_failures: Option<Rate>,
    /// How many times a group's rate a client may be given through the Manage API.
    pub client_factor: u32,
}

impl Default for Limits {
    /// The rates of `docs/contract/auth-and-limits.md` §4.
    fn default() -> Self {
        const fn rate(limit: u32, window_seconds: u32) -> Option<Rate> {
            match Rate::new(limit, window_seconds) {
                Ok(rate) => Some(rate),
                Err(_) => None,
            }
        }
        Self {
            manage: const { rate(20, 10) },
            export: const { rate(100, 10) },
            insights: const { rate(100, 10) },
            track: const { rate(10_000, 10) },
            track_visitor: const { rate(100, 10) },
            new_visitors: const { rate(10_000, 100) },
            auth_failures: const { rate(30, 60) },
            client_factor: 10,
        }
    }
}

impl Limits {
    /// The rate of a group, where it is not switched off.
    pub fn group(&self, group: LimitGroup) -> Option<Rate> {
        match group {
            LimitGroup::Manage => self.manage,
            LimitGroup::Export => self.export,
            LimitGroup::Insights => self.insights,
            LimitGroup::Track => self.track,
            LimitGroup::TrackVisitor => self.track_visitor,
            LimitGroup::NewVisitors => self.new_visitors,
            LimitGroup::AuthFailures => self.auth_failures,
        }
    }

    /// The rate that applies to a client: its own, else the group's.
    pub fn client(&self, group: LimitGroup, own: Option<&ClientRateLimits>) -> Option<Rate> {
        own.and_then(|own| own.get(group))
            .or_else(|| self.group(group))
    }

    /// Whether a client may be given this rate through the Manage API. A group that is switched
    /// off sets no bound.
    pub fn may_grant(&self, group: LimitGroup, rate: Rate) -> bool {
        self.group(group)
            .is_none_or(|own| rate.is_within(own, self.client_factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let limits = Limits::default();
        let text = LimitGroup::ALL.map(|group| limits.group(group).unwrap().to_string());
        assert_eq!(
            text,
            [
                "20/10s",
                "100/10s",
                "100/10s",
                "10000/10s",
                "100/10s",
                "10000/100s",
                "30/60s"
            ]
        );
    }

    #[test]
    fn a_clients_own_rate_wins() {
        let limits = Limits::default();
        let own = ClientRateLimits {
            manage: Rate::new(50, 10).ok(),
            ..ClientRateLimits::default()
        };
        let rate = |group| limits.client(group, Some(&own)).map(Rate::limit);
        assert_eq!(rate(LimitGroup::Manage), Some(50));
        assert_eq!(rate(LimitGroup::Export), Some(100));
    }
}
