//! What was sent, and what was answered.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// An event that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) name: &'static str,
    /// Device and session, as they were answered; `None` while nobody knows whether it was taken.
    pub(crate) answer: Option<(String, String)>,
}

/// What is known of a number that was added to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    /// All that was acknowledged.
    pub(crate) certain: i64,
    /// What may have been added beside.
    pub(crate) at_most_more: i64,
    /// What may have been taken away beside.
    pub(crate) at_most_less: i64,
}

/// Which version of somebody is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Version {
    /// The last that was acknowledged.
    pub(crate) acknowledged: u64,
    /// The last that was sent. Versions are sent one after the other.
    pub(crate) sent: u64,
}

/// What one caller sent, or all.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By their ids.
    pub(crate) events: HashMap<Uuid, Sent>,
    /// By profile.
    pub(crate) sums: BTreeMap<String, Sum>,
    /// By profile.
    pub(crate) versions: BTreeMap<String, Version>,
    /// How many requests other than events were acknowledged, and how many were not answered.
    pub(crate) others: (u64, u64),
    /// How many requests were answered only when they were repeated.
    pub(crate) repeated: u64,
}

impl Ledger {
    pub(crate) fn acknowledged(&self) -> u64 {
        let events = self.events.values();
        events.filter(|sent| sent.answer.is_some()).count() as u64 + self.others.0
    }

    pub(crate) fn unanswered(&self) -> u64 {
        let events = self.events.values();
        events.filter(|sent| sent.answer.is_none()).count() as u64 + self.others.1
    }

    /// Adds what another caller sent.
    pub(crate) fn merge(&mut self, other: Self) {
        self.events.extend(other.events);
        // Nobody but their caller changes these.
        self.versions.extend(other.versions);
        for (profile, sum) in other.sums {
            let all = self.sums.entry(profile).or_default();
            all.certain += sum.certain;
            all.at_most_more += sum.at_most_more;
            all.at_most_less += sum.at_most_less;
        }
        self.others.0 += other.others.0;
        self.others.1 += other.others.1;
        self.repeated += other.repeated;
    }
}
