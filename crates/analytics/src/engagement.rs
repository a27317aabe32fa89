//! How long ago people were active last: `docs/contract/insights.md` §7.11.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::buckets::Buckets;

/// People who were active last on the same day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDay {
    /// The place of the day among the days since the first event.
    pub bucket: usize,
    /// The number of people who were active last on that day.
    pub people: u64,
}

/// People who were active last so many days ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistantPeople {
    /// How many days ago, by the calendar.
    pub days: u64,
    /// The number of people who were active last so long ago.
    pub users: u64,
}

/// How many identified people there are, by the days since they were active.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngagementAnswer {
    distribution: Vec<DistantPeople>,
}

impl EngagementAnswer {
    /// Counts days back from the last of the buckets, which is today.
    pub fn of(buckets: &Buckets, last_days: &[LastDay]) -> Self {
        let date = |place: usize| {
            let bucket = buckets.list().get(place)?;
            Some(bucket.label.wall_clock().date())
        };
        let Some(today) = date(buckets.count() - 1) else {
            return Self::default();
        };
        let mut by_days = BTreeMap::<u64, u64>::new();
        for last in last_days {
            let Some(date) = date(last.bucket) else {
                continue;
            };
            let days = (today - date).num_days().unsigned_abs();
            *by_days.entry(days).or_default() += last.people;
        }
        let distribution = by_days.into_iter();
        Self {
            distribution: distribution
                .map(|(days, users)| DistantPeople { days, users })
                .collect(),
        }
    }

    /// People by days, fewest days first; days without people are left out.
    pub fn distribution(&self) -> &[DistantPeople] {
        &self.distribution
    }

    /// How many people there are.
    pub fn total(&self) -> u64 {
        self.within(0..=u64::MAX)
    }

    /// How many people were active last so many days ago.
    pub fn within(&self, days: RangeInclusive<u64>) -> u64 {
        let people = self.distribution.iter();
        let people = people.filter(|people| days.contains(&people.days));
        people.map(|people| people.users).sum()
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::parse_timestamp;

    use super::*;
    use crate::window::Window;

    #[test]
    fn days_are_those_of_the_calendar() {
        // Samoa had no 30 December 2011.
        let window = Window {
            start: parse_timestamp("2011-12-29T10:00:00Z").unwrap(),
            end: parse_timestamp("2012-01-01T00:00:00Z").unwrap(),
        };
        let buckets = Buckets::days(window, "Pacific/Apia".parse().unwrap());
        let people = |bucket, people| LastDay { bucket, people };
        let last_days = [people(0, 2), people(1, 3), people(2, 4)];
        let answer = EngagementAnswer::of(&buckets, &last_days);
        let distant = |days, users| DistantPeople { days, users };
        assert_eq!(
            answer.distribution(),
            [distant(0, 4), distant(1, 3), distant(3, 2)]
        );
        assert_eq!(answer.total(), 9);
        assert_eq!(answer.within(1..=3), 5);
    }
}
