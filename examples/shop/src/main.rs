//! A shop of four services, each a process of its own, whose traces are printed as trees. See the README beside it.

mod check;
mod collector;
mod launcher;
mod processes;
#[path = "../proto/mod.rs"]
mod proto;
mod scenario;
mod services;
mod shop;
mod style;
mod trace;
mod tree;

use std::{env, error::Error, process::ExitCode};

use launcher::Mode;
use services::Place;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

const USAGE: &str = "\
usage: cargo run -p shop              start the shop, show a trace of each kind, stay open for curl
       cargo run -p shop -- --once    the same, then stop; fails unless every trace is whole";

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
        [] => launcher::run(Mode::Stay).await,
        [word] if word == "--once" => launcher::run(Mode::Once).await,
        [word] if word == "--help" || word == "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        // How the launcher starts each service: the same program, with the service's name.
        [name, place @ ..] => {
            match name.as_str() {
                "storefront" => services::storefront::run(Place::parse(place)?).await?,
                "orders" => services::orders::run(Place::parse(place)?).await?,
                "pricing" => services::pricing::run(Place::parse(place)?).await?,
                "stock" => services::stock::run(Place::parse(place)?).await?,
                _ => return Err(format!("no such service or option\n{USAGE}").into()),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
