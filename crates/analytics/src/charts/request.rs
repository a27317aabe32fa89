//! What can be asked of charts: `docs/contract/export.md` §5.

use paneld_domain::{PathStep, Problem, Timestamp, Zone};
use serde_json::{Map, Value};

use super::{Formula, period};
use crate::{
    buckets::{Buckets, Interval},
    filter::{Allowance, Column, Field, Filter, PropertyKey, named},
    query::{Query, WindowNames},
    range::Range,
    scalar::scalar_text,
    window::DefaultWindow,
};

named! {
    /// What is made of the numbers in a property.
    Aggregate {
        /// Their sum.
        Sum = "property_sum",
        /// Their mean.
        Average = "property_average",
        /// The smallest.
        Min = "property_min",
        /// The greatest.
        Max = "property_max",
    }
}

/// What is counted in a bucket.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// The number of events.
    Events,
    /// The number of different profiles.
    Users,
    /// The number of different sessions.
    Sessions,
    /// The number of different groups.
    Groups,
    /// Events for each different profile.
    EventsPerUser,
    /// Profiles, each only once in the window: in the bucket of its latest event.
    OncePerUser,
    /// The numbers in a field; events where it is empty do not count.
    Numbers(Aggregate, Field),
}

/// The names of segments that need no property.
const SEGMENTS: [(&str, Measure); 6] = [
    ("event", Measure::Events),
    ("user", Measure::Users),
    ("session", Measure::Sessions),
    ("group", Measure::Groups),
    ("user_average", Measure::EventsPerUser),
    ("one_event_per_user", Measure::OncePerUser),
];

/// An item of a chart that counts events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventItem {
    /// Only events of this name; events of all names, when there is none.
    pub name: Option<String>,
    /// The conditions that an event has to meet to count.
    pub filters: Vec<Filter>,
    /// What is counted of them.
    pub measure: Measure,
}

/// Arithmetic over the items before.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaItem {
    /// The formula, over items that stand before it.
    pub formula: Formula,
    /// What its series are called.
    pub name: String,
    /// The places of items whose series are not shown.
    pub hidden: Vec<usize>,
}

/// One thing that a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub enum ChartItem {
    /// Events that are counted.
    Events(EventItem),
    /// A formula over items that stand before it.
    Formula(FormulaItem),
}

impl ChartItem {
    /// What its series are called.
    pub fn name(&self) -> &str {
        match self {
            Self::Events(item) => item.name.as_deref().unwrap_or(ALL_EVENTS),
            Self::Formula(item) => &item.name,
        }
    }
}

/// The name that stands for events of all names.
const ALL_EVENTS: &str = "*";

/// By what items are split into series.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The name of the field, as the caller wrote it.
    pub name: String,
    /// The field whose values make a series each.
    pub field: Field,
}

/// A question for a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRequest {
    pub(super) interval: Interval,
    pub(super) buckets: Buckets,
    pub(super) previous: Option<Buckets>,
    pub(super) items: Vec<ChartItem>,
    pub(super) breakdowns: Vec<Breakdown>,
}

impl ChartRequest {
    /// So many items has a chart at most.
    pub const MOST_ITEMS: usize = 10;
    /// By so many things items are split at most.
    pub const MOST_BREAKDOWNS: usize = 4;
    /// So many series are made of an item at most: those with the greatest sums.
    pub const MOST_SERIES: usize = 500;
    /// So many points have all series together at most.
    pub const MOST_POINTS: usize = 250_000;
    /// So many steps take all formulas together at most, over all points that they make.
    pub const MOST_STEPS: usize = 5_000_000;
    /// So many characters of a label are looked at.
    pub const LONGEST_LABEL: usize = 1_024;

    /// The buckets of the window, in its zone.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// How long a part is.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// The window before, in parts, if it is asked for.
    pub fn previous(&self) -> Option<&Buckets> {
        self.previous.as_ref()
    }

    /// The items of the chart, in order.
    pub fn items(&self) -> &[ChartItem] {
        &self.items
    }

    /// By what it is split.
    pub fn breakdowns(&self) -> &[Breakdown] {
        &self.breakdowns
    }
}

