//! What DuckDB's own `COPY` takes for the events of a project, for `cargo xtask bench`:
//! `copy FILE PROJECT_KEY FORMAT TARGET` prints the seconds, where the format is `parquet` or
//! `json`. `all` in the place of a key are the events of all projects, with their keys. No server
//! may have the file open.

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
    let (left_out, condition) = match project.as_str() {
        "all" => ("", "TRUE".to_owned()),
        project => {
            let project = project.parse::<i64>()?;
            ("project_key, ", format!("project_key = {project}"))
        }
    };
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
            SELECT * EXCLUDE ({left_out}visitor, page, is_first_view, previous_page,
                previous_duration)
            FROM events WHERE {condition})
        TO '{target}' (FORMAT {format})"
    ))?;
    println!("{}", begin.elapsed().as_secs_f64());
    Ok(())
}
