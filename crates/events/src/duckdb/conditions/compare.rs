//! How values are compared: the counterpart of `Filter::matches` for one value.

use duckdb::types::Value;
use paneld_analytics::{Filter, MOMENT_PATTERN, NUMBER_PATTERN, Operands, Operator};

use super::fields::{Nature, Operand};
use crate::duckdb::sql::{Sql, time};

/// That a value fulfils a filter. Never null.
pub(super) fn compare(filter: &Filter, operand: &Operand) -> Sql {
    let operator = filter.operator();
    let text = || operand.text.clone();
    match (operator, filter.operands()) {
        (Operator::IsNull, _) => text().push(" = ''"),
        (Operator::IsNotNull, _) => text().push(" <> ''"),
        (_, Operands::None) => Sql::new("TRUE"),
        (_, Operands::Texts(values)) => texts(operator, &operand.text, values),
        (_, Operands::Patterns(patterns)) => Sql::any(patterns.iter().map(|pattern| {
            // Without brackets, DuckDB takes a text beside an anchor for a prefix or a suffix, also
            // where the anchor is on the wrong side of it and nothing can match: `a^`.
            let pattern = format!("({})", pattern.as_str());
            call("regexp_matches", &operand.text, &pattern)
        })),
        (_, Operands::Numbers(values)) => {
            let values = values.iter().map(|value| Value::Double(*value));
            converted(operator, as_number(operand), values, "?")
        }
        (_, Operands::Moments(values)) => {
            let values = values.iter().map(|value| time(*value));
            converted(operator, as_moment(operand), values, "?::TIMESTAMP_MS")
        }
        (_, Operands::Days(values)) => {
            let day = Sql::new("(").add(as_moment(operand)).push(")::DATE");
            let values = values.iter().map(|value| Value::Text(value.to_string()));
            converted(operator, day, values, "?::DATE")
        }
        (_, Operands::Booleans(values)) => {
            let yes = Sql::new("lower(")
                .add(text())
                .push(") IN ('true', '1', 'yes')");
            let values = values.iter().map(|value| Value::Boolean(*value));
            let comparison = converted(operator, Sql::new("(").add(yes).push(")"), values, "?");
            if operator.is_ordering() {
                return Sql::all([text().push(" <> ''"), comparison]);
            }
            comparison
        }
    }
}

fn call(function: &str, text: &Sql, value: &str) -> Sql {
    Sql::new(&format!("{function}("))
        .add(text.clone())
        .push(", ")
        .add(Sql::text(value))
        .push(")")
}

fn texts(operator: Operator, text: &Sql, values: &[String]) -> Sql {
    let calls = |function| {
        let values = values.iter();
        values.map(move |value| call(function, text, value))
    };
    let is_one = || text.clone().among(values.iter().map(String::as_str));
    match operator {
        Operator::Is => is_one(),
        Operator::IsNot => is_one().not(),
        Operator::Contains => Sql::any(calls("contains")),
        Operator::DoesNotContain => Sql::any(calls("contains")).not(),
        Operator::StartsWith => Sql::any(calls("starts_with")),
        Operator::EndsWith => Sql::any(calls("ends_with")),
        _ => {
            let sign = sign(operator);
            let holds = values
                .iter()
                .map(|value| text.clone().push(sign).add(Sql::text(value)));
            Sql::all([text.clone().push(" <> ''"), Sql::any(holds)])
        }
    }
}

/// Compares what was converted with values; what could not be converted fulfils nothing.
fn converted(
    operator: Operator,
    given: Sql,
    values: impl Iterator<Item = Value>,
    mark: &str,
) -> Sql {
    let values = values.map(|value| Sql::with(mark, [value]));
    let holds = match operator {
        Operator::Is | Operator::IsNot => {
            let list = Sql::join(values, ", ");
            let within = if operator == Operator::Is {
                " IN ("
            } else {
                " NOT IN ("
            };
            given.push(within).add(list).push(")")
        }
        _ => Sql::any(values.map(|value| given.clone().push(sign(operator)).add(value))),
    };
    Sql::new("coalesce(").add(holds).push(", FALSE)")
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Greater => " > ",
        Operator::Less => " < ",
        Operator::GreaterOrEqual => " >= ",
        Operator::LessOrEqual => " <= ",
        _ => " = ",
    }
}

/// The finite number that it is, or null.
pub(crate) fn as_number(operand: &Operand) -> Sql {
    match &operand.nature {
        Nature::Number(column) => column.clone().push("::DOUBLE"),
        Nature::Text | Nature::Moment(_) => number_in(&operand.text),
    }
}

/// The finite number that a text spells, or null.
pub(crate) fn number_in(text: &Sql) -> Sql {
    let cast = || Sql::new("TRY_CAST(").add(text.clone()).push(" AS DOUBLE)");
    Sql::new("CASE WHEN ")
        .add(call("regexp_matches", text, NUMBER_PATTERN))
        .push(" AND isfinite(")
        .add(cast())
        .push(") THEN ")
        .add(cast())
        .push(" END")
}

/// The moment that it is, or null; without an offset, in UTC.
fn as_moment(operand: &Operand) -> Sql {
    if let Nature::Moment(column) = &operand.nature {
        return column.clone();
    }
    // Without an extension DuckDB ignores offsets.
    let offset = || {
        let pattern = ":[0-9.]+([+-][0-9]{2}(:?[0-9]{2})?)$";
        Sql::new("regexp_extract(")
            .add(operand.text.clone())
            .push(", ")
            .add(Sql::text(pattern))
            .push(", 1)")
    };
    let minutes = Sql::new("(CASE WHEN starts_with(")
        .add(offset())
        .push(", '-') THEN -1 ELSE 1 END * (coalesce(TRY_CAST(substr(")
        .add(offset())
        .push(", 2, 2) AS INTEGER), 0) * 60 + CASE WHEN length(")
        .add(offset())
        .push(") > 3 THEN TRY_CAST(right(")
        .add(offset())
        .push(", 2) AS INTEGER) ELSE 0 END))");
    Sql::new("CASE WHEN ")
        .add(call("regexp_matches", &operand.text, MOMENT_PATTERN))
        // What is finer than a millisecond is cut off; the cast alone would round it up.
        .push(" THEN date_trunc('milliseconds', TRY_CAST(")
        .add(operand.text.clone())
        .push(" AS TIMESTAMP) - to_minutes(")
        .add(minutes)
        .push("))::TIMESTAMP_MS END")
}
