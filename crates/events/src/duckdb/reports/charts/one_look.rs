//! Events and people by bucket and labels, in one look at the rows.
//!
//! DuckDB hands out when, who, and a hash of the labels. The texts of labels are asked for
//! afterwards, of the first row of each: to hand them out with all rows takes longer than
//! everything else.

use std::collections::{HashMap, HashSet};

use duckdb::{
    Connection,
    arrow::{
        array::AsArray as _,
        datatypes::{Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type},
        record_batch::RecordBatch,
    },
};
use paneld_analytics::{Buckets, ChartRequest, CountedSeries, Measure};
use paneld_domain::Timestamp;

use super::{
    super::keys::Keys,
    people::{People, Seen},
};
use crate::duckdb::{fault::Fault, sql::Sql};

/// So many different labels are counted.
const MOST_LABELS: usize = 1_000;

/// So many buckets have all labels together: 10 MB.
const MOST_CELLS: usize = 250_000;

/// So many people are held, each once for every cell: 32 MB, and twice as much while a set grows.
const MOST_PEOPLE: isize = 8_000_000;

/// What is counted in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Events,
    Users,
    EventsPerUser,
}

impl Count {
    /// What a measure counts, if it is counted here.
    pub(super) fn of(measure: &Measure) -> Option<Self> {
        match measure {
            Measure::Events => Some(Self::Events),
            Measure::Users => Some(Self::Users),
            Measure::EventsPerUser => Some(Self::EventsPerUser),
            Measure::Sessions | Measure::Groups | Measure::OncePerUser | Measure::Numbers(..) => {
                None
            }
        }
    }
}

/// What is to be counted.
pub(super) struct Look<'a> {
    /// SQL that begins with the table `rows`.
    pub(super) rows: &'a Sql,
    /// How many labels a row has.
    pub(super) breakdowns: usize,
    pub(super) buckets: &'a Buckets,
    pub(super) count: Count,
}

impl Look<'_> {
    /// The series with the greatest sums, in the order of their labels; where others are given,
    /// only those with their labels. `None`, when there are too many labels or people for this.
    pub(super) fn series(
        &self,
        snapshot: &Connection,
        like: Option<&[CountedSeries]>,
    ) -> Result<Option<Vec<CountedSeries>>, Fault> {
        let mut cells = Cells::new(self.buckets, self.count);
        let key = self.key();
        let rows = self.rows.clone().push(&format!(
            " SELECT created_at, visitor, {key}, row FROM rows"
        ));
        rows.stream_while(snapshot, |batch| {
            cells.take(&batch)?;
            Ok(!cells.is_full())
        })?;
        if cells.is_full() {
            return Ok(None);
        }
        let texts = self.texts(snapshot, &cells)?;
        let like = like.map(|series| {
            let labels = series.iter().map(|series| series.labels.as_slice());
            labels.collect::<HashSet<_>>()
        });
        let mut series = cells.series(texts);
        if let Some(like) = like {
            series.retain(|series| like.contains(series.labels.as_slice()));
        }
        strongest(&mut series);
        Ok(Some(series))
    }

    /// The columns of labels: `l0, l1`.
    fn labels(&self) -> String {
        let labels = (0..self.breakdowns).map(|place| format!("l{place}"));
        labels.collect::<Vec<_>>().join(", ")
    }

    fn key(&self) -> String {
        match self.breakdowns {
            0 => "0::UBIGINT".to_owned(),
            _ => format!("hash({})", self.labels()),
        }
    }

    /// The labels of each key.
    fn texts(
        &self,
        snapshot: &Connection,
        cells: &Cells<'_>,
    ) -> Result<HashMap<u64, Vec<String>>, Fault> {
        if self.breakdowns == 0 {
            return Ok(HashMap::from([(0, Vec::new())]));
        }
        let rows = cells.labels.iter().map(|label| label.row.to_string());
        let rows = rows.collect::<Vec<_>>().join(", ");
        if rows.is_empty() {
            return Ok(HashMap::new());
        }
        let (key, labels) = (self.key(), self.labels());
        let labelled = self.rows.clone().push(&format!(
            " SELECT {key}, {labels} FROM rows WHERE row IN ({rows})"
        ));
        let labelled = labelled.query(snapshot, |row| {
            let labels = (0..self.breakdowns).map(|place| row.get::<_, String>(1 + place));
            Ok((row.get(0)?, labels.collect::<duckdb::Result<Vec<_>>>()?))
        })?;
        Ok(labelled.into_iter().collect())
    }
}

/// Leaves those with the greatest sums, in the order of their labels.
fn strongest(series: &mut Vec<CountedSeries>) {
    let sum = |series: &CountedSeries| series.points.iter().map(|(_, value)| value).sum::<f64>();
    series.sort_by(|one, other| {
        let by_sum = sum(other).total_cmp(&sum(one));
        by_sum.then_with(|| one.labels.cmp(&other.labels))
    });
    series.truncate(ChartRequest::MOST_SERIES);
    series.sort_by(|one, other| one.labels.cmp(&other.labels));
}

