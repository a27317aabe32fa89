//! A private ClickHouse, or what tests take for one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use xshell::Shell;

use super::guarded::Guarded;
use super::programs::find_program;
use super::{folder, free_address};
use crate::{python, workspace};

/// Where the scripts and the requirements of its engine are.
pub(crate) const ENGINE: &str = "xtask/clickhouse";
/// The oldest that is taken where one is installed.
const OLDEST: (u32, u32) = (24, 8);

/// Nothing but what tests need: HTTP, and no more memory than they have on a small machine. The
/// users are those of `front.py`.
const CONFIG: &str = "\
<clickhouse>
    <logger><level>warning</level><console>1</console></logger>
    <listen_host>127.0.0.1</listen_host>
    <path>data/</path>
    <tmp_path>data/tmp/</tmp_path>
    <user_files_path>data/user_files/</user_files_path>
    <format_schema_path>data/format_schemas/</format_schema_path>
    <max_server_memory_usage>1500000000</max_server_memory_usage>
    <mark_cache_size>100000000</mark_cache_size>
    <timezone>UTC</timezone>
    <user_directories><users_xml><path>config.xml</path></users_xml></user_directories>
    <profiles><default/><reader><readonly>2</readonly></reader></profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password/>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </default>
        <reader>
            <password/>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>reader</profile>
            <quota>default</quota>
        </reader>
    </users>
</clickhouse>
";

/// A ClickHouse with nothing in it that everybody on this machine may use. It ends when this is
/// dropped.
pub(crate) struct ClickHouse {
    _server: Server,
    url: String,
}

enum Server {
    Installed { _guarded: Guarded },
    Front { _front: Front },
}

impl ClickHouse {
    /// Starts the server that is installed, or its engine from PyPI behind an HTTP front; `None`,
    /// loudly, where neither can be had.
    pub(crate) fn start(sh: &Shell) -> Result<Option<Self>> {
        if let Some(command) = installed() {
            return Self::start_installed(&command).map(Some);
        }
        let python = match engine(sh) {
            Ok(programs) => programs.join("python"),
            Err(error) => {
                println!(
                    "!!! SKIPPED: nothing is tried on ClickHouse, which is not there: {error:#}"
                );
                return Ok(None);
            }
        };
        let script = sh.current_dir().join(ENGINE).join("front.py");
        let (front, url) = Front::start(Command::new(python).arg(script))?;
        Ok(Some(Self {
            _server: Server::Front { _front: front },
            url,
        }))
    }

    fn start_installed(command: &[String]) -> Result<Self> {
        let folder = folder()?;
        fs::write(folder.path().join("config.xml"), CONFIG)?;
        let address = free_address()?;
        let port = format!("--http_port={}", address.port());
        let mut command = command.iter().map(String::as_str).collect::<Vec<_>>();
        command.extend(["--config-file=config.xml", "--", &port]);
        let server = Guarded::start(folder, &command)?;
        server.wait_until(|| Ok(TcpStream::connect(address).is_ok()))?;
        Ok(Self {
            _server: Server::Installed { _guarded: server },
            url: format!("http://{address}"),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The programs of a Python that has ClickHouse's engine.
pub(crate) fn engine(sh: &Shell) -> Result<PathBuf> {
    let target = workspace::metadata(sh)?.target_directory;
    let environment = target.join("clickhouse");
    let requirements = format!("{ENGINE}/requirements.txt");
    python::environment(sh, environment.as_std_path(), &requirements)
}

/// The command of a server on the path that is new enough.
fn installed() -> Option<Vec<String>> {
    let commands = [("clickhouse", Some("server")), ("clickhouse-server", None)];
    commands.into_iter().find_map(|(program, subcommand)| {
        let program = find_program(program, &[])?;
        let command = std::iter::once(program).chain(subcommand.map(str::to_owned));
        let command = command.collect::<Vec<_>>();
        let (program, arguments) = command.split_first()?;
        let said = Command::new(program)
            .args(arguments)
            .arg("--version")
            .output()
            .ok()?;
        let version = version(&String::from_utf8_lossy(&said.stdout))?;
        (version >= OLDEST).then_some(command)
    })
}

/// Year and number, from such as `ClickHouse server version 24.8.4.13 (official build).`
fn version(said: &str) -> Option<(u32, u32)> {
    let (_, version) = said.split_once("version ")?;
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The front, which ends when its standard input does: with this process, however that ends.
struct Front {
    child: Child,
}

impl Front {
    /// Starts it, and finds out where it is.
    fn start(command: &mut Command) -> Result<(Self, String)> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start the front of ClickHouse's engine")?;
        let mut front = Self { child };
        let output = front.child.stdout.take().context("it says nothing")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.context("the front of ClickHouse's engine does not say where it is")?;
        let url = url.to_owned();
        Ok((front, url))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It fails only if somebody else took it away.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_read_from_what_the_program_says() {
        let said = "ClickHouse server version 24.8.4.13 (official build).\n";
        assert_eq!(version(said), Some((24, 8)));
        assert_eq!(version("ClickHouse local version 26.9.2.1."), Some((26, 9)));
        assert_eq!(version("unknown option --version"), None);
    }
}
