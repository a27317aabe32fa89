//! What engines write differently.

use paneld_analytics::{MOMENT_PATTERN, NUMBER_PATTERN};
use uuid::Uuid;

use super::Sql;

/// In whose SQL something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    DuckDb,
    ClickHouse,
}

/// A function of a text and a value.
fn call(function: &str, text: &Sql, value: &str) -> Sql {
    Sql::new(&format!("{function}("))
        .add(text.clone())
        .push(", ")
        .add(Sql::text(value))
        .push(")")
}

/// Something between two texts.
fn within(before: &str, sql: &Sql, after: &str) -> Sql {
    Sql::new(before).add(sql.clone()).push(after)
}

/// Tables, and the types of columns.
impl Dialect {
    /// A table under another name. Where the engine keeps earlier versions of rows, without those.
    pub(crate) fn table(self, name: &str, alias: &str) -> String {
        match (self, name) {
            (Self::ClickHouse, "sessions" | "profiles" | "groups") => {
                format!("{name} AS {alias} FINAL")
            }
            _ => format!("{name} {alias}"),
        }
    }

    /// The id of an event as a text, from its column.
    pub(super) fn id_text(self, column: &str) -> String {
        match self {
            Self::DuckDb => format!("{column}::VARCHAR"),
            Self::ClickHouse => format!("UUIDNumToString({column})"),
        }
    }

    /// The id of an event, as its column has it.
    pub(crate) fn id(self, id: Uuid) -> Sql {
        let (before, after) = match self {
            Self::DuckDb => ("", "::UUID"),
            Self::ClickHouse => ("UUIDStringToNum(", ")"),
        };
        within(before, &Sql::text(&id.to_string()), after)
    }

    /// A truth or a float as a text; null where it is null.
    pub(super) fn to_text(self, column: &str) -> String {
        match self {
            Self::DuckDb => format!("{column}::VARCHAR"),
            Self::ClickHouse => format!("toString({column})"),
        }
    }

    /// A number as the shortest text, empty where it is null.
    pub(super) fn number_text(self, column: &str) -> String {
        match self {
            Self::DuckDb => format!("coalesce(regexp_replace({column}::VARCHAR, '\\.0$', ''), '')"),
            Self::ClickHouse => format!("coalesce(toString({column}), '')"),
        }
    }

    /// A moment as a text, empty where it is null.
    pub(super) fn moment_text(self, column: &str) -> String {
        match self {
            Self::DuckDb => format!("coalesce(strftime({column}, '%Y-%m-%d %H:%M:%S.%g'), '')"),
            Self::ClickHouse => format!("coalesce(toString({column}), '')"),
        }
    }

    /// A number, or a text that spells one, as a double.
    pub(super) fn double(self, column: &Sql) -> Sql {
        match self {
            Self::DuckDb => within("", column, "::DOUBLE"),
            Self::ClickHouse => within("toFloat64(", column, ")"),
        }
    }

    /// No number.
    pub(super) fn no_number(self) -> Sql {
        Sql::new(match self {
            Self::DuckDb => "NULL::DOUBLE",
            Self::ClickHouse => "CAST(NULL AS Nullable(Float64))",
        })
    }

    /// How many milliseconds since 1970 a moment is.
    pub(crate) fn millis(self, moment: &str) -> String {
        match self {
            Self::DuckDb => format!("epoch_ms({moment})"),
            Self::ClickHouse => format!("toUnixTimestamp64Milli({moment})"),
        }
    }

    /// How often one whole number goes into another one.
    pub(super) fn quotient(self, dividend: Sql, divisor: Sql) -> Sql {
        let (before, between, after) = match self {
            Self::DuckDb => ("", " // ", ""),
            Self::ClickHouse => ("intDiv(", ", ", ")"),
        };
        let quotient = Sql::new(before).add(dividend).push(between).add(divisor);
        quotient.push(after)
    }
}

/// Texts, and what they spell.
impl Dialect {
    pub(super) fn contains(self, text: &Sql, value: &str) -> Sql {
        match self {
            Self::DuckDb => call("contains", text, value),
            Self::ClickHouse => call("position", text, value).push(" > 0"),
        }
    }

    pub(super) fn starts_with(self, text: &Sql, value: &str) -> Sql {
        let function = match self {
            Self::DuckDb => "starts_with",
            Self::ClickHouse => "startsWith",
        };
        call(function, text, value)
    }

    pub(super) fn ends_with(self, text: &Sql, value: &str) -> Sql {
        let function = match self {
            Self::DuckDb => "ends_with",
            Self::ClickHouse => "endsWith",
        };
        call(function, text, value)
    }

    /// That a text is somewhere in a column, in any case.
    pub(super) fn has_in_any_case(self, column: &str, value: &str) -> Sql {
        let lower = match self {
            Self::DuckDb => "lower",
            Self::ClickHouse => "lowerUTF8",
        };
        let column = Sql::new(&format!("{lower}({column})"));
        let value = within(&format!("{lower}("), &Sql::text(value), ")");
        match self {
            Self::DuckDb => Sql::new("contains(")
                .add(column)
                .push(", ")
                .add(value)
                .push(")"),
            Self::ClickHouse => {
                let place = Sql::new("position(").add(column).push(", ").add(value);
                place.push(") > 0")
            }
        }
    }

    /// That a list has an element.
    pub(crate) fn has_text(self, list: &str, text: &str) -> Sql {
        let function = match self {
            Self::DuckDb => "list_contains",
            Self::ClickHouse => "has",
        };
        call(function, &Sql::new(list), text)
    }

    /// How many characters a text has.
    pub(super) fn length(self, text: &str) -> String {
        match self {
            Self::DuckDb => format!("length({text})"),
            Self::ClickHouse => format!("lengthUTF8({text})"),
        }
    }

