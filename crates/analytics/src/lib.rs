//! What can be asked of events: windows, buckets, filters, reports and their answers.
//!
//! Everything here is plain data and pure functions. This crate does no I/O and knows no
//! database, no HTTP and no clock: `now` is passed in. Start at [`resolve`], which finds the
//! [`Window`] a caller means, and [`Buckets`], which cut it.

mod buckets;
mod problem;
mod range;
mod window;
mod zone;

pub use buckets::{Bucket, Buckets, Interval, Label, Span};
pub use problem::{PathStep, Problem};
pub use range::Range;
pub use window::{
    Bound, DateText, DefaultWindow, Window, WindowProblem, WindowRequest, echo, resolve,
};
