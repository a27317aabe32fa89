//! A server under measurement: started, watched and in any case ended.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::services::free_address;

const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: u32 = 200;

/// Ends its process when dropped, so that no error leaves one behind.
pub(crate) struct Server {
    name: &'static str,
    address: SocketAddr,
    child: Child,
    clock_ticks_per_second: f64,
}

impl Server {
    /// Starts a program on a free port of the loopback interface, told to it in the variable `listen`.
    ///
    /// It sees these variables only and starts in `folder`: a developer's own settings must not take part.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        folder: &Path,
        listen: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let clock_ticks_per_second = clock_ticks_per_second()?;
        let address = free_address()?;
        let child = Command::new(program)
            .current_dir(folder)
            .env_clear()
            .env(listen, address.to_string())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        Ok(Self {
            name,
            address,
            child,
            clock_ticks_per_second,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for a 200, so that what is measured later is not the speed of refusing.
    pub(crate) fn wait_until_it_answers(&mut self, path: &str, headers: &[String]) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it answered: {status}", self.name);
            }
            if let Ok(connection) = TcpStream::connect(self.address) {
                let status = status_line(connection, path, headers).with_context(|| {
                    format!("{} accepted a connection but did not answer", self.name)
                })?;
                ensure!(
                    status.starts_with("HTTP/1.1 200"),
                    "{} answers {path} with {status}",
                    self.name
                );
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        bail!("{} did not answer within {:?}", self.name, PAUSE * ATTEMPTS);
    }

    /// Asks something, and returns the JSON of a good answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[String],
        body: &str,
    ) -> Result<serde_json::Value> {
        let connection = TcpStream::connect(self.address)?;
        let answer = exchange(connection, method, path, headers, body)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .with_context(|| format!("{} breaks off in its answer", self.name))?;
        ensure!(
            head.starts_with("HTTP/1.1 200"),
            "{} answers {method} {path} with {answer}",
            self.name
        );
        Ok(serde_json::from_str(body)?)
    }

    /// Ends it without any warning.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Processor time spent so far, in the program and in the kernel on its behalf.
    pub(crate) fn cpu_us(&self) -> Result<f64> {
        let stat = self.proc_file("stat")?;
        let ticks = cpu_ticks(&stat).context("failed to read the processor time from /proc")?;
        Ok(ticks / self.clock_ticks_per_second * 1e6)
    }

    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = self.proc_file("status")?;
        let kib =
            kib_of(&status, "VmRSS:").context("failed to read the resident memory from /proc")?;
        Ok(kib / 1024.0)
    }

    /// The most that was resident so far.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let status = self.proc_file("status")?;
        let kib =
            kib_of(&status, "VmHWM:").context("failed to read the resident memory from /proc")?;
        Ok(kib / 1024.0)
    }

    fn proc_file(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path)
            .with_context(|| format!("failed to read {path}: did {} end?", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clock_ticks_per_second() -> Result<f64> {
    let output = Command::new("getconf")
        .arg("CLK_TCK")
        .output()
        .context("failed to run getconf")?;
    String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .context("getconf CLK_TCK prints no number")
}

fn status_line(connection: TcpStream, path: &str, headers: &[String]) -> Result<String> {
    let answer = exchange(connection, "GET", path, headers, "")?;
    Ok(answer.lines().next().unwrap_or("nothing").to_owned())
}

/// The whole answer to a request, as it comes.
fn exchange(
    mut connection: TcpStream,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Result<String> {
    connection.set_read_timeout(Some(PAUSE * ATTEMPTS))?;
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    write!(connection, "{request}\r\n{body}")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

/// User and system time, fields 14 and 15 of `/proc/<pid>/stat`.
/// They are counted from the last `)`: the program's name before it may hold blanks and brackets.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kib_of(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_plus_system_even_after_an_odd_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 111 0 0 0 70 30 5 6 20 0 3 0 999";
        assert_eq!(cpu_ticks(stat), Some(100.0));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
    }

    #[test]
    fn resident_memory_is_found_among_the_others() {
        assert_eq!(
            kib_of(
                "VmSize:\t 9999 kB\nVmRSS:\t  2048 kB\nRssAnon:\t 1 kB\n",
                "VmRSS:"
            ),
            Some(2048.0)
        );
        assert_eq!(kib_of("Name:\tpaneld\n", "VmRSS:"), None);
    }
}