    /// That a regular expression is found in a text.
    pub(super) fn matches(self, text: &Sql, pattern: &str) -> Sql {
        match self {
            // Without brackets, DuckDB takes a text beside an anchor for a prefix or a suffix, also
            // where the anchor is on the wrong side of it and nothing can match: `a^`.
            Self::DuckDb => call("regexp_matches", text, &format!("({pattern})")),
            // Without the flag, a dot is a line break, too.
            Self::ClickHouse => call("match", text, &format!("(?-s)({pattern})")),
        }
    }

    /// The finite number that a text spells, or null.
    pub(super) fn number_in(self, text: &Sql) -> Sql {
        let (is_finite, number) = match self {
            Self::DuckDb => ("isfinite(", within("TRY_CAST(", text, " AS DOUBLE)")),
            Self::ClickHouse => ("isFinite(", within("toFloat64OrNull(", text, ")")),
        };
        Sql::new("CASE WHEN ")
            .add(self.matches(text, NUMBER_PATTERN))
            .push(" AND ")
            .push(is_finite)
            .add(number.clone())
            .push(") THEN ")
            .add(number)
            .push(" END")
    }

    /// The moment that a text spells, or null; without an offset, in UTC. What is finer than a
    /// millisecond is cut off.
    pub(super) fn moment_in(self, text: &Sql) -> Sql {
        let moment = match self {
            Self::DuckDb => duckdb_moment(text),
            Self::ClickHouse => within("parseDateTime64BestEffortOrNull(", text, ", 3, 'UTC')"),
        };
        Sql::new("CASE WHEN ")
            .add(self.matches(text, MOMENT_PATTERN))
            .push(" THEN ")
            .add(moment)
            .push(" END")
    }

    /// The day of a moment, in UTC.
    pub(super) fn day_of(self, moment: &Sql) -> Sql {
        match self {
            Self::DuckDb => within("(", moment, ")::DATE"),
            Self::ClickHouse => within("toDate32(", moment, ")"),
        }
    }
}

/// Without an extension DuckDB ignores offsets, and its cast alone would round what is finer than a
/// millisecond up.
fn duckdb_moment(text: &Sql) -> Sql {
    let offset = || {
        Sql::new("regexp_extract(")
            .add(text.clone())
            .push(", ")
            .add(Sql::text(":[0-9.]+([+-][0-9]{2}(:?[0-9]{2})?)$"))
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
    Sql::new("date_trunc('milliseconds', TRY_CAST(")
        .add(text.clone())
        .push(" AS TIMESTAMP) - to_minutes(")
        .add(minutes)
        .push("))::TIMESTAMP_MS")
}

/// Lists and maps.
impl Dialect {
    /// The key of the entry `x` of a map.
    pub(super) fn entry_key(self) -> &'static str {
        match self {
            Self::DuckDb => "x.key",
            Self::ClickHouse => "x.1",
        }
    }

    /// The value of the entry `x` of a map.
    pub(super) fn entry_value(self) -> &'static str {
        match self {
            Self::DuckDb => "x.value",
            Self::ClickHouse => "x.2",
        }
    }

    /// That a map has an entry `x` which is such.
    pub(super) fn has_entry(self, map: &str, is_such: &Sql) -> Sql {
        match self {
            Self::DuckDb => within(
                &format!("len(list_filter(map_entries({map}), lambda x: "),
                is_such,
                ")) > 0",
            ),
            Self::ClickHouse => within(
                "arrayExists(x -> ",
                is_such,
                &format!(", arrayZip(mapKeys({map}), mapValues({map})))"),
            ),
        }
    }

    /// The values of all entries `x` of a map that are such, with commas between them.
    pub(super) fn values_of_entries(self, map: &str, are_such: &Sql) -> Sql {
        match self {
            Self::DuckDb => within(
                &format!(
                    "array_to_string(list_transform(list_filter(map_entries({map}), lambda x: "
                ),
                are_such,
                "), lambda x: x.value), ',')",
            ),
            Self::ClickHouse => within(
                "arrayStringConcat(arrayMap(x -> x.2, arrayFilter(x -> ",
                are_such,
                &format!(", arrayZip(mapKeys({map}), mapValues({map})))), ',')"),
            ),
        }
    }

    /// That a list has an element `x` which is such.
    pub(super) fn has_element(self, list: &str, is_such: &Sql) -> Sql {
        match self {
            Self::DuckDb => within(
                &format!("len(list_filter({list}, lambda x: "),
                is_such,
                ")) > 0",
            ),
            Self::ClickHouse => within("arrayExists(x -> ", is_such, &format!(", {list})")),
        }
    }

    /// That a list has one of the elements of another one.
    pub(super) fn has_any(self, list: &str, others: &Sql) -> Sql {
        let function = match self {
            Self::DuckDb => "list_has_any",
            Self::ClickHouse => "hasAny",
        };
        within(&format!("{function}({list}, "), others, ")")
    }

    /// That a list has an element that another one has not.
    pub(super) fn has_other(self, list: &str, others: &Sql) -> Sql {
        match self {
            Self::DuckDb => within(
                &format!("len(list_distinct({list})) > len(list_intersect({list}, "),
                others,
                "))",
            ),
            Self::ClickHouse => within(
                &format!("length(arrayDistinct({list})) > length(arrayIntersect({list}, "),
                others,
                "))",
            ),
        }
    }

    /// All values of a column of a question, as a list.
    pub(super) fn collected(self, column: &str) -> String {
        match self {
            Self::DuckDb => format!("coalesce(list({column}), [])"),
            Self::ClickHouse => format!("groupArray({column})"),
        }
    }
}
