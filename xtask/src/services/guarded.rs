//! A server that ends with this process.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: u32 = 400;

/// Runs the program, and waits until standard input ends: when [`Guarded`] is dropped, or when the
/// process that holds it is gone in whatever way. Then it ends the program and clears up.
///
/// Both signals: a program that has only just begun ignores the second, as every program does that
/// a shell runs in the background; and to PostgreSQL the first alone means that it may take its time.
const GUARD: &str = r#"
folder=$1
shift
"$@" </dev/null &
cat >/dev/null
kill -s TERM $!
kill -s INT $!
wait $!
rm -rf "$folder"
"#;

/// A running program, and the folder of its data.
pub(super) struct Guarded {
    guard: Child,
    /// What it says.
    log: PathBuf,
}

impl Guarded {
    /// Starts the program in its folder, which is removed after its end.
    pub(super) fn start(folder: TempDir, command: &[&str]) -> Result<Self> {
        let log = folder.path().join("log");
        let output = File::create(&log)?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(folder.path())
            .args(command)
            // What the keyboard interrupts is not for the server: it ends behind its guard.
            .process_group(0)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn();
        let program = command.first().copied().unwrap_or_default();
        let guard = guard.with_context(|| format!("failed to start {program}"))?;
        // From here on it is the guard's.
        let _ = folder.keep();
        Ok(Self { guard, log })
    }

    /// Waits until the program answers.
    pub(super) fn wait_until(&self, mut answers: impl FnMut() -> Result<bool>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if answers()? {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        let said = fs::read_to_string(&self.log)?;
        bail!(
            "no answer within {:?} from a server that says:\n{said}",
            PAUSE * ATTEMPTS
        )
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It fails only if the guard was taken away by somebody else.
        let _ = self.guard.wait();
    }
}
