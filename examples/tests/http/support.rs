//! An example that runs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

/// An example at work, until this is dropped.
pub(crate) struct Example {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// A `curl` line that an example printed.
pub(crate) struct Printed {
    pub(crate) url: String,
    /// The id and secret behind `-u`.
    pub(crate) credentials: Option<(String, String)>,
}

impl Example {
    /// Starts a program on a free port, with these arguments behind it.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that it prints.
    pub(crate) fn printed(&mut self) -> Printed {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let words = line.split_whitespace().collect::<Vec<_>>();
        let pair = words.iter().position(|word| *word == "-u");
        let pair = pair.and_then(|place| words[place + 1].split_once(':'));
        Printed {
            url: words.last().unwrap().to_string(),
            credentials: pair.map(|(id, secret)| (id.to_owned(), secret.to_owned())),
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
