//! From what was counted to a chart: `docs/contract/export.md` §6.3 to §6.8.

use std::collections::BTreeMap;

use paneld_domain::Problem;

use super::{
    ChartItem, ChartRequest, Delta, FormulaItem, Measure,
    naming::{Ids, NOT_SET, letter},
};
use crate::{
    buckets::{Bucket, Buckets, Label},
    figures::round_to_cents,
};

/// What the event store counted for one combination of labels of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedSeries {
    /// The label of each breakdown; empty where it is not known.
    pub labels: Vec<String>,
    /// Different profiles in the whole window.
    pub people: u64,
    /// The values of the buckets in which there is something, each once, by the place of the
    /// bucket.
    pub points: Vec<(usize, f64)>,
}

/// Everything that the event store says about a [`ChartRequest`]: for each item its series, none
/// for a formula.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChartRows {
    /// The series of each item, counted in the window.
    pub current: Vec<Vec<CountedSeries>>,
    /// In the window before, as far as it is asked for.
    pub previous: Vec<Vec<CountedSeries>>,
}

/// What can be said of a series as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary<T> {
    /// The sum of its values, to two decimals.
    pub sum: T,
    /// The mean of its values that are not 0, to two decimals.
    pub average: T,
    /// The least of its values.
    pub min: T,
    /// The greatest of its values.
    pub max: T,
    /// Different profiles in the whole window. Not told when there are none, and not of profiles
    /// that count once anyway.
    pub count: Option<T>,
}

impl Summary<f64> {
    fn of<'a>(values: impl IntoIterator<Item = &'a f64>, count: f64) -> Self {
        let (mut sum, mut filled) = (0.0, 0_u64);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for &value in values {
            sum += value;
            filled += u64::from(value != 0.0);
            min = min.min(value);
            max = max.max(value);
        }
        let or_0 = |value: f64| if value.is_finite() { value } else { 0.0 };
        Self {
            sum: round_to_cents(sum),
            average: or_0(round_to_cents(sum / filled as f64)),
            min: or_0(min),
            max: or_0(max),
            count: Some(count).filter(|count| *count != 0.0),
        }
    }

    fn since(&self, before: &Self) -> Summary<Delta> {
        let count = before.count.or(self.count.map(|_| 0.0));
        Summary {
            sum: Delta::between(before.sum, self.sum),
            average: Delta::between(before.average, self.average),
            min: Delta::between(before.min, self.min),
            max: Delta::between(before.max, self.max),
            count: count.map(|before| Delta::between(before, self.count.unwrap_or(0.0))),
        }
    }
}

/// A point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartPoint {
    /// The bucket to which the point belongs.
    pub label: Label,
    /// The value of the series in that bucket.
    pub value: f64,
    /// The value of the bucket at the same place in the window before.
    pub previous: Option<Delta>,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartSeries {
    /// An id that no other series of the answer has.
    pub id: String,
    /// What it is called, and its labels.
    pub names: Vec<String>,
    /// The letter of its item.
    pub letter: String,
    /// The name of its item.
    pub name: String,
    /// The label of each breakdown; `None` where it is not known.
    pub breakdowns: Vec<(String, Option<String>)>,
    /// What can be said of it.
    pub metrics: Summary<f64>,
    /// What it was before, if there was such a series.
    pub previous: Option<Summary<Delta>>,
    /// A point for every bucket, in order.
    pub points: Vec<ChartPoint>,
}

/// The series of a chart, with the figures of the whole window.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartAnswer {
    /// Its lines, those with the greatest sums first.
    pub series: Vec<ChartSeries>,
    /// What can be said of all lines together.
    pub metrics: Summary<f64>,
    /// What that was before, if one of the lines was there before.
    pub previous: Option<Summary<Delta>>,
}

