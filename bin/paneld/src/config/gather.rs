//! Gathering values: flags before environment before file before defaults.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use anyhow::{Context as _, anyhow, bail};
use clap::ArgMatches;

use super::settings::{FILE_FLAG, SETTINGS, Setting};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The configuration file.
    File,
    /// The table of settings.
    Default,
}

/// A value, and where it came from. It may be a secret, and so has no `Debug`.
pub struct Value {
    pub(crate) setting: &'static Setting,
    pub(crate) text: String,
    pub(crate) source: Source,
    /// The name under which it was given there.
    pub(crate) name: String,
}

/// All values.
#[derive(Default)]
pub struct Gathered {
    values: BTreeMap<&'static str, Value>,
    warnings: Vec<String>,
}

impl Gathered {
    /// Gathers the values.
    ///
    /// # Errors
    /// When a file cannot be read, or the configuration file has an unknown key.
    pub fn gather(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let mut environment = Environment::new(environment);
        let path = given(flags, FILE_FLAG).cloned();
        let file = match path.or_else(|| environment.take(FILE_FLAG)) {
            Some(path) => read_file(Path::new(&path))?,
            None => BTreeMap::new(),
        };
        let mut gathered = Self::default();
        for setting in &SETTINGS {
            if let Some(value) = find(setting, flags, &mut environment, &file)? {
                gathered.values.insert(setting.key, value);
            }
        }
        gathered.warnings = environment.unknown();
        Ok(gathered)
    }

    /// The value of a setting, if it has one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// What was strange, but no error.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The value of a flag, which may stand before a command or behind it.
fn given<'a>(flags: &'a ArgMatches, name: &str) -> Option<&'a String> {
    let behind = flags.subcommand();
    let behind = behind.and_then(|(_, flags)| given(flags, name));
    behind.or_else(|| flags.try_get_one::<String>(name).ok().flatten())
}

/// The value of a setting from the first place that has one, or for a secret the path of the
/// file that holds it.
fn find(
    setting: &'static Setting,
    flags: &ArgMatches,
    environment: &mut Environment,
    file: &BTreeMap<String, String>,
) -> anyhow::Result<Option<Value>> {
    let keys = [Some(setting.key.to_owned()), setting.file_key()];
    let keys = keys.into_iter().flatten().collect::<Vec<_>>();
    // All are taken, so that none is left over as unknown.
    let variables = keys
        .iter()
        .map(|key| environment.take(key))
        .collect::<Vec<_>>();
    let value = |key: &str, text: &str, source, name| {
        let is_path = key != setting.key;
        let text = if is_path {
            read_secret(text)?
        } else {
            text.to_owned()
        };
        Ok(Some(Value {
            setting,
            text,
            source,
            name,
        }))
    };
    for key in &keys {
        let flag = key.replace('_', "-");
        // A secret itself has no flag.
        if let Some(text) = given(flags, &flag) {
            return value(key, text, Source::Flag, format!("--{flag}"));
        }
    }
    for (key, text) in keys.iter().zip(&variables) {
        if let Some(text) = text {
            let name = format!("PANELD_{}", key.to_uppercase());
            return value(key, text, Source::Environment, name);
        }
    }
    for key in &keys {
        if let Some(text) = file.get(key) {
            let name = format!("{key} in the configuration file");
            return value(key, text, Source::File, name);
        }
    }
    match setting.default {
        Some(text) => value(setting.key, text, Source::Default, setting.variable()),
        None => Ok(None),
    }
}

/// A secret from a file of its own; editors and orchestrators end it with a line break.
fn read_secret(path: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the secret in {path}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {shown}"))?;
    let table = text.parse::<toml::Table>().map_err(|error| {
        // The error's own text quotes the line, which may hold a secret.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = 1 + before.map_or(0, |before| before.matches('\n').count());
        let what = error.message();
        anyhow!("the configuration file {shown} is not TOML: line {line}: {what}")
    })?;
    let unknown = table
        .keys()
        .filter(|key| !keys().any(|known| known == **key));
    let unknown = unknown.map(|key| with_nearest(key, keys()));
    let unknown = unknown.collect::<Vec<_>>();
    match unknown.as_slice() {
        [] => {}
        [one] => bail!("the configuration file {shown} has an unknown key: {one}"),
        all => {
            let all = all.join(", ");
            bail!("the configuration file {shown} has unknown keys: {all}");
        }
    }
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let text = plain_text(&value).with_context(|| {
            format!("{key} in the configuration file {shown} must be a text, number, boolean or list of texts")
        })?;
        values.insert(key, text);
    }
    Ok(values)
}

/// All keys that the file may have.
fn keys() -> impl Iterator<Item = String> {
    SETTINGS.iter().flat_map(|setting| {
        let own = Some(setting.key.to_owned());
        [own, setting.file_key()].into_iter().flatten()
    })
}

/// How alike two names must be, up to 1, for the one to be meant by the other.
const ALIKE: f64 = 0.8;

/// A name that is not known, with the known one that may be meant.
fn with_nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    let known = known.map(|known| (strsim::jaro_winkler(name, &known), known));
    let nearest = known.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest.filter(|(alike, _)| *alike >= ALIKE) {
        Some((_, nearest)) => format!("{name} (did you mean {nearest}?)"),
        None => name.to_owned(),
    }
}

/// A value of the file as the same text that a flag would have.
fn plain_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(entries) => {
            let texts = entries.iter().map(toml::Value::as_str);
            Some(texts.collect::<Option<Vec<_>>>()?.join(","))
        }
        _ => None,
    }
}

/// The `PANELD_*` variables that were not asked for yet.
struct Environment(BTreeMap<String, String>);

impl Environment {
    fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let texts = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let key = name.strip_prefix("PANELD_")?.to_lowercase();
            Some((key, value.to_string_lossy().into_owned()))
        });
        Self(texts.collect())
    }

    /// Takes a variable. An empty one counts as not given: that is how orchestrators leave one
    /// out.
    fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key).filter(|text| !text.is_empty())
    }

    fn unknown(self) -> Vec<String> {
        let variable = |key: &str| format!("PANELD_{}", key.to_uppercase());
        let unknown = self.0.into_keys().map(|key| {
            let known = keys().map(|known| variable(&known));
            with_nearest(&variable(&key), known)
        });
        unknown
            .map(|name| format!("the environment has an unknown variable: {name}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_another_command_line_are_no_flags_of_ours() {
        let theirs = clap::Command::new("host").arg(clap::Arg::new("listen").num_args(0..=1));
        for line in [["host"].as_slice(), &["host", "127.0.0.1:1"]] {
            let flags = theirs.clone().get_matches_from(line);
            let gathered = Gathered::gather(&flags, []).unwrap();
            assert!(gathered.get("data_dir").is_some());
        }
    }
}
