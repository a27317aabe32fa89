//! What can be asked of events: windows, buckets, filters, reports and their answers.
//!
//! Everything here is plain data and pure functions. This crate does no I/O and knows no
//! database, no HTTP and no clock: `now` is passed in. Start at [`resolve`], which finds the
//! [`Window`] a caller means, [`Buckets`], which cut it, and [`Filter`], which says what counts.
//! [`Query`] reads all of them from a query string. A report is a request such as
//! [`MetricsRequest`], rows that the event store counts for it, and an answer made of them.

mod activity;
mod answer_room;
mod buckets;
mod charts;
mod cohorts;
mod dimensions;
mod engagement;
mod export;
mod figures;
mod filter;
mod flow;
mod funnel;
mod lists;
mod metrics;
mod pages;
mod paging;
mod query;
mod range;
mod scalar;
mod window;
mod zone;

pub use activity::{ActiveDay, Activity, ActivityRequest, ActivityStep, People, RetentionWeek};
pub use answer_room::{AnswerRoom, Cut, Shown};
pub use buckets::{Bucket, Buckets, Interval, Label, Span};
pub use charts::{
    Aggregate, Breakdown, ChartAnswer, ChartItem, ChartPoint, ChartRequest, ChartRows, ChartSeries,
    CountedSeries, Delta, EventItem, Formula, FormulaItem, Measure, Summary, Trend,
};
pub use cohorts::{Cohort, CohortFigures, CohortsAnswer, CohortsRequest, Stay};
pub use dimensions::{Dimension, DimensionRequest, DimensionRow, SessionCounts, SessionFigures};
pub use engagement::{DistantPeople, EngagementAnswer, LastDay};
pub use export::{EventColumn, EventPlace, EventSelection, EventsStart, RawEventsRequest};
pub use filter::{
    Column, Comparison, Field, Filter, GroupColumn, MOMENT_PATTERN, NUMBER_PATTERN, Operands,
    Operator, Pattern, ProfileColumn, PropertyKey, SessionFact, UtmTag, ValueType,
};
pub use flow::{FlowAnswer, FlowLink, FlowMode, FlowNode, FlowPaths, FlowRequest, NameId};
pub use funnel::{FunnelAnswer, FunnelRequest, FunnelStep, FunnelUnit, NOT_BEGUN};
pub use lists::{EventsRequest, GroupsRequest, ProfilesRequest, SessionsRequest, SortOrder};
pub use metrics::{
    BucketCounts, BucketRevenue, Metrics, MetricsAnswer, MetricsCounts, MetricsMode, MetricsPoint,
    MetricsRequest, MetricsRows,
};
pub use pages::{
    EdgesRequest, PageAddress, PageCounts, PagePerformance, PageRow, PagesRequest,
    PerformanceAnswer, PerformanceOrder, PerformanceRequest, SessionEdge,
};
pub use paging::Paging;
pub use query::{Query, WindowNames};
pub use range::Range;
pub use window::{
    Bound, DateText, DefaultWindow, Window, WindowProblem, WindowRequest, echo, resolve,
};
pub use zone::count_days;