impl ChartAnswer {
    /// Makes a chart of what was counted.
    ///
    /// # Errors
    /// When it would have too many points.
    pub fn of(request: &ChartRequest, rows: ChartRows) -> Result<Self, Problem> {
        let current = Table::of(request, request.buckets(), rows.current)?;
        let before = match request.previous() {
            Some(buckets) => Some(Table::of(request, buckets, rows.previous)?),
            None => None,
        };
        let first = request
            .buckets()
            .first_to_show(|bucket| current.has(bucket));
        let mut ids = Ids::default();
        let mut series = Vec::new();
        let mut values_before = Vec::new();
        let hidden = hidden(request);
        for (place, lines) in current.items.iter().enumerate() {
            if hidden.contains(&place) {
                continue;
            }
            for (labels, line) in lines {
                let earlier = before.as_ref().and_then(|table| table.line(place, labels));
                // All of them: the window before may have more buckets than this one.
                let earlier = earlier.map(|line| line.from(first));
                values_before.extend(earlier.iter().flat_map(|line| line.values.iter().copied()));
                let names = Names::new(request, place, labels, &mut ids);
                let buckets = request.buckets().list().get(first..).unwrap_or_default();
                series.push(names.series(buckets, line.from(first), earlier));
            }
        }
        // Stable: those with the same sum stay in the order of items, and of their first value.
        let first_value = |series: &ChartSeries| {
            let mut points = series.points.iter();
            points.position(|point| point.value != 0.0)
        };
        series.sort_by_key(|series| (series.letter.clone(), first_value(series)));
        series.sort_by(|one, other| other.metrics.sum.total_cmp(&one.metrics.sum));
        let points = series.iter().flat_map(|series| &series.points);
        let values: Vec<_> = points.map(|point| point.value).collect();
        let metrics = Summary::of(&values, 0.0);
        let previous = Summary::of(&values_before, 0.0);
        let previous = Some(previous).filter(|_| !values_before.is_empty());
        Ok(Self {
            previous: previous.map(|before| metrics.since(&before)),
            metrics,
            series,
        })
    }
}

/// The places of items that are only there for formulas.
fn hidden(request: &ChartRequest) -> Vec<usize> {
    let formulas = request.items().iter().filter_map(|item| match item {
        ChartItem::Formula(item) => Some(&item.hidden),
        ChartItem::Events(_) => None,
    });
    formulas.flatten().copied().collect()
}

/// All values of one series, and how many people there are in it.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    values: Vec<f64>,
    people: f64,
}

impl Line {
    /// What it is from this bucket on.
    fn from(&self, first: usize) -> VisibleLine<'_> {
        VisibleLine {
            values: self.values.get(first..).unwrap_or_default(),
            people: self.people,
        }
    }
}

/// The buckets of a line that are shown.
#[derive(Debug, Clone, Copy)]
struct VisibleLine<'a> {
    values: &'a [f64],
    people: f64,
}

/// All series of a window, by item and labels.
struct Table {
    items: Vec<BTreeMap<Vec<String>, Line>>,
}

impl Table {
    fn of(
        request: &ChartRequest,
        buckets: &Buckets,
        counted: Vec<Vec<CountedSeries>>,
    ) -> Result<Self, Problem> {
        let mut table = Self { items: Vec::new() };
        let mut room = Room::default();
        let mut counted = counted.into_iter();
        for item in request.items() {
            let rows = counted.next().unwrap_or_default();
            let lines = match item {
                ChartItem::Events(item) => {
                    room.take(rows.len() * buckets.count(), 0)?;
                    filled(rows, buckets, &item.measure)
                }
                ChartItem::Formula(item) => {
                    let labels = table.labels_of(item);
                    room.take(labels.len() * buckets.count(), item.formula.cost())?;
                    table.computed(item, labels, buckets)
                }
            };
            table.items.push(lines);
        }
        Ok(table)
    }

    /// Whether there is something in a bucket.
    fn has(&self, bucket: usize) -> bool {
        let mut lines = self.items.iter().flat_map(BTreeMap::values);
        lines.any(|line| line.values.get(bucket).is_some_and(|value| *value != 0.0))
    }

    fn line(&self, item: usize, labels: &[String]) -> Option<&Line> {
        self.items.get(item)?.get(labels)
    }

    /// Every combination of labels that one of a formula's items has.
    fn labels_of(&self, item: &FormulaItem) -> Vec<Vec<String>> {
        let items = item.formula.items();
        let lines = items.iter().filter_map(|&place| self.items.get(place));
        let mut labels: Vec<_> = lines.flat_map(BTreeMap::keys).cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    fn computed(
        &self,
        item: &FormulaItem,
        labels: Vec<Vec<String>>,
        buckets: &Buckets,
    ) -> BTreeMap<Vec<String>, Line> {
        let formula = &item.formula;
        let mut stack = Vec::new();
        let lines = labels.into_iter().map(|labels| {
            // Looked for once, not for every bucket.
            let mut operands = vec![None; self.items.len()];
            for place in formula.items() {
                operands[place] = self.line(place, &labels);
            }
            let mut evaluate = |value: &dyn Fn(&Line) -> f64| {
                let result = formula.evaluate_on(&mut stack, |operand| {
                    operands.get(operand).copied().flatten().map_or(0.0, value)
                });
                round_to_cents(result)
            };
            let values = (0..buckets.count())
                .map(|bucket| evaluate(&|line| line.values.get(bucket).copied().unwrap_or(0.0)));
            let values = values.collect();
            let people = evaluate(&|line| line.people);
            (labels, Line { values, people })
        });
        lines.collect()
    }
}

/// How much a table may still hold, and take to be made.
struct Room {
    points: usize,
    steps: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            points: ChartRequest::MOST_POINTS,
            steps: ChartRequest::MOST_STEPS,
        }
    }
}

