//! Which rate applies to whom.

use crate::{LimitGroup, Rate, limit_group};

/// The operator's rates: one for each group of the server, `None` where a group is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests to the Manage API, by client.
    pub manage: Option<Rate>,
    /// Requests to the Export API, by client.
    pub export: Option<Rate>,
    /// Requests to the Insights API, by client.
    pub insights: Option<Rate>,
    /// What people do in the console, by client.
    pub console: Option<Rate>,
    /// What is asked for through a share link, by link and peer address.
    pub share: Option<Rate>,
    /// Track with a secret, and Import; and, apart from those, all Track of a client without one.
    pub track: Option<Rate>,
    /// Track without a secret, of one visitor.
    pub track_visitor: Option<Rate>,
    /// Visitor addresses that one peer claims without a secret, and that were not seen lately.
    pub new_visitors: Option<Rate>,
    /// Failed authentication, by peer address.
    pub auth_failures: Option<Rate>,
    /// How many times a group's rate a client may be given through the Manage API.
    pub client_factor: u32,
}

impl Default for Limits {
    /// The rates of `docs/contract/auth-and-limits.md` §4.
    fn default() -> Self {
        Self {
            manage: Some(const { Rate::of(20, 10) }),
            export: Some(const { Rate::of(100, 10) }),
            insights: Some(const { Rate::of(100, 10) }),
            console: Some(const { Rate::of(300, 10) }),
            share: Some(const { Rate::of(100, 10) }),
            track: Some(const { Rate::of(10_000, 10) }),
            track_visitor: Some(const { Rate::of(100, 10) }),
            new_visitors: Some(const { Rate::of(10_000, 100) }),
            auth_failures: Some(const { Rate::of(30, 60) }),
            client_factor: 10,
        }
    }
}

impl Limits {
    /// The rate of a group, where it is one of the server's and not switched off.
    pub fn group(&self, group: LimitGroup) -> Option<Rate> {
        match group {
            limit_group::MANAGE => self.manage,
            limit_group::EXPORT => self.export,
            limit_group::INSIGHTS => self.insights,
            limit_group::CONSOLE => self.console,
            limit_group::SHARE => self.share,
            limit_group::TRACK => self.track,
            limit_group::TRACK_VISITOR => self.track_visitor,
            limit_group::NEW_VISITORS => self.new_visitors,
            limit_group::AUTH_FAILURES => self.auth_failures,
            _ => None,
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

/// A client's own rates, where they differ from the groups'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientRateLimits {
    /// The client's rate for the Manage API.
    pub manage: Option<Rate>,
    /// The client's rate for the Export API.
    pub export: Option<Rate>,
    /// The client's rate for the Insights API.
    pub insights: Option<Rate>,
    /// The client's rate for Track and Import.
    pub track: Option<Rate>,
}

impl ClientRateLimits {
    /// The client's own rate for the group, if it has one.
    pub fn get(&self, group: LimitGroup) -> Option<Rate> {
        match group {
            limit_group::MANAGE => self.manage,
            limit_group::EXPORT => self.export,
            limit_group::INSIGHTS => self.insights,
            limit_group::TRACK => self.track,
            // The others are charged to addresses.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let limits = Limits::default();
        let text = limit_group::ALL.map(|group| limits.group(group).unwrap().to_string());
        assert_eq!(
            text,
            [
                "20/10s",
                "100/10s",
                "100/10s",
                "300/10s",
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
        assert_eq!(rate(limit_group::MANAGE), Some(50));
        assert_eq!(rate(limit_group::EXPORT), Some(100));
    }
}
