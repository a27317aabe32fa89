//! Counting day by day.

use std::{hash::Hash, ops::RangeInclusive, sync::Arc};

use chrono::TimeDelta;
use paneld_analytics::Window;
use paneld_domain::ProjectKey;

use super::{
    changes::Moment,
    parts::{Part, Parts},
};
use crate::duckdb::{fault::Fault, sql::Sql};

/// So many days are counted one by one.
const MOST_DAYS: usize = 400;

const DAY: TimeDelta = TimeDelta::hours(24);

/// Days that follow one another: 24 hours each, whatever the clock does.
pub(crate) struct Days {
    window: Window,
    count: usize,
}

impl Days {
    /// The days of a window, from its start on; `None` when there are too many.
    fn of(window: Window) -> Option<Self> {
        let whole = (window.end - window.start).num_milliseconds() - 1;
        let count = usize::try_from(whole / DAY.num_milliseconds()).ok()? + 1;
        (count <= MOST_DAYS).then_some(Self { window, count })
    }

    fn day(&self, place: usize) -> Window {
        let days = i32::try_from(place).unwrap_or(i32::MAX);
        let start = self.window.start + DAY * days;
        Window {
            start,
            end: self.window.end.min(start + DAY),
        }
    }

    fn part(&self, places: RangeInclusive<usize>) -> Self {
        let (first, last) = (*places.start(), *places.end());
        Self {
            window: Window {
                start: self.day(first).start,
                end: self.day(last).end,
            },
            count: places.count(),
        }
    }

    /// All of their time.
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// How many there are: never none.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The place of the day to which a moment belongs.
    pub(crate) fn place_of(&self, moment: &str) -> Sql {
        Sql::new(&format!("((epoch_ms({moment}) - "))
            .add(Sql::number(self.window.start.timestamp_millis()))
            .push(") // ")
            .add(Sql::number(DAY.num_milliseconds()))
            .push(")")
    }
}

impl<T: Part, K: Copy + Eq + Hash> Parts<T, K> {
    /// The parts of the days of a window. Those that are not known are counted, by somebody who
    /// sees everything up to this moment. `None` when there are too many days.
    pub(crate) fn by_days(
        &self,
        project: ProjectKey,
        window: Window,
        what: K,
        as_of: Moment,
        count: impl FnOnce(&Days) -> Result<Vec<T>, Fault>,
    ) -> Result<Option<Vec<Arc<T>>>, Fault> {
        let Some(days) = Days::of(window) else {
            return Ok(None);
        };
        let known = (0..days.count).map(|place| self.find(project, days.day(place), what));
        let mut parts = known.collect::<Vec<_>>();
        let unknown = |part: &Option<_>| part.is_none();
        let ends = [
            parts.iter().position(unknown),
            parts.iter().rposition(unknown),
        ];
        if let [Some(first), Some(last)] = ends {
            for (place, part) in (first..).zip(count(&days.part(first..=last))?) {
                if parts[place].is_some() {
                    continue;
                }
                let part = Arc::new(part);
                self.remember(project, days.day(place), what, &part, as_of);
                parts[place] = Some(part);
            }
        }
        Ok(Some(parts.into_iter().flatten().collect()))
    }
}
