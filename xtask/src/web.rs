//! `cargo xtask web`: the console's page, built from its source; and what a browser finds of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::{
    services::{CHROMIUM, Paneld, chromium},
    workspace,
};

/// The source of the page, and what is built of it: the page, and the scripts of sites.
const SOURCE: &str = "crates/web/ui";
const BUILT: [&str; 2] = ["crates/web/dist", "crates/web/tracker"];
/// What the types of the API are made of.
const DOCUMENT: &str = "docs/openapi.json";

/// Builds the page anew, which is committed as it is then.
pub(crate) fn write(sh: &Shell) -> Result<()> {
    build(sh, &sh.current_dir())
}

/// Fails if the committed page is not what its source makes.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    let copy = workspace::target_folder(sh)?.join("web");
    copy_source(sh, &copy)?;
    build(sh, &copy)?;
    for committed in BUILT {
        let built = copy.join(committed);
        let compared = cmd!(sh, "diff --recursive --brief {committed} {built}").run();
        if compared.is_err() {
            bail!("{committed} is stale: run `cargo xtask web`, and commit it");
        }
    }
    Ok(())
}

/// Lays the source out elsewhere as it is here, so that a check writes nothing into the checkout.
fn copy_source(sh: &Shell, copy: &Path) -> Result<()> {
    sh.remove_path(copy)?;
    let files = cmd!(sh, "git ls-files {SOURCE} {DOCUMENT}")
        .quiet()
        .read()?;
    for file in files.lines() {
        let to = copy.join(file);
        if let Some(folder) = to.parent() {
            sh.create_dir(folder)?;
        }
        sh.copy_file(file, to)?;
    }
    Ok(())
}

fn build(sh: &Shell, root: &Path) -> Result<()> {
    let _in_source = sh.push_dir(root.join(SOURCE));
    cmd!(sh, "npm ci --no-audit --no-fund --ignore-scripts")
        .run()
        .context("failed to fetch what the page is built with")?;
    cmd!(sh, "npm run build").run()?;
    cmd!(sh, "npm test").run()?;
    Ok(())
}

/// Drives the page in a browser, against a server of its own. Without a browser it is skipped, and
/// says so.
pub(crate) fn browse(sh: &Shell) -> Result<()> {
    let chromium = match sh.var(CHROMIUM).or_else(|_unset| chromium()) {
        Ok(chromium) => chromium,
        Err(error) => {
            println!("!!! SKIPPED: the console was not tried in a browser: {error:#}");
            return Ok(());
        }
    };
    let server = Paneld::start(&workspace::program(sh)?)?;
    let _in_source = sh.push_dir(copy_with_tools(sh, "browse")?);
    let (id, secret) = server.credentials();
    cmd!(sh, "npx playwright test")
        .env("PANELD_E2E_URL", server.url())
        .env("PANELD_E2E_CLIENT_ID", id)
        .env("PANELD_E2E_CLIENT_SECRET", secret)
        .env(CHROMIUM, chromium)
        .run()
        .context("the browser found something: see above")
}

/// A copy of the page's source below the target folder, with what drives the browser.
pub(crate) fn copy_with_tools(sh: &Shell, name: &str) -> Result<PathBuf> {
    let copy = workspace::target_folder(sh)?.join(name);
    copy_source(sh, &copy)?;
    let source = copy.join(SOURCE);
    let _in_source = sh.push_dir(&source);
    cmd!(sh, "npm ci --no-audit --no-fund --ignore-scripts")
        .run()
        .context("failed to fetch what drives the browser")?;
    Ok(source)
}
