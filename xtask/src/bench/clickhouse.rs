//! ClickHouse's engine, to be asked the same questions: PyPI's `chdb`, in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xshell::Shell;

use crate::services;

/// What an answer took, in milliseconds: of all processors together, and of the clock.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Cost {
    pub(crate) cpu_ms: f64,
    pub(crate) wall_ms: f64,
}

/// The engine with its events. Ends its process when dropped.
pub(crate) struct Engine {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Engine {
    /// Loads the events of a Parquet file. `None`, loudly, where the engine cannot be had.
    pub(crate) fn load(sh: &Shell, folder: &Path, parquet: &Path) -> Result<Option<Self>> {
        let programs = match services::engine(sh) {
            Ok(programs) => programs,
            Err(error) => {
                println!("!!! SKIPPED: ClickHouse's engine is not there: {error:#}");
                return Ok(None);
            }
        };
        let mut child = Command::new(programs.join("python"))
            .arg(sh.current_dir().join(services::ENGINE).join("engine.py"))
            .args([folder, parquet])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start ClickHouse's engine")?;
        let questions = child.stdin.take().context("it takes no questions")?;
        let answers = child.stdout.take().context("it gives no answers")?;
        let mut engine = Self {
            child,
            questions,
            answers: BufReader::new(answers),
        };
        let ready = engine.line()?;
        ensure!(ready == "ready", "ClickHouse's engine says: {ready}");
        Ok(Some(engine))
    }

    /// Asks a question in one line of SQL.
    pub(crate) fn ask(&mut self, sql: &str) -> Result<Cost> {
        writeln!(self.questions, "{sql}")?;
        let answer = self.line()?;
        serde_json::from_str(&answer)
            .with_context(|| format!("ClickHouse's engine answers {sql} with: {answer}"))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Both fail only if the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
