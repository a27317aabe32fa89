//! What DuckDB's own `COPY` takes for the events of a project, for `cargo xtask bench export`:
//! `copy FILE PROJECT_KEY FORMAT TARGET` prints the seconds, where the format is `parquet` or
//! `json`. No server may have the file open.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures, and prints what it measured"
)]

use std::{error::Error, time::Instant};

use duckdb::{Config, Connection};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [file, project, format, target] = arguments.as_slice() else {
        return Err("usage: copy FILE PROJECT_KEY FORMAT TARGET".into());
    };
    let project = project.parse::<i64>()?;
    if !matches!(format.as_str(), "parquet" | "json") {
        return Err("the format is parquet or json".into());
    }
    // What the server gives it, and no order: the fastest way there is.
    let config = Config::default()
        .with("memory_limit", "1GB")?
        .with("preserve_insertion_order", "false")?
        .threads(2)?;
    let connection = Connection::open_with_flags(file, config)?;
    let target = target.replace('\'', "''");
    let begin = Instant::now();
    connection.execute_batch(&format!(
        "COPY (
            SELECT * EXCLUDE (project_key, visitor, page, is_first_view, previous_page,
                previous_duration)
            FROM events WHERE project_key = {project})
        TO '{target}' (FORMAT {format})"
    ))?;
    println!("{}", begin.elapsed().as_secs_f64());
    Ok(())
}