impl Query {
    /// A chart: `series` or `events`, `breakdowns`, `interval`, `previous` and the window.
    pub fn chart(&mut self, zone: Zone, now: Timestamp) -> Option<ChartRequest> {
        let default = DefaultWindow::Range(Range::ThirtyDays);
        let window = self.window_that_counts(WindowNames::DATES, zone, now, default);
        let interval = self.parsed::<Interval>("interval").unwrap_or(Interval::Day);
        let wants_previous = self.boolean("previous").unwrap_or(false);
        let source = if self.has("series") {
            "series"
        } else {
            "events"
        };
        let mut allowance = Allowance::default();
        let read_item =
            |item: &Map<_, _>, place, _before: &[_]| read_item(item, place, &mut allowance);
        let items = self.list(source, ChartRequest::MOST_ITEMS, "items", read_item);
        let most = ChartRequest::MOST_BREAKDOWNS;
        let breakdowns = self.list("breakdowns", most, "breakdowns", read_breakdown);
        let (_, window) = window?;
        let mut cut = |window| match Buckets::new(window, interval, zone) {
            Ok(buckets) => Some(buckets),
            Err(why) => {
                self.report(Problem::of("interval", &why));
                None
            }
        };
        let buckets = cut(window)?;
        let previous = if wants_previous {
            Some(cut(period::before(window, zone))?)
        } else {
            None
        };
        Some(ChartRequest {
            interval,
            buckets,
            previous,
            items,
            breakdowns,
        })
    }

    /// A JSON list of at most so many entries, each of which is read knowing its place and those
    /// before it.
    fn list<T>(
        &mut self,
        name: &str,
        most: usize,
        what: &str,
        mut read: impl FnMut(&Map<String, Value>, usize, &[T]) -> Result<T, Vec<Problem>>,
    ) -> Vec<T> {
        let mut entries = Vec::new();
        let mut problems = Vec::new();
        match self.json(name) {
            None => {}
            Some(Value::Array(values)) if values.len() > most => {
                problems.push(Problem::at([], format!("must be at most {most} {what}")));
            }
            Some(Value::Array(values)) => {
                for (place, value) in values.iter().enumerate() {
                    let entry = match value {
                        Value::Object(value) => read(value, place, &entries),
                        _ => Err(vec![Problem::at([], "must be an object")]),
                    };
                    match entry {
                        Ok(entry) => entries.push(entry),
                        Err(wrong) => {
                            problems.extend(wrong.into_iter().map(|why| why.within(place)));
                        }
                    }
                }
            }
            Some(_) => problems.push(Problem::at([], "must be a list")),
        }
        for problem in problems {
            self.report(problem.within(name));
        }
        entries
    }
}

fn read_item(
    item: &Map<String, Value>,
    place: usize,
    allowance: &mut Allowance,
) -> Result<ChartItem, Vec<Problem>> {
    if item.get("type").and_then(Value::as_str) == Some("formula") {
        return read_formula(item, place).map(ChartItem::Formula);
    }
    let mut problems = Vec::new();
    let name = keep(read_text(item, "name"), &mut problems).flatten();
    if name.is_none() && problems.is_empty() {
        problems.push(Problem::at(["name".into()], "is required"));
    }
    let filters = match item.get("filters") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => Filter::read_within(list, allowance).unwrap_or_else(|wrong| {
            problems.extend(wrong.into_iter().map(|why| why.within("filters")));
            Vec::new()
        }),
    };
    let measure = keep(read_measure(item), &mut problems);
    match (name, measure) {
        (Some(name), Some(measure)) if problems.is_empty() => Ok(ChartItem::Events(EventItem {
            name: Some(name).filter(|name| name != ALL_EVENTS),
            filters,
            measure,
        })),
        _ => Err(problems),
    }
}

fn keep<T>(read: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    read.map_err(|problem| problems.push(problem)).ok()
}

/// A text, if it is there.
fn read_text(item: &Map<String, Value>, key: &str) -> Result<Option<String>, Problem> {
    let text = match item.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => scalar_text(value),
    };
    match text {
        Some(text) if text.contains('\0') => {
            Err(Problem::at([key.into()], "must not contain NUL characters"))
        }
        Some(text) => Ok(Some(text)),
        None => Err(Problem::at([key.into()], "must be a text")),
    }
}

