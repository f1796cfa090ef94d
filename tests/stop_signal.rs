//! What ends a process, in a process of its own.

use std::process::Command;

#[tokio::test]
async fn sigterm_stops() {
    if !cfg!(unix) {
        return;
    }
    let stop = tokio::spawn(throughline::stop_signal());
    // It listens from its first poll on.
    tokio::task::yield_now().await;
    let id = std::process::id().to_string();
    let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(status.success());
    stop.await.unwrap();

    // A second one ends nothing; who asks again is told of it.
    let again = tokio::spawn(throughline::stop_signal());
    tokio::task::yield_now().await;
    let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(status.success());
    again.await.unwrap();
}
