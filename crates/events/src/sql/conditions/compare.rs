//! How values are compared: the counterpart of `Filter::matches` for one value.

use paneld_analytics::{Filter, Operands, Operator};

use super::fields::{Nature, Operand};
use crate::sql::{Dialect, Sql, Value, time};

/// That a value fulfils a filter. Never null.
pub(super) fn compare(dialect: Dialect, filter: &Filter, operand: &Operand) -> Sql {
    let operator = filter.operator();
    let text = || operand.text.clone();
    match (operator, filter.operands()) {
        (Operator::IsNull, _) => text().push(" = ''"),
        (Operator::IsNotNull, _) => text().push(" <> ''"),
        (_, Operands::None) => Sql::new("TRUE"),
        (_, Operands::Texts(values)) => texts(dialect, operator, &operand.text, values),
        (_, Operands::Patterns(patterns)) => Sql::any(
            patterns
                .iter()
                .map(|pattern| dialect.matches(&operand.text, pattern.as_str())),
        ),
        (_, Operands::Numbers(values)) => {
            let values = values.iter().map(|value| Value::Double(*value));
            converted(operator, as_number(dialect, operand), values)
        }
        (_, Operands::Moments(values)) => {
            let values = values.iter().map(|value| time(*value));
            converted(operator, as_moment(dialect, operand), values)
        }
        (_, Operands::Days(values)) => {
            let day = dialect.day_of(&as_moment(dialect, operand));
            let values = values.iter().map(|value| Value::Date(*value));
            converted(operator, day, values)
        }
        (_, Operands::Booleans(values)) => {
            let yes = Sql::new("lower(")
                .add(text())
                .push(") IN ('true', '1', 'yes')");
            let values = values.iter().map(|value| Value::Boolean(*value));
            let comparison = converted(operator, Sql::new("(").add(yes).push(")"), values);
            if operator.is_ordering() {
                return Sql::all([text().push(" <> ''"), comparison]);
            }
            comparison
        }
    }
}

fn texts(dialect: Dialect, operator: Operator, text: &Sql, values: &[String]) -> Sql {
    let each = |holds: fn(Dialect, &Sql, &str) -> Sql| {
        let values = values.iter();
        Sql::any(values.map(|value| holds(dialect, text, value)))
    };
    let is_one = || text.clone().among(values.iter().map(String::as_str));
    match operator {
        Operator::Is => is_one(),
        Operator::IsNot => is_one().not(),
        Operator::Contains => each(Dialect::contains),
        Operator::DoesNotContain => each(Dialect::contains).not(),
        Operator::StartsWith => each(Dialect::starts_with),
        Operator::EndsWith => each(Dialect::ends_with),
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
fn converted(operator: Operator, given: Sql, values: impl Iterator<Item = Value>) -> Sql {
    let values = values.map(|value| Sql::with("?", [value]));
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

/// The finite number that it is or spells, or null.
pub(super) fn as_number(dialect: Dialect, operand: &Operand) -> Sql {
    match &operand.nature {
        Nature::Number(column) => dialect.double(column),
        Nature::Text | Nature::Moment(_) => dialect.number_in(&operand.text),
    }
}

/// The moment that it is or spells, or null.
fn as_moment(dialect: Dialect, operand: &Operand) -> Sql {
    match &operand.nature {
        Nature::Moment(column) => column.clone(),
        Nature::Text | Nature::Number(_) => dialect.moment_in(&operand.text),
    }
}
