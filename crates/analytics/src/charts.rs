//! Charts: series over time, split and compared. `docs/contract/export.md` §5 to §8.
//!
//! A [`ChartRequest`] lists items. Those about events are counted by the event store, which
//! answers with [`ChartRows`]; formulas are computed here of what was counted for the items before
//! them. A [`ChartAnswer`] fills gaps, compares with the period before, names the series and puts
//! them in order.

mod answer;
mod delta;
mod formula;
mod naming;
mod period;
mod request;

pub use answer::{ChartAnswer, ChartPoint, ChartRows, ChartSeries, CountedSeries, Summary};
pub use delta::{Delta, Trend};
pub use formula::Formula;
pub use request::{Aggregate, Breakdown, ChartItem, ChartRequest, EventItem, FormulaItem, Measure};
