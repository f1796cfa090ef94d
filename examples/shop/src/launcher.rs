//! What the program does when it is no service: one round through the shop, and a verdict.

use std::{pin::pin, process::ExitCode};

use crate::{
    Result, check,
    logs::{self, Logs},
    scenario,
    shop::Shop,
    style::{Ink, Style},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Stays open after the round, until Ctrl-C.
    #[default]
    Stay,
    /// Ends after the round; every trace must be whole.
    Once,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    /// Whether the services serve their metrics.
    pub(crate) prometheus: bool,
    pub(crate) logs: Logs,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mode = options.mode;
    let style = Style::of_terminal();
    let scenarios = scenario::all();
    let mut stop = pin!(throughline::stop_signal());
    let mut shop = tokio::select! {
        shop = Shop::open(style, options) => shop?,
        () = &mut stop => return Ok(interrupted(mode)),
    };
    let visit = async {
        let mut wrong = shop.round(&scenarios).await?;
        if mode == Mode::Stay {
            wrong.extend(check::all(shop.traces(), &scenarios));
            tell(&wrong, style);
            shop.stay().await;
        }
        Result::<_>::Ok(wrong)
    };
    let visit = tokio::select! {
        visit = visit => Some(visit),
        () = &mut stop => None,
    };
    // All services end in order and send all they have: what was whole must not have grown since.
    let closed = shop.close().await;
    let Some(visit) = visit else {
        closed?;
        return Ok(interrupted(mode));
    };
    let mut wrong = visit?;
    let (traces, records) = closed?;
    wrong.extend(check::all(&traces, &scenarios));
    wrong.extend(logs::problems(&records, &traces));
    let traced = records.iter().filter(|record| record.ids.is_some()).count();
    println!("{traced} log records came from within the requests.");
    if !wrong.is_empty() {
        tell(&wrong, style);
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", style.paint(Ink::Green, "Every trace is whole."));
    Ok(ExitCode::SUCCESS)
}

fn tell(wrong: &[String], style: Style) {
    for line in wrong {
        println!("{}", style.paint(Ink::Red, line));
    }
}

/// To stay open ends no other way; a round that was not finished has shown nothing.
fn interrupted(mode: Mode) -> ExitCode {
    match mode {
        Mode::Stay => ExitCode::SUCCESS,
        Mode::Once => ExitCode::FAILURE,
    }
}
