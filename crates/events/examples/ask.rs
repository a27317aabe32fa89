//! How long DuckDB itself takes for questions, for `cargo xtask bench insights`: `ask FILE`, with
//! one question a line on standard input, prints the median of some tries in milliseconds, a line
//! for each question. No server may have the file open.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures, and prints what it measured"
)]

use std::{
    error::Error,
    io::{BufRead as _, stdin},
    time::Instant,
};

use duckdb::{Config, Connection};

/// How often a question is asked, after once to warm up.
const TRIES: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: ask FILE")?;
    // What the server gives it.
    let config = Config::default().with("memory_limit", "1GB")?.threads(2)?;
    let connection = Connection::open_with_flags(file, config)?;
    for question in stdin().lock().lines() {
        let mut statement = connection.prepare(&question?)?;
        let mut times = Vec::with_capacity(TRIES);
        for _ in 0..=TRIES {
            let begin = Instant::now();
            let batches = statement.query_arrow([])?;
            let _rows: usize = batches.map(|batch| batch.num_rows()).sum();
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        times.remove(0);
        times.sort_by(f64::total_cmp);
        println!("{}", times[TRIES / 2]);
    }
    Ok(())
}
