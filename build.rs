//! Builds the tap as a static executable, which the library carries with it.
//!
//! A tap that can't be built here, because the target is not Linux or lacks a static C library, leaves an empty file, and the
//! checks that need one then say why they are not applicable.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a build script or a linter around this one has set for itself, and not for another crate.
const NOT_INHERITED: [&str; 5] =
    ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET_DIR"];

fn main() {
    println!("cargo::rerun-if-changed=tap");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let tap = folder.join("seaworthy-tap");
    let built = build(&folder.join("tap"));
    let copied = built.and_then(|built| fs::copy(&built, &tap).map_err(|error| format!("{}: {error}", built.display())));
    if let Err(reason) = copied {
        println!("cargo::warning=the tap is not built in: {reason}");
        fs::write(&tap, []).unwrap_or_else(|error| panic!("{}: {error}", tap.display()));
    }
}

/// Builds the tap in a folder of its own; returns where the executable is.
#[expect(clippy::disallowed_methods, reason = "a build script has to start the compiler")]
fn build(folder: &Path) -> Result<PathBuf, String> {
    let variable = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    if variable("CARGO_CFG_TARGET_OS")? != "linux" {
        return Err("containers need one for Linux".into());
    }
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("tap/Cargo.toml");
    if !manifest.exists() {
        return Err("its source is not part of the published crate".into());
    }
    let target = variable("TARGET")?;
    let mut cargo = Command::new(variable("CARGO")?);
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    let built = cargo
        .args(["build", "--release", "--quiet", "--target", &target, "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(folder)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .output()
        .map_err(|error| format!("cargo can't be run: {error}"))?;
    if built.status.success() {
        return Ok(folder.join(target).join("release/seaworthy-tap"));
    }
    let output = String::from_utf8_lossy(&built.stderr).into_owned();
    let first = output.lines().find(|line| line.contains("error")).unwrap_or("cargo failed");
    Err(first.to_owned())
}