fn read_measure(item: &Map<String, Value>) -> Result<Measure, Problem> {
    let segment = read_text(item, "segment")?;
    let segment = segment.as_deref().unwrap_or("event");
    if let Some((_, measure)) = SEGMENTS.iter().find(|(name, _)| *name == segment) {
        return Ok(measure.clone());
    }
    let Some(aggregate) = Aggregate::named(segment) else {
        let counted = SEGMENTS.iter().map(|(name, _)| *name);
        let names = counted.chain(Aggregate::ALL.iter().map(|aggregate| aggregate.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(Problem::at(
            ["segment".into()],
            format!("must be one of {names}"),
        ));
    };
    let Some(property) = read_text(item, "property")?.filter(|name| !name.is_empty()) else {
        return Ok(Measure::Events);
    };
    let wrong = |why: String| Problem::at(["property".into()], why);
    let field: Field = property.parse().map_err(|why| wrong(format!("{why}")))?;
    match field {
        Field::Column(_)
        | Field::Utm(_)
        | Field::Property(PropertyKey::Exact(_))
        | Field::Profile(_)
        | Field::ProfileProperty(_) => Ok(Measure::Numbers(aggregate, field)),
        Field::Property(PropertyKey::Pattern { .. })
        | Field::HasProfile
        | Field::Group(_)
        | Field::GroupProperty(_)
        | Field::Session(_) => Err(wrong(
            "must be one value of an event, such as revenue or properties.price".to_owned(),
        )),
    }
}

fn read_formula(item: &Map<String, Value>, place: usize) -> Result<FormulaItem, Vec<Problem>> {
    let mut problems = Vec::new();
    let text = keep(read_text(item, "formula"), &mut problems).flatten();
    let formula = match text {
        Some(text) => Formula::parse(&text, place)
            .map_err(|why| problems.push(Problem::of("formula", &why)))
            .ok(),
        None if problems.is_empty() => {
            problems.push(Problem::at(["formula".into()], "is required"));
            None
        }
        None => None,
    };
    let name = keep(read_text(item, "displayName"), &mut problems).flatten();
    let hidden = match read_hidden(item, place) {
        Ok(hidden) => hidden,
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    };
    match formula {
        Some(formula) if problems.is_empty() => Ok(FormulaItem {
            name: name
                .filter(|name| !name.trim().is_empty())
                .unwrap_or_else(|| formula.as_str().to_owned()),
            formula,
            hidden,
        }),
        _ => Err(problems),
    }
}

/// Letters of items before.
fn read_hidden(item: &Map<String, Value>, place: usize) -> Result<Vec<usize>, Problem> {
    let at = |steps: Vec<PathStep>, why: &str| {
        Problem::at(std::iter::once("hideSeries".into()).chain(steps), why)
    };
    let letters = match item.get("hideSeries") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(letters)) => letters,
        Some(_) => return Err(at(Vec::new(), "must be a list")),
    };
    let read = |(entry, letter): (usize, &Value)| {
        let places = 0..place;
        let letter = letter.as_str().unwrap_or_default();
        let found = places
            .into_iter()
            .find(|&place| super::naming::letter(place) == letter);
        found.ok_or_else(|| {
            at(
                vec![entry.into()],
                "must be the letter of an item that stands before it, such as A",
            )
        })
    };
    letters.iter().enumerate().map(read).collect()
}

fn read_breakdown(
    item: &Map<String, Value>,
    _place: usize,
    before: &[Breakdown],
) -> Result<Breakdown, Vec<Problem>> {
    let wrong = |why: &str| vec![Problem::at(["name".into()], why)];
    let name = read_text(item, "name").map_err(|problem| vec![problem])?;
    let name = name.ok_or_else(|| wrong("is required"))?;
    if name == "cohort" || name.starts_with("cohort:") {
        return Err(wrong("Cohorts are not supported"));
    }
    if before.iter().any(|other| other.name == name) {
        return Err(wrong("must not be given twice"));
    }
    let field = name.parse::<Field>();
    match field.map_err(|why| wrong(&why.to_string()))? {
        Field::Session(_) => Err(wrong("must be about an event, its profile or its groups")),
        // All events would have the same label.
        Field::Column(Column::ProjectId) => Err(wrong("must not be the project")),
        field => Ok(Breakdown { name, field }),
    }
}

#[cfg(test)]
mod tests;
