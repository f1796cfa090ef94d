//! Instructions of one variant: the program runs itself under callgrind, which counts inside of one function only.

use std::{env, fs, path::PathBuf, process::Command};

use axum::{Router, body::Body};
use cost::{COUNTED, WARM_UP, app::run, pipeline::Pipeline, variant::Variant};
use http::Request;

/// The argument that makes the program the one that is measured.
pub(crate) const MEASURED: &str = "--measured";

/// Whether there is a valgrind to run.
pub(crate) fn is_there() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Instructions of all [`COUNTED`] requests. The profile stays in the target folder for `callgrind_annotate`.
pub(crate) fn instructions(variant: &Variant) -> Result<u64, String> {
    let profile = profiles().join(format!("{}.callgrind", variant.name));
    let program = env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_request*"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args([MEASURED, variant.name])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind of {}: {said}", variant.name));
    }
    let text = fs::read_to_string(&profile).map_err(|error| format!("{profile:?}: {error}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .filter(|total| *total > 0)
        .ok_or_else(|| format!("{profile:?} counted nothing"))
}

/// What runs under callgrind.
pub(crate) fn measured(variant: &Variant) {
    let pipeline = Pipeline::new();
    let router = variant.router(&pipeline);
    for _ in 0..WARM_UP {
        run(&router, variant.request());
    }
    for _ in 0..COUNTED {
        counted_request(&router, variant.request());
    }
}

/// Where the profiles are.
pub(crate) fn profiles() -> PathBuf {
    let folder = env::current_exe().ok();
    let folder = folder.as_deref().and_then(|program| program.parent());
    folder.map(PathBuf::from).unwrap_or_default()
}

/// Callgrind knows it by its name. It must not be left by a jump: what it calls has to return to it.
#[inline(never)]
fn counted_request(router: &Router, request: Request<Body>) {
    std::hint::black_box(run(router, request));
}