/// What was counted so far.
struct Cells<'a> {
    clock: BucketClock<'a>,
    buckets: usize,
    count: Count,
    keys: Keys,
    labels: Vec<Label>,
    /// How many entries all sets of people have.
    people: isize,
    seen: Seen,
}

/// What was counted for some labels.
struct Label {
    /// The first row that has them.
    row: i64,
    /// How many events each bucket has.
    events: Vec<u64>,
    /// Who was there: in each bucket, or, where only events are shown, in all of them.
    people: Vec<People>,
}

impl<'a> Cells<'a> {
    fn new(buckets: &'a Buckets, count: Count) -> Self {
        Self {
            clock: BucketClock::new(buckets),
            buckets: buckets.count(),
            count,
            keys: Keys::for_about(0),
            labels: Vec::new(),
            people: 0,
            seen: Seen::default(),
        }
    }

    fn is_full(&self) -> bool {
        let labels = self.labels.len();
        labels > MOST_LABELS || labels * self.buckets > MOST_CELLS || self.people > MOST_PEOPLE
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let [times, visitors, keys, rows] = batch.columns() else {
            return Err(Fault::unexpected("four columns"));
        };
        let (Some(times), Some(visitors), Some(keys), Some(rows)) = (
            times.as_primitive_opt::<TimestampMillisecondType>(),
            visitors.as_primitive_opt::<UInt32Type>(),
            keys.as_primitive_opt::<UInt64Type>(),
            rows.as_primitive_opt::<Int64Type>(),
        ) else {
            return Err(Fault::unexpected("a time, two numbers and a row"));
        };
        for place in 0..batch.num_rows() {
            let label = self.keys.number(keys.value(place));
            if label == self.labels.len() {
                self.add_label(rows.value(place));
                // The sum of a batch is bounded, too.
                if self.is_full() {
                    return Ok(());
                }
            }
            if let Some(bucket) = self.clock.bucket_of(times.value(place)) {
                self.add(label, bucket, visitors.value(place));
            }
        }
        Ok(())
    }

    fn add_label(&mut self, row: i64) {
        let sets = match self.count {
            Count::Events => 1,
            Count::Users | Count::EventsPerUser => self.buckets,
        };
        self.labels.push(Label {
            row,
            events: vec![0; self.buckets],
            people: (0..sets).map(|_| People::default()).collect(),
        });
    }

    fn add(&mut self, label: usize, bucket: usize, visitor: u32) {
        let label = &mut self.labels[label];
        label.events[bucket] += 1;
        let set = match self.count {
            Count::Events => 0,
            Count::Users | Count::EventsPerUser => bucket,
        };
        if visitor != 0 {
            self.people += label.people[set].add(visitor, &mut self.seen);
        }
    }

    fn series(mut self, mut texts: HashMap<u64, Vec<String>>) -> Vec<CountedSeries> {
        let mut series = Vec::new();
        for (key, label) in self.keys.all().iter().zip(&mut self.labels) {
            let Some(labels) = texts.remove(key) else {
                continue;
            };
            let mut points = Vec::new();
            for (bucket, &events) in label.events.iter().enumerate() {
                if events == 0 {
                    continue;
                }
                let value = match self.count {
                    Count::Events => events as f64,
                    Count::Users => label.people[bucket].count(&mut self.seen) as f64,
                    Count::EventsPerUser => match label.people[bucket].count(&mut self.seen) {
                        0 => 0.0,
                        people => events as f64 / people as f64,
                    },
                };
                points.push((bucket, value));
            }
            series.push(CountedSeries {
                labels,
                people: People::count_all(label.people.iter(), &mut self.seen),
                points,
            });
        }
        series
    }
}

/// Tells the bucket of moments, fastest of those that follow one another.
struct BucketClock<'a> {
    buckets: &'a Buckets,
    /// The span of the moment before, from and to, and its bucket.
    span: (i64, i64, usize),
}

impl<'a> BucketClock<'a> {
    fn new(buckets: &'a Buckets) -> Self {
        Self {
            buckets,
            span: (0, 0, 0),
        }
    }

    /// The bucket of a moment in milliseconds; `None` outside of the window.
    fn bucket_of(&mut self, at: i64) -> Option<usize> {
        let (start, end, bucket) = self.span;
        if (start..end).contains(&at) {
            return Some(bucket);
        }
        let moment = Timestamp::from_timestamp_millis(at)?;
        let bucket = self.buckets.bucket_of(moment)?;
        let spans = self.buckets.spans();
        let next = spans.partition_point(|span| span.start <= moment);
        let start = spans.get(next.checked_sub(1)?)?.start;
        let end = spans
            .get(next)
            .map_or(self.buckets.window().end, |span| span.start);
        self.span = (start.timestamp_millis(), end.timestamp_millis(), bucket);
        Some(bucket)
    }
}
