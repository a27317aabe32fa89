//! A private PostgreSQL.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::guarded::Guarded;
use super::programs::{Needed, is_root, run};
use super::{folder, free_address};

/// A PostgreSQL with nothing in it that everybody on this machine may use; made for speed: a crash
/// would lose its data. It ends when this is dropped.
pub(crate) struct Postgres {
    _server: Guarded,
    url: String,
}

const NEEDED: Needed = Needed {
    program: "initdb",
    package: "postgresql",
    instead: super::POSTGRES_URL,
    folders: debian_folders,
};

const OPTIONS: [&str; 7] = [
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "max_connections=300",
    "synchronous_commit=off",
    "unix_socket_directories=",
    // Tests look for English sentences.
    "lc_messages=C",
];

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        // A link on the path may be one to the folder where the other programs are.
        let initdb = fs::canonicalize(NEEDED.find_or_install()?)?;
        let programs = initdb.parent().context("a program without a folder")?;
        let program = |name: &str| programs.join(name).display().to_string();
        let (postgres, pg_isready) = (program("postgres"), program("pg_isready"));

        let folder = folder()?;
        let data = folder.path().join("postgres");
        fs::create_dir(&data)?;
        let path = data.display().to_string();
        let user = unprivileged_user();
        if let Some(user) = &user {
            run(&["chown", user, &path])?;
        }
        let as_user = |command: &[&str]| -> Vec<String> {
            let switch = user.iter().flat_map(|user| {
                let id = |kind| format!("--{kind}={user}");
                [
                    "setpriv".into(),
                    id("reuid"),
                    id("regid"),
                    "--clear-groups".into(),
                ]
            });
            let command = command.iter().map(|&part| part.to_owned());
            switch.chain(command).collect()
        };

        let initdb = as_user(&[
            &program("initdb"),
            "--pgdata",
            &path,
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        run(&initdb.iter().map(String::as_str).collect::<Vec<_>>())?;

        let port = free_address()?.port().to_string();
        let mut serve = vec![postgres.as_str(), "-D", &path, "-p", &port];
        serve.extend(OPTIONS.iter().flat_map(|option| ["-c", option]));
        let serve = as_user(&serve);
        let serve = serve.iter().map(String::as_str).collect::<Vec<_>>();
        let server = Guarded::start(folder, &serve)?;
        server.wait_until(|| {
            let mut ask = Command::new(&pg_isready);
            let asked = ask.args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            Ok(asked.context("failed to start pg_isready")?.success())
        })?;
        Ok(Self {
            _server: server,
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Debian keeps the server's programs off the path, by version. The newest comes first.
fn debian_folders() -> Vec<String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let names = versions.filter_map(|version| version.ok()?.file_name().into_string().ok());
    let mut versions = names
        .filter_map(|name| name.parse().ok())
        .collect::<Vec<u32>>();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let folders = versions
        .iter()
        .map(|version| format!("/usr/lib/postgresql/{version}/bin"));
    folders.collect()
}

/// As whom to run it: PostgreSQL refuses to be root.
fn unprivileged_user() -> Option<String> {
    let exists = |user: &&str| run(&["id", user]).is_ok();
    let user = ["postgres", "nobody"].into_iter().find(exists);
    user.filter(|_| is_root()).map(str::to_owned)
}
