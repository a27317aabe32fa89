//! `cargo xtask suites`: what others test recognition with, in versions that are pinned.
//!
//! `docs/recognition.md` says how far the answers agree, and why they differ elsewhere.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::npm::Package;

/// User agents of bots.
pub(crate) const BOTS: Package = Package {
    name: "crawler-user-agents",
    version: "1.60.0",
    sha256: "355ff319e17919f1738122752c8036d605d0e1bcba81de31e84377d12b286d79",
};
pub(crate) const BOTS_FILE: &str = "crawler-user-agents.json";

/// User agents of people, with how often each is seen.
const PEOPLE: Package = Package {
    name: "user-agents",
    version: "2.1.198",
    sha256: "581c4f5074669b6f125263b8ddf302d221a26a06842488c6cc8d50dc5c5c0851",
};
const PEOPLE_FILE: &str = "dist/user-agents.json";

/// A reader of user agents whose names are nearly ours, under the MIT licence.
const READER: Package = Package {
    name: "my-ua-parser",
    version: "2.0.4",
    sha256: "028265406ea8ace76efbe24f8478266e63c1d0caf74a09ecdb379c64182323d4",
};
const READER_FILE: &str = "ua-parser.js";

/// Has the other reader read what people send: a JSON array of its answers.
const READ: &str = r#"
const [reader, people, answers] = process.argv.slice(1);
const { UAParser } = require(reader);
const read = ({ userAgent, weight }) => {
  const { os, browser, device } = new UAParser(userAgent).getResult();
  const fields = [os.name, os.version, browser.name, browser.version, device.type, device.vendor, device.model];
  return { userAgent, weight, fields: fields.map((field) => field ?? "") };
};
const fs = require("fs");
fs.writeFileSync(answers, JSON.stringify(JSON.parse(fs.readFileSync(people)).map(read)));
"#;

/// Fetches them, and runs the tests that read them.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let unpack = |package: &Package, file: &str| {
        let below = folder.path().join(package.name);
        sh.create_dir(&below)?;
        package.unpack(sh, file, &below)?;
        anyhow::Ok(below.join("package").join(file))
    };
    let bots = unpack(&BOTS, BOTS_FILE)?;
    let people = unpack(&PEOPLE, PEOPLE_FILE)?;
    let reader = unpack(&READER, READER_FILE)?;
    let answers = folder.path().join("answers.json");
    cmd!(sh, "node -e {READ} {reader} {people} {answers}")
        .quiet()
        .run()?;
    cmd!(
        sh,
        "cargo test --locked --package paneld-enrich --test suites -- --nocapture"
    )
    .env("PANELD_TEST_BOTS", bots)
    .env("PANELD_TEST_PEOPLE", answers)
    .run()?;
    Ok(())
}
