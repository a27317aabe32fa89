//! Gathers the files of the page, and the scripts of sites, for embedding, each beside its
//! compressed form where that is smaller: no request has to wait for a compression.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

/// What is served where nobody built the page.
const MISSING: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>paneld</title>
<h1>The files of the console are missing</h1>
<p>This server was built without them: they belong into <code>crates/web/dist</code>. All APIs work.</p>
</html>
"#;

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let out = Path::new(&out);
    gather_anew("dist", &out.join("page"))?;
    gather_anew("tracker", &out.join("tracker"))?;
    let index = out.join("page").join("index.html");
    if index.is_file() {
        return Ok(());
    }
    write(MISSING.as_bytes(), &index)
}

/// Gathers a folder of this crate, which may be missing.
fn gather_anew(from: &str, to: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={from}");
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    if Path::new(from).is_dir() {
        gather(Path::new(from), to)?;
    }
    Ok(())
}

fn gather(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &target)?;
        } else {
            write(&fs::read(entry.path())?, &target)?;
        }
    }
    Ok(())
}

fn write(content: &[u8], target: &Path) -> io::Result<()> {
    fs::write(target, content)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    let compressed = encoder.finish()?;
    if compressed.len() < content.len() * 9 / 10 {
        let mut name = target.as_os_str().to_owned();
        name.push(".gz");
        fs::write(name, compressed)?;
    }
    Ok(())
}
