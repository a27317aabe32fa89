//! Filters as callers write them: a JSON list of objects, `docs/contract/insights.md` §5.1.

use serde_json::{Map, Value};

use paneld_domain::Problem;

use super::{Allowance, Field, Filter, Operator, ValueType};
use crate::scalar::scalar_text;

const NO_COHORTS: &str = "Cohorts are not supported";

impl Filter {
    /// Reads a list of filters.
    ///
    /// # Errors
    /// Everything that is wrong with them, by path: `[0, "operator"]`.
    pub fn read_all(list: &Value) -> Result<Vec<Self>, Vec<Problem>> {
        Self::read_within(list, &mut Allowance::default())
    }

    /// Reads one of several lists that share an allowance.
    pub(crate) fn read_within(
        list: &Value,
        allowance: &mut Allowance,
    ) -> Result<Vec<Self>, Vec<Problem>> {
        let Value::Array(items) = list else {
            return Err(vec![Problem::at([], "must be a list")]);
        };
        if items.len() > Self::MOST {
            let message = format!("must be at most {} filters", Self::MOST);
            return Err(vec![Problem::at([], message)]);
        }
        let mut filters = Vec::with_capacity(items.len());
        let mut problems = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let allowed = allowance.take(item).map_err(|problem| vec![problem]);
            match allowed.and_then(|()| Self::read(item)) {
                Ok(filter) => filters.push(filter),
                Err(wrong) => {
                    problems.extend(wrong.into_iter().map(|problem| problem.within(place)));
                }
            }
        }
        if problems.is_empty() {
            Ok(filters)
        } else {
            Err(problems)
        }
    }

    /// Reads one filter. Keys that mean nothing here are ignored.
    ///
    /// # Errors
    /// Everything that is wrong with it, by path.
    pub fn read(item: &Value) -> Result<Self, Vec<Problem>> {
        let Value::Object(item) = item else {
            return Err(vec![Problem::at([], "must be an object")]);
        };
        if let Some(problem) = mentions_cohorts(item) {
            return Err(vec![problem]);
        }
        let mut problems = Vec::new();
        let mut keep = |problem| problems.push(problem);
        let field = read_name(item).map_err(&mut keep).ok();
        let operator = read_operator(item).map_err(&mut keep).ok();
        let value_type = read_type(item).map_err(&mut keep).ok();
        let values = read_values(item)
            .map_err(|wrong| problems.extend(wrong))
            .ok();
        match (field, operator, values, value_type) {
            (Some(field), Some(operator), Some(values), Some(value_type)) => {
                Self::new(field, operator, &values, value_type)
            }
            _ => Err(problems),
        }
    }
}

fn mentions_cohorts(item: &Map<String, Value>) -> Option<Problem> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    if matches!(text("operator"), "inCohort" | "notInCohort") {
        return Some(Problem::at(["operator".into()], NO_COHORTS));
    }
    let name = text("name");
    let is_cohort = name == "cohort" || name.starts_with("cohort:");
    is_cohort.then(|| Problem::at(["name".into()], NO_COHORTS))
}

fn read_text<'a>(item: &'a Map<String, Value>, key: &str) -> Result<&'a str, Problem> {
    match item.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Problem::at([key.into()], "must be a text")),
        None => Err(Problem::at([key.into()], "is required")),
    }
}

fn read_name(item: &Map<String, Value>) -> Result<Field, Problem> {
    let name = read_text(item, "name")?;
    name.parse()
        .map_err(|why: paneld_domain::InvalidValue| Problem::at(["name".into()], why.to_string()))
}

fn read_operator(item: &Map<String, Value>) -> Result<Operator, Problem> {
    let name = read_text(item, "operator")?;
    let names = || Operator::ALL.iter().map(|operator| operator.name());
    Operator::named(name).ok_or_else(|| one_of("operator", names()))
}

fn read_type(item: &Map<String, Value>) -> Result<ValueType, Problem> {
    if matches!(item.get("type"), None | Some(Value::Null)) {
        return Ok(ValueType::Text);
    }
    let name = read_text(item, "type")?;
    let names = || ValueType::ALL.iter().map(|known| known.name());
    ValueType::named(name).ok_or_else(|| one_of("type", names()))
}

fn one_of(key: &str, names: impl Iterator<Item = &'static str>) -> Problem {
    let names: Vec<_> = names.collect();
    Problem::at([key.into()], format!("must be one of {}", names.join(", ")))
}

fn read_values(item: &Map<String, Value>) -> Result<Vec<String>, Vec<Problem>> {
    let values = match item.get("value") {
        Some(Value::Array(values)) => values,
        Some(_) => return Err(vec![Problem::at(["value".into()], "must be a list")]),
        None => return Err(vec![Problem::at(["value".into()], "is required")]),
    };
    let texts: Vec<_> = values.iter().map(scalar_text).collect();
    let wrong: Vec<_> = texts
        .iter()
        .enumerate()
        .filter(|(_, text)| text.is_none())
        .map(|(place, _)| {
            let message = "must be a text, a number, a boolean or null";
            Problem::at(["value".into(), place.into()], message)
        })
        .collect();
    if wrong.is_empty() {
        Ok(texts.into_iter().flatten().collect())
    } else {
        Err(wrong)
    }
}
