//! What the requests of a service feel of a collector that fails: each fault under load, beside the same service without
//! a fault and without telemetry. `--seconds N` says how long each of them lasts, 60 unless said.
//!
//! It fails where a sum of spans is wrong, where memory passes its bound, or where a request fails.

#![forbid(unsafe_code)]

#[path = "../../../tests/failing/mod.rs"]
mod failing;
mod load;
mod row;
mod service;

use std::{env, error::Error, fs, process::ExitCode, thread, time::Duration};

use failing::{Fault, Receiver};
use row::{Row, Run};

/// The service is this program too, in a process of its own: its memory is measured by itself.
const SERVICE: &str = "--service";
const SECONDS: &str = "--seconds";

const FAULTS: [(&str, Fault); 7] = [
    ("refuses", Fault::Refuse),
    ("hangs", Fault::Hang),
    ("429, Retry-After", Fault::TooMany),
    ("503", Fault::Unavailable),
    ("half an answer", Fault::Half),
    ("resets", Fault::Reset),
    ("accepts slowly", Fault::Slow),
];

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let all_is_well = match *words {
        [SERVICE] => service::run(None).map(|()| true),
        [SERVICE, endpoint] => service::run(Some(endpoint)).map(|()| true),
        [] => table(Duration::from_secs(60)),
        [SECONDS, seconds] if seconds.parse::<u16>().is_ok_and(|seconds| seconds > 0) => {
            table(Duration::from_secs(seconds.parse().unwrap_or(60)))
        }
        _ => Err(format!("the one argument is {SECONDS} N, N a number from 1 to 65535").into()),
    };
    match all_is_well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table. True if every sum is right, and memory stayed in its bound.
fn table(each: Duration) -> Result<bool, Failure> {
    let beats = 1.0 / load::BEAT.as_secs_f64();
    println!(
        "{} requests a second at most, by {} connections, for {} s each; the service, the client and the receiver share {} cores.",
        load::CONNECTIONS as f64 * load::BURST as f64 * beats,
        load::CONNECTIONS,
        each.as_secs(),
        thread::available_parallelism()?
    );
    println!(
        "The queue of the exporter holds {} MiB.",
        service::QUEUE_BYTES >> 20
    );
    println!("Load of the machine at the start: {}\n", load_average());
    Row::print_head();
    let bare = Row::measure("no telemetry", Run::Bare, each)?;
    bare.print(None);
    let base = bare.memory();
    let runs = [("no fault", Run::Sound)]
        .into_iter()
        .chain(FAULTS.map(|(name, fault)| (name, Run::Failing(fault))))
        .chain([("no fault, again", Run::Sound)]);
    let mut wrong = Vec::new();
    for (name, run) in runs {
        let row = Row::measure(name, run, each)?;
        row.print(base);
        wrong.extend(row.wrong(base));
    }
    println!("\nLoad of the machine at the end: {}", load_average());
    for line in &wrong {
        println!("WRONG: {line}");
    }
    Ok(wrong.is_empty())
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    match text.split(' ').next() {
        Some(minute) if !minute.is_empty() => minute.to_owned(),
        _ => "unknown".to_owned(),
    }
}