impl Room {
    /// Takes so many points, each of which takes so many steps.
    fn take(&mut self, points: usize, steps: usize) -> Result<(), Problem> {
        self.points = self
            .points
            .checked_sub(points)
            .ok_or_else(too_many_points)?;
        let steps = points.saturating_mul(steps);
        self.steps = self.steps.checked_sub(steps).ok_or_else(too_many_steps)?;
        Ok(())
    }
}

fn too_many_points() -> Problem {
    let message = format!(
        "makes more than {} points in all series together: ask for fewer series or longer \
         intervals",
        ChartRequest::MOST_POINTS
    );
    Problem::at(["interval".into()], message)
}

fn too_many_steps() -> Problem {
    let message = format!(
        "makes formulas take more than {} steps over all their points: ask for fewer series, \
         longer intervals or shorter formulas",
        ChartRequest::MOST_STEPS
    );
    Problem::at(["interval".into()], message)
}

fn filled(
    rows: Vec<CountedSeries>,
    buckets: &Buckets,
    measure: &Measure,
) -> BTreeMap<Vec<String>, Line> {
    let lines = rows.into_iter().map(|row| {
        let mut values = vec![0.0; buckets.count()];
        for (bucket, value) in row.points {
            if let Some(place) = values.get_mut(bucket) {
                *place = value;
            }
        }
        let people = match measure {
            Measure::OncePerUser => 0.0,
            _ => row.people as f64,
        };
        (row.labels, Line { values, people })
    });
    lines.collect()
}

/// What a series is called in its many ways.
struct Names {
    id: String,
    names: Vec<String>,
    letter: String,
    name: String,
    breakdowns: Vec<(String, Option<String>)>,
}

impl Names {
    fn new(request: &ChartRequest, place: usize, labels: &[String], ids: &mut Ids) -> Self {
        let letter = letter(place);
        let item = request.items().get(place);
        let name = item.map(ChartItem::name).unwrap_or_default().to_owned();
        let is_event = matches!(item, Some(ChartItem::Events(_)));
        let first = if is_event && request.items().len() > 1 {
            format!("({letter}) {name}")
        } else {
            name.clone()
        };
        let known = |label: &String| Some(label.clone()).filter(|label| !label.is_empty());
        let shown = |label| known(label).unwrap_or_else(|| NOT_SET.to_owned());
        let breakdowns = request.breakdowns().iter().zip(labels);
        Self {
            id: ids.of(&letter, &name, labels),
            names: std::iter::once(first)
                .chain(labels.iter().map(shown))
                .collect(),
            breakdowns: breakdowns
                .map(|(breakdown, label)| (breakdown.name.clone(), known(label)))
                .collect(),
            letter,
            name,
        }
    }

    fn series(
        self,
        buckets: &[Bucket],
        line: VisibleLine<'_>,
        before: Option<VisibleLine<'_>>,
    ) -> ChartSeries {
        let metrics = Summary::of(line.values, line.people);
        let values = buckets.iter().zip(line.values).enumerate();
        let points = values.map(|(place, (bucket, &value))| ChartPoint {
            label: bucket.label,
            value,
            // The window before may have fewer buckets, where a clock was put forward in it.
            previous: before.map(|line| {
                let before = line.values.get(place).copied().unwrap_or(0.0);
                Delta::between(before, value)
            }),
        });
        ChartSeries {
            points: points.collect(),
            previous: before.map(|line| metrics.since(&Summary::of(line.values, line.people))),
            metrics,
            id: self.id,
            names: self.names,
            letter: self.letter,
            name: self.name,
            breakdowns: self.breakdowns,
        }
    }
}

#[cfg(test)]
mod tests;
