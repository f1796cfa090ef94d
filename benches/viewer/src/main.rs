//! Sustained ingest into the viewer, its memory, and its searches when it is full; beside a receiver that reads and answers.
//!
//! `--spans N` (1,000,000), `--limit MIB` (256), `--data FILE`. Ends with an error when a bound is broken: memory further than
//! a tenth from the limit, or a quarter above it with searches, or a search above 100 ms at its 95th percentile (on a busy
//! machine: of the processor).

#![forbid(unsafe_code)]

mod client;
mod ingest;
mod load;
mod peer;
mod process;
mod search;

use std::{
    env,
    error::Error,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering::Relaxed},
};

use load::Load;
use peer::Peer;

type Failure = Box<dyn Error + Send + Sync>;

/// Requests of 512 spans a second, while the searches are asked a second time.
const STEADY: u32 = 20;

/// As the viewer's own program has them.
const BLOCKING_THREADS: usize = 9;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(asked()),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn asked() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let after = |name: &str| {
        let at = arguments.iter().position(|word| word == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number = |name: &str, usual: u64| after(name).map_or(Ok(usual), str::parse);
    let (Ok(spans), Ok(limit)) = (number("--spans", 1_000_000), number("--limit", 256)) else {
        eprintln!("--spans and --limit are numbers");
        return ExitCode::FAILURE;
    };
    let done = match arguments.first().map(String::as_str) {
        Some(peer::VIEWER) => peer::viewer(limit, after("--data"))
            .await
            .map_err(|error| error.to_string().into()),
        Some(peer::NULL) => peer::null().await.map_err(|error| error.to_string().into()),
        _ => run(spans as usize, limit, after("--data")).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(spans: usize, limit: u64, file: Option<&str>) -> Result<(), Failure> {
    let (machine, is_busy) = process::machine();
    println!("{machine}");
    if is_busy {
        println!(
            "others use it too: processor time is the number to trust, and is what is held to the bounds"
        );
    }
    println!();
    let start = |arguments: &[&str]| {
        Peer::start(arguments).map_err(|error| Failure::from(error.to_string()))
    };
    let null = start(&[peer::NULL])?;
    ingest::run(&null, &mut Load::new(spans), spans / 4)
        .await?
        .print("null receiver");
    drop(null);

    let limit_text = limit.to_string();
    let mut arguments = vec![peer::VIEWER, "--limit", &limit_text];
    arguments.extend(file.map(|file| ["--data", file]).iter().flatten());
    let viewer = start(&arguments)?;
    let (idle, _) = process::memory(viewer.pid())?;
    let mut load = Load::new(spans);
    let taken = ingest::run(&viewer, &mut load, spans).await?;
    taken.print("viewer");
    let mut broken = Vec::new();
    let (now, most) = process::memory(viewer.pid())?;
    println!(
        "memory: {:.1} MiB at the start, {:.1} while it was full, {:.1} at the end, {:.1} at most; limit {limit}",
        mebi(idle),
        mebi(taken.resident),
        mebi(now),
        mebi(most),
    );
    let bound = |name: &str, bytes: u64, most: f64, broken: &mut Vec<String>| {
        let share = mebi(bytes) / limit as f64;
        if file.is_none() && !(0.9..=most).contains(&share) {
            broken.push(format!(
                "memory {name} is {:.1} MiB, the limit {limit}",
                mebi(bytes)
            ));
        }
    };
    bound("while it was full", taken.resident, 1.1, &mut broken);
    bound("at most", most, 1.1, &mut broken);

    println!("\nSearches of the full store:\n");
    let mut slow = search::run(&viewer, &load, is_busy).await?;
    println!(
        "\nThe same while {} spans/s come in:\n",
        STEADY as usize * load::BATCH
    );
    let stop = Arc::new(AtomicBool::new(false));
    let steady = tokio::spawn(ingest::steadily(
        viewer.http,
        Load::new(spans),
        STEADY,
        Arc::clone(&stop),
    ));
    let busy = search::run(&viewer, &load, is_busy).await?;
    stop.store(true, Relaxed);
    println!("\n{} spans came in meanwhile", steady.await??);
    slow.extend(
        busy.into_iter()
            .map(|name| format!("{name}, while spans come in")),
    );
    let (now, most) = process::memory(viewer.pid())?;
    println!(
        "memory: {:.1} MiB after the searches, {:.1} at most",
        mebi(now),
        mebi(most)
    );
    // Each thread that made an answer keeps some of the memory that it has freed.
    bound("with searches", most, 1.25, &mut broken);

    broken.extend(
        slow.into_iter()
            .map(|name| format!("above {} ms: {name}", search::BOUND.as_millis())),
    );
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("\nBroken bounds:\n  {}", broken.join("\n  ")).into())
}

fn mebi(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
