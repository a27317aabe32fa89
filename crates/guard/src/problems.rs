//! Problems of a request, as their JSON is: `docs/contract/auth-and-limits.md` §3.

use paneld_domain::{PathStep, Problem};
use serde::{Serialize, Serializer};

#[derive(Serialize)]
struct Detail<'a> {
    path: Vec<Step<'a>>,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Step<'a> {
    fn of(step: &'a PathStep) -> Self {
        match step {
            PathStep::Key(key) => Self::Key(key),
            PathStep::Index(index) => Self::Index(*index),
        }
    }
}

/// Writes problems as the list `details` of an error has them: each with `path`, a list of keys and
/// indexes, and `message`.
///
/// # Errors
/// When the serializer has one.
pub fn serialize_problems<S: Serializer>(
    problems: &(impl AsRef<[Problem]> + ?Sized),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(problems.as_ref().iter().map(|problem| Detail {
        path: problem.path.iter().map(Step::of).collect(),
        message: &problem.message,
    }))
}
