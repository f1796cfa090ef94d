//! A shop of four services, each a process of its own, whose traces are printed as trees. See the README beside it.

mod check;
mod collector;
mod launcher;
mod logs;
mod processes;
#[path = "../proto/mod.rs"]
mod proto;
mod scenario;
mod services;
mod shop;
mod style;
mod trace;
mod tree;
mod viewer;

use std::{env, error::Error, process::ExitCode};

use launcher::{Mode, Options};
use logs::Logs;
use services::Place;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

const USAGE: &str = "\
usage: cargo run -p shop                  start the shop, show a trace of each kind, stay open for curl
       cargo run -p shop -- --once        the same, then stop; fails unless every trace is whole
       cargo run -p shop -- --prometheus  each service serves its metrics too, and it is said where
       cargo run -p shop -- --logs        the services' log lines too, those that RUST_LOG lets through; or --json";

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match run(&words).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("shop {}: {error}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[String]) -> Result<ExitCode> {
    match words {
        [] => launcher::run(Options::default()).await,
        [word, ..] if word == "--help" || word == "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        [word, ..] if word.starts_with('-') => launcher::run(options(words)?).await,
        // How the launcher starts each service: the same program, with the service's name.
        [name, place @ ..] => {
            match name.as_str() {
                "storefront" => services::storefront::run(Place::parse(place)?).await?,
                "orders" => services::orders::run(Place::parse(place)?).await?,
                "pricing" => services::pricing::run(Place::parse(place)?).await?,
                "stock" => services::stock::run(Place::parse(place)?).await?,
                _ => return Err(unknown().into()),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn options(words: &[String]) -> Result<Options> {
    let mut options = Options::default();
    for word in words {
        match word.as_str() {
            "--once" => options.mode = Mode::Once,
            "--prometheus" => options.prometheus = true,
            "--logs" => options.logs = Logs::Text,
            "--json" => options.logs = Logs::Json,
            _ => return Err(unknown().into()),
        }
    }
    Ok(options)
}

fn unknown() -> String {
    format!("no such service or option\n{USAGE}")
}
