//! What this environment makes of a pipeline, and whether anyone is there to take what it sends.
//!
//! ```sh
//! OTEL_SERVICE_NAME=orders cargo run --example doctor
//! OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example cargo run --all-features --example doctor
//! ```
//!
//! It ends with 1 where a collector does not answer; with `--once` it ends with 0 all the same.

use std::process::ExitCode;

use throughline::{Setup, SetupError, TelemetryReport};

fn main() -> ExitCode {
    match examine() {
        Ok(report) => {
            println!("{report}");
            let is_once = std::env::args().any(|argument| argument == "--once");
            ExitCode::from(u8::from(!report.is_answered() && !is_once))
        }
        // Wrong in code, in a file, or a feature that is missing: a service would not start either.
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

/// A pipeline that nobody uses: nothing of this process is traced.
fn examine() -> Result<TelemetryReport, SetupError> {
    let telemetry = Setup::new().build()?;
    Ok(telemetry.report())
}
