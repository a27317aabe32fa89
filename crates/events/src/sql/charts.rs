//! What an item of a chart needs to know of each event.

use paneld_analytics::{ChartRequest, EventItem, Measure};

use super::{Conditions, Joined, ValueOf};

/// The values of an event that a chart is made of.
pub(crate) struct ChartValues {
    /// One for each breakdown.
    pub(crate) labels: Vec<ValueOf>,
    /// What is summed up, if numbers are.
    pub(crate) number: Option<ValueOf>,
    /// Whether an event counts once for each of its groups.
    pub(crate) is_by_group: bool,
}

impl ChartValues {
    /// The values of an item of a chart; `None` where only sessions have one of them.
    pub(crate) fn of(
        conditions: &Conditions<'_>,
        request: &ChartRequest,
        item: &EventItem,
    ) -> Option<Self> {
        let breakdowns = request.breakdowns().iter();
        let labels = breakdowns
            .map(|breakdown| conditions.value_of(&breakdown.field))
            .collect::<Option<Vec<_>>>()?;
        let number = match &item.measure {
            Measure::Numbers(_, field) => Some(conditions.value_of(field)?),
            _ => None,
        };
        let mut values = Self {
            labels,
            number,
            is_by_group: item.measure == Measure::Groups,
        };
        values.is_by_group |= values.needs(Joined::Group);
        Some(values)
    }

    /// Whether one of the values comes from there.
    pub(crate) fn needs(&self, joined: Joined) -> bool {
        let mut values = self.labels.iter().chain(&self.number);
        values.any(|value| value.joined == joined)
    }
}
