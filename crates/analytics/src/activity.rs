//! Who comes, and who comes again: `docs/contract/insights.md` §7.8 and §7.9.
//!
//! Both questions are about steps: somebody is active in one part of the time, and then in a
//! later one. The event store counts people by their steps, which are few however many people
//! there are.

use chrono::{NaiveDate, TimeDelta};
use paneld_domain::{Event, Timestamp, Zone};

use crate::{
    buckets::{Buckets, Interval},
    figures::ratio,
    window::{Window, just_after},
};

/// Which profiles an activity report counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Everyone, devices of unknown people too.
    Everyone,
    /// Only profiles that were identified.
    Identified,
}

/// A question about the activity in all the time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityRequest {
    people: People,
    interval: Interval,
    reach: usize,
    zone: Zone,
    end: Timestamp,
}

impl ActivityRequest {
    /// Who was active within so many days.
    pub fn active_users(days: usize, zone: Zone, now: Timestamp) -> Self {
        Self {
            people: People::Everyone,
            interval: Interval::Day,
            reach: days,
            zone,
            end: just_after(now),
        }
    }

    /// Who of the identified people came back in the week after.
    pub fn retention(zone: Zone, now: Timestamp) -> Self {
        Self {
            people: People::Identified,
            interval: Interval::Week,
            reach: 1,
            zone,
            end: just_after(now),
        }
    }

    /// When identified people were active last.
    pub fn engagement(zone: Zone, now: Timestamp) -> Self {
        Self {
            people: People::Identified,
            interval: Interval::Day,
            reach: 0,
            zone,
            end: just_after(now),
        }
    }

    /// Which profiles the report counts.
    pub fn people(&self) -> People {
        self.people
    }

    /// A gap of more parts than this need not be told from any longer one.
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// The time in which activity counts: up to now, and no longer ago than there can be days in
    /// an answer.
    pub fn window(&self) -> Window {
        let days = i64::try_from(Buckets::MOST).unwrap_or(i64::MAX) - 1;
        Window {
            start: Event::earliest().max(self.end - TimeDelta::days(days)),
            end: self.end,
        }
    }

    /// The parts of the time since the first event that counts; none when there is no such time.
    pub fn buckets_since(&self, first: Timestamp) -> Option<Buckets> {
        let Window { start, end } = self.window();
        let window = Window {
            start: start.max(first),
            end,
        };
        (window.start < window.end).then(|| match self.interval {
            Interval::Week => Buckets::weeks(window, self.zone),
            _ => Buckets::days(window, self.zone),
        })
    }
}

/// From one part of the time in which somebody was active to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityStep {
    /// The place of the earlier part in the list of buckets.
    pub bucket: usize,
    /// After how many parts they were active next; `None` if not within reach.
    pub gap: Option<usize>,
    /// How many people took this step.
    pub people: u64,
}

/// Everything that the event store says about an [`ActivityRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// The parts of the time since the first event; `None` when there was none.
    pub buckets: Option<Buckets>,
    /// All steps. Everybody takes one from each part in which they were active.
    pub steps: Vec<ActivityStep>,
}

/// How many people were active in the days that end with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveDay {
    /// The last of the days.
    pub date: NaiveDate,
    /// The number of different profiles that were active.
    pub users: u64,
}

/// Who was active in a week, and came back in the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetentionWeek {
    /// The Monday on which the week begins.
    pub date: NaiveDate,
    /// The number of different profiles that were active in the week.
    pub active: u64,
    /// Those of them who were active in the week after.
    pub retained: u64,
    /// How many of a hundred these are, not rounded.
    pub retention: f64,
}

impl Activity {
    /// For each day since the first event, who was active in the `days` days that end with it.
    ///
    /// An active day counts for itself and the days after it, until the person's next active day
    /// takes over: so everybody is counted once.
    pub fn active_users(&self, days: usize) -> Vec<ActiveDay> {
        let Some(buckets) = &self.buckets else {
            return Vec::new();
        };
        let mut begins = vec![0_u64; buckets.count() + 1];
        let mut ends = begins.clone();
        for step in &self.steps {
            let length = step.gap.map_or(days, |gap| gap.min(days));
            let end = (step.bucket + length).min(buckets.count());
            begins[step.bucket] += step.people;
            ends[end] += step.people;
        }
        let mut users = 0;
        let changes = begins.into_iter().zip(ends);
        let days = buckets.list().iter().zip(changes);
        let days = days.map(|(bucket, (begins, ends))| {
            users = users + begins - ends;
            ActiveDay {
                date: bucket.label.wall_clock().date(),
                users,
            }
        });
        days.collect()
    }

