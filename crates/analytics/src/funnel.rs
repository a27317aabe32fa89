//! How many take a way step by step: `docs/contract/insights.md` §7.12.

use std::{fmt, str::FromStr};

use chrono::TimeDelta;
use paneld_domain::InvalidValue;

use crate::{figures::percent, window::Window};

/// The unit that takes the steps of a funnel and is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FunnelUnit {
    /// A session takes the steps.
    #[default]
    Session,
    /// Profiles, over all their sessions.
    Profile,
}

impl FunnelUnit {
    /// Every unit: sessions and profiles.
    pub const ALL: [Self; 2] = [Self::Session, Self::Profile];

    /// The name by which it is asked for: that of the column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session_id",
            Self::Profile => "profile_id",
        }
    }
}

impl FromStr for FunnelUnit {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = Self::ALL.into_iter().find(|unit| unit.name() == text);
        unit.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

impl fmt::Display for FunnelUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// That no attempt has got so far.
pub const NOT_BEGUN: i64 = i64::MIN;

/// A question for a funnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelRequest {
    window: Window,
    steps: Vec<String>,
    within: TimeDelta,
    unit: FunnelUnit,
}

impl FunnelRequest {
    /// So few steps are no funnel.
    pub const FEWEST_STEPS: usize = 2;
    /// So many steps are looked at.
    pub const MOST_STEPS: usize = 10;

    /// Asks who had events of these names in this order, all within a time from the first.
    ///
    /// # Errors
    /// When there are too few steps or too many.
    pub fn new(
        window: Window,
        steps: Vec<String>,
        within: TimeDelta,
        unit: FunnelUnit,
    ) -> Result<Self, InvalidValue> {
        if !(Self::FEWEST_STEPS..=Self::MOST_STEPS).contains(&steps.len()) {
            return Err(InvalidValue::new("must have between 2 and 10 entries"));
        }
        Ok(Self {
            window,
            steps,
            within,
            unit,
        })
    }

    /// Only events in it count.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The names of the events.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// How long after the first step the last one may be.
    pub fn within(&self) -> TimeDelta {
        self.within
    }

    /// The unit that takes the steps and is counted.
    pub fn unit(&self) -> FunnelUnit {
        self.unit
    }

    /// Every name once, and which steps an event of this name may be.
    pub fn step_names(&self) -> Vec<(&str, u16)> {
        let mut names = Vec::<(&str, u16)>::new();
        for (place, step) in self.steps.iter().enumerate() {
            let bit = 1 << place;
            match names.iter_mut().find(|(name, _bits)| name == step) {
                Some((_name, bits)) => *bits |= bit,
                None => names.push((step, bit)),
            }
        }
        names
    }

    /// Takes in what somebody did in a millisecond, in the order of time.
    ///
    /// `began` has a place for each step, [`NOT_BEGUN`] at first: of all attempts that took it,
    /// when that one began which began last, and so has most time left. `steps` are those that the
    /// events of this millisecond may be; the lowest bit is the first step.
    pub fn advance(&self, began: &mut [i64], at_ms: i64, steps: u16) {
        let within = self.within.num_milliseconds();
        // The last step first, so that nobody takes two at the same time.
        for step in (0..began.len()).rev() {
            if steps & (1 << step) == 0 {
                continue;
            }
            let start = match step.checked_sub(1) {
                None => at_ms,
                Some(before) => began[before],
            };
            if start != NOT_BEGUN && at_ms - start <= within {
                began[step] = began[step].max(start);
            }
        }
    }

    /// How many steps the best attempt took.
    pub fn reached(began: &[i64]) -> usize {
        let began = began.iter();
        began.take_while(|&&start| start != NOT_BEGUN).count()
    }
}

/// A step, and who reached it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelStep {
    /// The name of the event.
    pub name: String,
    /// How many sessions or profiles reached it.
    pub users: u64,
    /// How many of a hundred that began these are, to two decimals.
    pub conversion_rate: f64,
    /// How many of a hundred of them do not reach the next, to two decimals; `None` of the last.
    pub dropoff: Option<f64>,
    /// Whether more are lost after it than after any other; of several the first.
    pub is_highest_dropoff: bool,
}

/// How many took a way step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelAnswer {
    /// All steps that were asked for.
    pub steps: Vec<FunnelStep>,
    /// How many of a hundred that began reached the last step, to two decimals.
    pub conversion_rate: f64,
}

impl FunnelAnswer {
    /// Makes figures of how many reached exactly so many steps: `reached[2]` is about two.
    pub fn of(request: &FunnelRequest, reached: &[u64]) -> Self {
        let at_least = |step: usize| reached.iter().skip(step + 1).sum::<u64>();
        let users = (0..request.steps.len()).map(at_least).collect::<Vec<_>>();
        let total = users.first().copied().unwrap_or_default();
        let losses = users.windows(2).map(|pair| pair[0] - pair[1]);
        let losses = losses.collect::<Vec<_>>();
        let largest = losses.iter().copied().max().filter(|&loss| loss > 0);
        let worst = losses.iter().position(|&loss| Some(loss) == largest);
        let steps = request.steps.iter().zip(&users).enumerate();
        let steps = steps.map(|(place, (name, &users))| FunnelStep {
            name: name.clone(),
            users,
            conversion_rate: percent(users, total),
            dropoff: losses.get(place).map(|&loss| percent(loss, users)),
            is_highest_dropoff: worst == Some(place),
        });
        Self {
            steps: steps.collect(),
            conversion_rate: percent(users.last().copied().unwrap_or_default(), total),
        }
    }

