//! When the process is told to stop. The one file that differs by platform.

use std::io;

/// Completes when the process is told to stop: by SIGTERM or Ctrl-C, on Windows by Ctrl-C, Ctrl-Break, or the closing of
/// the console or the system. Made for `axum::serve(..).with_graceful_shutdown(throughline::stop_signal())`.
///
/// From its first poll on, these signals no longer end the process by themselves. After the first, another one does
/// nothing: [`Telemetry::shutdown`](crate::Telemetry::shutdown) has its deadline, and what is served is yours to bound. To let a second one end
/// the process at once, wait for it too: `tokio::spawn(async { stop_signal().await; std::process::exit(130) })` after the
/// first. Where no signal can be
/// listened for, it says so on stderr and never completes.
///
/// # Panics
///
/// Outside of a Tokio runtime, and in one without I/O.
pub async fn stop_signal() {
    if let Err(error) = platform::stopped().await {
        super::report::Report::default().warn(&format!(
            "cannot listen for the signals that stop a process: {error}; only a kill ends it"
        ));
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod platform {
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) async fn stopped() -> super::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}

#[cfg(windows)]
mod platform {
    use tokio::signal::windows;

    pub(super) async fn stopped() -> super::io::Result<()> {
        let mut ctrl_c = windows::ctrl_c()?;
        let mut ctrl_break = windows::ctrl_break()?;
        let mut ctrl_close = windows::ctrl_close()?;
        let mut ctrl_shutdown = windows::ctrl_shutdown()?;
        tokio::select! {
            _ = ctrl_c.recv() => {}
            _ = ctrl_break.recv() => {}
            _ = ctrl_close.recv() => {}
            _ = ctrl_shutdown.recv() => {}
        }
        Ok(())
    }
}

#[cfg(not(any(unix, windows)))]
mod platform {
    pub(super) async fn stopped() -> super::io::Result<()> {
        Err(super::io::ErrorKind::Unsupported.into())
    }
}