    /// The weeks in which somebody was active.
    pub fn retention(&self) -> Vec<RetentionWeek> {
        let Some(buckets) = &self.buckets else {
            return Vec::new();
        };
        let mut counts = vec![(0, 0); buckets.count()];
        for step in &self.steps {
            let (active, retained) = &mut counts[step.bucket];
            *active += step.people;
            if step.gap == Some(1) {
                *retained += step.people;
            }
        }
        let weeks = buckets.list().iter().zip(counts);
        let weeks = weeks.filter(|(_bucket, (active, _retained))| *active > 0);
        let weeks = weeks.map(|(bucket, (active, retained))| RetentionWeek {
            date: bucket.label.wall_clock().date(),
            active,
            retained,
            retention: 100.0 * ratio(retained, active),
        });
        weeks.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use paneld_domain::parse_timestamp;
    use proptest::prelude::*;

    use super::*;

    type Days = Vec<BTreeSet<usize>>;

    fn activity(request: &ActivityRequest, first: &str, people: &Days) -> Activity {
        let mut steps = BTreeMap::<_, u64>::new();
        for active in people {
            for (&bucket, next) in active
                .iter()
                .zip(active.iter().skip(1).map(Some).chain([None]))
            {
                let gap = next.map(|next| next - bucket);
                let gap = gap.filter(|&gap| gap <= request.reach());
                *steps.entry((bucket, gap)).or_default() += 1;
            }
        }
        let steps = steps
            .into_iter()
            .map(|((bucket, gap), people)| ActivityStep {
                bucket,
                gap,
                people,
            });
        Activity {
            buckets: request.buckets_since(parse_timestamp(first).unwrap()),
            steps: steps.collect(),
        }
    }

    fn people(of_each: &[&[usize]]) -> Days {
        let sets = of_each.iter().map(|days| days.iter().copied().collect());
        sets.collect()
    }

    #[test]
    fn days_go_on_to_today_over_a_change_of_clocks() {
        let now = parse_timestamp("2026-03-30T10:00:00Z").unwrap();
        let zone = "Europe/Stockholm".parse().unwrap();
        let request = ActivityRequest::active_users(2, zone, now);
        // The 27th, in Stockholm.
        let activity = activity(&request, "2026-03-26T23:30:00Z", &people(&[&[0, 1], &[1]]));
        let series = activity.active_users(2);
        let series = series.iter().map(|day| (day.date.to_string(), day.users));
        let expected = [
            ("2026-03-27", 1),
            ("2026-03-28", 2),
            ("2026-03-29", 2),
            ("2026-03-30", 0),
        ];
        let expected = expected.map(|(date, users)| (date.to_owned(), users));
        assert_eq!(series.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn weeks_without_activity_are_left_out() {
        let now = parse_timestamp("2026-03-30T10:00:00Z").unwrap();
        let request = ActivityRequest::retention(Zone::UTC, now);
        let people = people(&[&[0, 1], &[0], &[0, 3], &[1]]);
        let weeks = activity(&request, "2026-03-04T00:00:00Z", &people).retention();
        let weeks = weeks.iter().map(|week| {
            let date = week.date.to_string();
            (date, week.active, week.retained, week.retention)
        });
        let expected = [
            ("2026-03-02".to_owned(), 3, 1, 100.0 * (1.0 / 3.0)),
            ("2026-03-09".to_owned(), 2, 0, 0.0),
            ("2026-03-23".to_owned(), 1, 0, 0.0),
        ];
        assert_eq!(weeks.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nothing_happened() {
        assert_eq!(Activity::default().active_users(7), []);
        assert_eq!(Activity::default().retention(), []);
    }

    proptest! {
        #[test]
        fn everybody_counts_once_in_each_window(
            people in prop::collection::vec(prop::collection::btree_set(0_usize..40, 1..8), 0..12),
            days in 1_usize..=45,
        ) {
            let now = parse_timestamp("2026-02-09T10:00:00Z").unwrap();
            let request = ActivityRequest::active_users(days, Zone::UTC, now);
            let activity = activity(&request, "2026-01-01T00:00:00Z", &people);
            let series = activity.active_users(days);
            prop_assert_eq!(series.len(), 40);
            for (last, day) in series.iter().enumerate() {
                let is_active = |active: &&BTreeSet<usize>| {
                    active.iter().any(|&day| day <= last && day + days > last)
                };
                prop_assert_eq!(day.users, people.iter().filter(is_active).count() as u64);
            }
        }
    }
}