    /// The number of units that took the first step.
    pub fn total(&self) -> u64 {
        self.steps.first().map_or(0, |step| step.users)
    }

    /// How many reached the last step.
    pub fn completed(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.users)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn request(steps: &[&str], within_ms: i64) -> FunnelRequest {
        let steps = steps.iter().map(|&step| step.to_owned()).collect();
        let within = TimeDelta::milliseconds(within_ms);
        FunnelRequest::new(Window::everything(), steps, within, FunnelUnit::Session).unwrap()
    }

    fn reached(steps: &[&str], within_ms: i64, events: &[(i64, &str)]) -> usize {
        let request = request(steps, within_ms);
        let names = request.step_names();
        let mut moments = BTreeMap::<i64, u16>::new();
        for (at_ms, event) in events {
            for (name, steps) in &names {
                if name == event {
                    *moments.entry(*at_ms).or_default() |= steps;
                }
            }
        }
        let mut began = vec![NOT_BEGUN; steps.len()];
        for (at_ms, steps) in moments {
            request.advance(&mut began, at_ms, steps);
        }
        FunnelRequest::reached(&began)
    }

    #[test]
    fn steps_are_taken_in_order_and_in_time() {
        let abc = ["a", "b", "c"];
        assert_eq!(reached(&abc, 100, &[]), 0);
        assert_eq!(reached(&abc, 100, &[(0, "b"), (1, "c")]), 0);
        assert_eq!(
            reached(&abc, 100, &[(0, "a"), (50, "x"), (60, "b"), (100, "c")]),
            3
        );
        assert_eq!(reached(&abc, 100, &[(0, "a"), (60, "b"), (101, "c")]), 2);
        assert_eq!(reached(&abc, 100, &[(0, "a"), (1, "c"), (2, "b")]), 2);
    }

    #[test]
    fn no_two_steps_are_taken_at_the_same_time() {
        assert_eq!(reached(&["a", "b"], 100, &[(5, "a"), (5, "b")]), 1);
        assert_eq!(reached(&["a", "a"], 100, &[(5, "a"), (5, "a")]), 1);
        assert_eq!(reached(&["a", "a"], 100, &[(5, "a"), (6, "a")]), 2);
    }

    #[test]
    fn the_best_attempt_counts() {
        let events = [(0, "a"), (90, "a"), (95, "b"), (190, "c")];
        assert_eq!(reached(&["a", "b", "c"], 100, &events), 3);
        // The later start does not take the first one's steps.
        let events = [(0, "a"), (50, "b"), (60, "a"), (100, "c")];
        assert_eq!(reached(&["a", "b", "c"], 100, &events), 3);
    }

    #[test]
    fn figures_of_counts() {
        let request = request(&["a", "b", "c"], 1);
        let answer = FunnelAnswer::of(&request, &[9, 5, 0, 3]);
        let steps = answer.steps.iter().map(|step| {
            let rate = step.conversion_rate;
            (step.users, rate, step.dropoff, step.is_highest_dropoff)
        });
        let expected = [
            (8, 100.0, Some(62.5), true),
            (3, 37.5, Some(0.0), false),
            (3, 37.5, None, false),
        ];
        assert_eq!(steps.collect::<Vec<_>>(), expected);
        assert_eq!((answer.total(), answer.completed()), (8, 3));
        assert_eq!(answer.conversion_rate, 37.5);
        let nothing = FunnelAnswer::of(&request, &[]);
        assert_eq!(nothing.steps.len(), 3);
        assert!(
            nothing
                .steps
                .iter()
                .all(|step| step.users == 0 && !step.is_highest_dropoff)
        );
    }

    /// Tries every choice of events.
    fn by_trying(steps: &[&str], within: i64, events: &[(i64, &str)]) -> usize {
        fn go_on(
            steps: &[&str],
            start: i64,
            last: i64,
            within: i64,
            events: &[(i64, &str)],
        ) -> usize {
            let Some((next, later)) = steps.split_first() else {
                return 0;
            };
            let fits = events
                .iter()
                .filter(|(at, name)| name == next && *at > last && at - start <= within);
            let best = fits.map(|(at, _name)| 1 + go_on(later, start, *at, within, events));
            best.max().unwrap_or(0)
        }
        let starts = events.iter().filter(|(_at, name)| *name == steps[0]);
        let best = starts.map(|&(at, _name)| 1 + go_on(&steps[1..], at, at, within, events));
        best.max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_attempt_is_better_than_the_best(
            steps in prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 2..=5),
            events in prop::collection::vec(
                (0_i64..12, prop::sample::select(&["a", "b", "c", "x"][..])), 0..14),
            within in 1_i64..14,
        ) {
            prop_assert_eq!(reached(&steps, within, &events), by_trying(&steps, within, &events));
        }
    }
}
