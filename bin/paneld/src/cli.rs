//! The command line.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use paneld_domain::Clock;
use paneld_http::Prefix;
use paneld_server::{Redis, prepare_data_dir};
use paneld_service::{CatalogUrl, Repository, Revocations};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Chores, Server,
    admin::{self, AdminCommand, Place},
    backup,
    config::{self, Config, FILE_FLAG, Gathered, SETTINGS, Setting},
    logging,
    print::print,
};

/// A self-hosted product-analytics API server
#[derive(Debug, Parser)]
#[command(name = "paneld", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (also without any command)
    Serve,
    /// Administer the catalog, also beside a running server
    Admin {
        /// Print JSON for scripts instead of tables
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: Box<AdminCommand>,
    },
    /// Bring the catalog's tables up to date
    Migrate {
        /// Make the catalog's file where there is none
        #[arg(long)]
        create: bool,
    },
    /// Make a backup, while the server runs or not
    ///
    /// It has the event store, the spool and a catalog of SQLite as they were at one moment, and
    /// a manifest with their checksums. Track goes on meanwhile. A catalog in PostgreSQL is not in
    /// it: run pg_dump afterwards.
    Backup {
        /// Where to: a file whose name ends in .tar.zst, or a folder; neither may be there yet
        #[arg(value_name = "FILE.tar.zst|FOLDER")]
        to: PathBuf,
    },
    /// Restore a backup into a data folder that is empty
    ///
    /// Everything is checked before any file is put in its place.
    Restore {
        /// The backup, as `paneld backup` made it
        #[arg(value_name = "FILE.tar.zst|FOLDER")]
        from: PathBuf,
    },
    /// Check a backup, or the data folder of a server that does not run
    ///
    /// A backup is unpacked beside itself for that, and removed again.
    Verify {
        /// The backup; else the data folder is checked
        #[arg(value_name = "FILE.tar.zst|FOLDER")]
        backup: Option<PathBuf>,
    },
    /// Print the effective configuration, secrets masked
    Config {
        /// Print the reference of all settings, in Markdown
        #[arg(long)]
        reference: bool,
    },
    /// Print the OpenAPI document
    Openapi,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let matches = command().get_matches();
    let result = Cli::from_arg_matches(&matches)
        .map_err(anyhow::Error::from)
        .and_then(|cli| {
            let gathered = Gathered::gather(&matches, std::env::vars_os())?;
            execute(cli.command.unwrap_or(Command::Serve), &gathered)
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "paneld: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The command line: the commands, and a flag for every setting. A command has the flags of those
/// settings alone that matter to it, so that its help and what is suggested for a mistyped flag
/// are about the command.
pub fn command() -> clap::Command {
    let all = || SETTINGS.iter().filter_map(flag);
    let hidden = |command: clap::Command| {
        command
            .args(all().map(|flag| flag.hide(true)))
            .after_help("Every setting is a flag, too: see paneld --help.")
    };
    let of_catalog = |command: clap::Command| {
        let settings = SETTINGS.iter().filter(|setting| is_of_catalog(setting));
        command.args(settings.filter_map(flag).map(|flag| flag.global(true)))
    };
    let of_files = |command: clap::Command| {
        let settings = SETTINGS.iter().filter(|setting| is_of_files(setting));
        command.args(settings.filter_map(flag))
    };
    let file = Arg::new(FILE_FLAG)
        .long(FILE_FLAG)
        .value_name("PATH")
        .help("The configuration file [env: PANELD_CONFIG]")
        .global(true);
    Cli::command()
        .arg(file)
        .args(all())
        .mut_subcommand("serve", hidden)
        .mut_subcommand("config", hidden)
        .mut_subcommand("admin", of_catalog)
        .mut_subcommand("migrate", of_catalog)
        .mut_subcommand("backup", of_files)
        .mut_subcommand("restore", of_files)
        .mut_subcommand("verify", of_files)
}

/// Whether a setting matters where the catalog is all that is used.
fn is_of_catalog(setting: &Setting) -> bool {
    matches!(setting.key, "data_dir" | "catalog_url" | "public_url")
        || setting.key.starts_with("redis_")
}

/// Whether a setting says where something is kept.
fn is_of_files(setting: &Setting) -> bool {
    matches!(setting.key, "data_dir" | "catalog_url" | "events_url")
}

/// The flag of a setting, or of the path of the file that holds it.
fn flag(setting: &Setting) -> Option<Arg> {
    let path_flag = setting.file_key().map(|key| key.replace('_', "-"));
    let (name, value, help) = match (setting.flag(), path_flag) {
        (Some(flag), _) => (flag, "VALUE", setting.help.to_owned()),
        (None, Some(flag)) => (flag, "PATH", format!("A file that holds: {}", setting.help)),
        (None, None) => return None,
    };
    let variable = match setting.flag() {
        Some(_) => setting.variable(),
        None => format!("{}_FILE", setting.variable()),
    };
    let default = setting
        .default
        .map(|default| format!(" [default: {default}]"));
    let help = format!("{help} [env: {variable}]{}", default.unwrap_or_default());
    let flag = Arg::new(name.clone()).long(name).value_name(value);
    Some(flag.help(help).help_heading("Settings"))
}

fn execute(command: Command, gathered: &Gathered) -> anyhow::Result<()> {
    match command {
        Command::Config { reference: true } => print(&config::print_reference()),
        Command::Openapi => {
            let document = paneld_http::document(&Prefix::ROOT).to_pretty_json();
            print(&(document.context("the OpenAPI document cannot be printed")? + "\n"))
        }
        Command::Config { reference: false } => {
            let config = Config::read(gathered)?;
            for warning in gathered.warnings() {
                let _ = writeln!(std::io::stderr(), "paneld: {warning}");
            }
            print(&config::print_effective(gathered, &config))
        }
        Command::Serve => {
            let config = Config::read(gathered)?;
            logging::start(&config)?;
            for warning in gathered.warnings() {
                tracing::warn!("{warning}");
            }
            runtime()?.block_on(serve(config))
        }
        Command::Migrate { create } => {
            let config = Config::read(gathered)?;
            if !create {
                demand_file(&config.catalog)?;
            }
            runtime()?.block_on(async {
                prepare(&config.data_dir)?;
                let migrated = Repository::migrate(&config.catalog).await;
                migrated.context("cannot bring the catalog up to date")?;
                print("The catalog is up to date.\n")
            })
        }
        Command::Backup { to } => {
            let config = Config::read(gathered)?;
            print(&runtime()?.block_on(backup::back_up(config, &to))?)
        }
        Command::Restore { from } => print(&backup::restore(&Config::read(gathered)?, &from)?),
        Command::Verify { backup } => {
            print(&backup::verify(Config::read(gathered)?, backup.as_deref())?)
        }
        Command::Admin { json, command } => {
            let config = Config::read(gathered)?;
            runtime()?.block_on(async {
                let repository = if command.may_begin() {
                    open_catalog(&config).await?
                } else {
                    let present = Repository::open_present(&config.catalog).await;
                    present.context("cannot open the catalog")?
                };
                let is_change = command.is_change();
                let place = Place {
                    public_url: config.public_url,
                    listen: config.listen,
                    scheme: if config.tls.is_some() {
                        "https"
                    } else {
                        "http"
                    },
                };
                admin::run(*command, json, repository, Clock::system(), place).await?;
                if let Some(redis) = config.redis.as_ref().filter(|_| is_change) {
                    tell_servers(redis).await;
                }
                Ok(())
            })
        }
    }
}

/// A wrong folder must not look as if all was well with the catalog in it.
fn demand_file(catalog: &CatalogUrl) -> anyhow::Result<()> {
    match catalog {
        CatalogUrl::Sqlite(file) if !file.exists() => bail!(
            "there is no catalog at {}: a server makes it at its first start, or paneld migrate \
             --create; look at --data-dir if it should be there",
            file.display()
        ),
        CatalogUrl::Sqlite(_) | CatalogUrl::Postgres(_) => Ok(()),
    }
}

/// Tells running servers that something was changed beside them.
async fn tell_servers(redis: &Redis) {
    let redis = redis.connect().await;
    if !Revocations::announce(&redis).await {
        let _ = writeln!(
            std::io::stderr(),
            "paneld: Redis is away: running servers will notice within five seconds"
        );
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Requests are served by actix's own workers; this runtime has the catalog and the chores.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Makes the data folder; what is written there is about people.
fn prepare(data_dir: &Path) -> anyhow::Result<()> {
    paneld_files::keep_private();
    Ok(prepare_data_dir(data_dir)?)
}

async fn open_catalog(config: &Config) -> anyhow::Result<Repository> {
    prepare(&config.data_dir)?;
    Repository::open(&config.catalog)
        .await
        .context("cannot open the catalog")
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let mut told_to_stop = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut server = Server::start(config, Clock::system(), Chores::ByThemselves).await?;
    let ended = tokio::select! {
        () = told_to_stop() => Ok(()),
        why = server.failed() => Err(why).context("the server cannot go on"),
    };
    tracing::info!("stopping");
    tokio::select! {
        result = server.stop() => result?,
        () = told_to_stop() => bail!("told to stop a second time: requests were cut off"),
    }
    tracing::info!("stopped");
    ended
}
