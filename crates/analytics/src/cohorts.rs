//! How long those stay who came in the same week: `docs/contract/insights.md` §7.10.

use chrono::NaiveDate;
use paneld_domain::{Timestamp, Zone};

use crate::{
    buckets::Buckets,
    figures::{ratio, round_to_cents},
    window::{DefaultWindow, WindowRequest, resolve},
};

/// The week in which somebody came, and the twelve after it.
const WEEKS: usize = 13;

/// A question about the last twelve weeks and the one that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortsRequest {
    buckets: Buckets,
}

impl CohortsRequest {
    /// Asks about the time from the beginning of the day twelve weeks ago up to now.
    ///
    /// `None` where there is no such time, before the year 1.
    pub fn new(zone: Zone, now: Timestamp) -> Option<Self> {
        let window = DefaultWindow::DaysToNow(12 * 7);
        let window = resolve(&WindowRequest::default(), zone, now, window).ok()?;
        Some(Self {
            buckets: Buckets::weeks(window, zone),
        })
    }

    /// The weeks that are compared, as buckets of the window.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }
}

/// People who were active for the first and for the last time in the same weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The week of the first time.
    pub first: usize,
    /// The week of the last time.
    pub last: usize,
    /// The number of people with these two weeks.
    pub people: u64,
}

/// How many people there were, and how many of them stayed for how many weeks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CohortFigures {
    /// The number of people who came first in this week.
    pub sum: u64,
    /// How many were active so many weeks later, or later still.
    pub values: [u64; WEEKS],
    /// The same as fractions of the sum, to two decimals.
    pub percentages: [f64; WEEKS],
}

/// The people who came first in the same week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cohort {
    /// The Monday of the week in which they came first.
    pub week: NaiveDate,
    /// How many of them were still there in each of the weeks that followed.
    pub figures: CohortFigures,
}

/// How those stayed who came in one week each.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortsAnswer {
    /// A cohort of mean size, which stays as all of them together.
    pub average: CohortFigures,
    /// Week by week; those in which nobody came are left out.
    pub cohorts: Vec<Cohort>,
}

impl CohortsAnswer {
    /// Makes figures of counts; `None` when nobody came.
    pub fn of(buckets: &Buckets, stays: &[Stay]) -> Option<Self> {
        let mut cohorts = vec![(0, [0; WEEKS]); buckets.count()];
        for stay in stays {
            let (sum, values) = &mut cohorts[stay.first];
            *sum += stay.people;
            let weeks = stay.last.saturating_sub(stay.first) + 1;
            for value in values.iter_mut().take(weeks) {
                *value += stay.people;
            }
        }
        let weeks = cohorts.iter().zip(buckets.list());
        let weeks = weeks.filter(|((sum, _values), _bucket)| *sum > 0);
        let weeks = weeks.map(|(&(sum, values), bucket)| Cohort {
            week: bucket.label.wall_clock().date(),
            figures: CohortFigures {
                sum,
                values,
                percentages: values.map(|value| round_to_cents(ratio(value, sum))),
            },
        });
        let listed = weeks.collect::<Vec<_>>();
        (!listed.is_empty()).then(|| Self {
            average: average(&cohorts),
            cohorts: listed,
        })
    }
}

/// How many of a cohort are there after so many weeks says nothing before these have passed.
fn average(cohorts: &[(u64, [u64; WEEKS])]) -> CohortFigures {
    let count = cohorts.iter().filter(|(sum, _values)| *sum > 0).count();
    let total = cohorts.iter().map(|(sum, _values)| sum).sum();
    let sum = ratio(total, count as u64).round();
    let mut figures = CohortFigures {
        sum: whole(sum),
        ..CohortFigures::default()
    };
    for week in 0..WEEKS {
        let old_enough = &cohorts[..cohorts.len().saturating_sub(week)];
        let people = old_enough.iter().map(|(sum, _values)| sum).sum();
        let stayed = old_enough.iter().map(|(_sum, values)| values[week]).sum();
        let rate = ratio(stayed, people);
        figures.values[week] = whole((rate * sum).round());
        figures.percentages[week] = round_to_cents(rate);
    }
    figures
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of people, rounded"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use paneld_domain::parse_timestamp;
    use proptest::prelude::*;

    use super::*;

    fn request() -> CohortsRequest {
        let now = parse_timestamp("2026-03-25T10:00:00Z").unwrap();
        CohortsRequest::new(Zone::UTC, now).unwrap()
    }

    fn stay(first: usize, last: usize, people: u64) -> Stay {
        Stay {
            first,
            last,
            people,
        }
    }

    #[test]
    fn there_are_thirteen_weeks_whatever_day_it_is() {
        for zone in [
            "UTC",
            "Europe/Stockholm",
            "Pacific/Apia",
            "America/New_York",
        ] {
            for hour in 0..24 * 14 {
                let now = parse_timestamp("2026-03-20T00:30:00Z").unwrap();
                let now = now + chrono::TimeDelta::hours(hour);
                let request = CohortsRequest::new(zone.parse().unwrap(), now).unwrap();
                assert_eq!(request.buckets().count(), WEEKS, "{zone} {now}");
            }
        }
    }

    #[test]
    fn young_cohorts_do_not_lower_the_average() {
        let stays = [
            stay(0, 0, 2),
            stay(0, 12, 2),
            stay(11, 12, 1),
            stay(12, 12, 5),
        ];
        let answer = CohortsAnswer::of(request().buckets(), &stays).unwrap();
        let weeks = answer.cohorts.iter().map(|cohort| cohort.week.to_string());
        let expected = ["2025-12-29", "2026-03-16", "2026-03-23"];
        assert_eq!(weeks.collect::<Vec<_>>(), expected);
        let [oldest, young, youngest] = [0, 1, 2].map(|place| answer.cohorts[place].figures);
        assert_eq!(oldest.values, [4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(oldest.percentages[..2], [1.0, 0.5]);
        assert_eq!(young.values[..3], [1, 1, 0]);
        assert_eq!(
            (youngest.sum, youngest.values[0], youngest.values[1]),
            (5, 5, 0)
        );
        // 10 people in 3 cohorts; 3 of 5 were there a week later, 2 of 4 two weeks later.
        assert_eq!(answer.average.sum, 3);
        assert_eq!(answer.average.values[..3], [3, 2, 2]);
        assert_eq!(answer.average.percentages[..3], [1.0, 0.6, 0.5]);
    }

    #[test]
    fn nobody_came() {
        assert_eq!(CohortsAnswer::of(request().buckets(), &[]), None);
    }

    proptest! {
        #[test]
        fn who_stays_longer_also_stays_less_long(
            stays in prop::collection::vec((0_usize..13, 0_usize..13, 1_u64..9), 1..20)
        ) {
            let stays = stays.iter().map(|&(a, b, people)| stay(a.min(b), a.max(b), people));
            let stays = stays.collect::<Vec<_>>();
            let answer = CohortsAnswer::of(request().buckets(), &stays).unwrap();
            for Cohort { figures, .. } in &answer.cohorts {
                prop_assert_eq!(figures.values[0], figures.sum);
                prop_assert!(figures.values.is_sorted_by(|a, b| a >= b));
            }
            let came = answer.cohorts.iter().map(|cohort| cohort.figures.sum).sum::<u64>();
            prop_assert_eq!(came, stays.iter().map(|stay| stay.people).sum::<u64>());
        }
    }
}
