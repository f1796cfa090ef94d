//! Variables of the process that are no text.

use std::{
    env::current_exe, ffi::OsStr, os::unix::ffi::OsStrExt, process::Command, sync::mpsc::channel,
};

use throughline::Setup;

#[test]
fn what_is_no_utf_8_is_told_of_and_ignored() {
    let output = Command::new(current_exe().unwrap())
        .args(["--exact", "bytes::child", "--ignored", "--nocapture"])
        .env("OTEL_SERVICE_NAME", OsStr::from_bytes(b"caf\xe9"))
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            OsStr::from_bytes(b"api-key=hush\xff"),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for warning in [
        "OTEL_SERVICE_NAME=\"caf\u{fffd}\" is not UTF-8; it is ignored",
        "OTEL_EXPORTER_OTLP_HEADERS=\"…\" is not UTF-8; it is ignored",
    ] {
        let times = said.lines().filter(|line| *line == warning).count();
        assert_eq!(times, 1, "{warning}: {said}");
    }
    assert!(
        said.contains("resource.service.name = unknown_service:"),
        "{said}"
    );
    assert!(!said.contains("hush"), "{said}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn child() {
    let (tell, told) = channel();
    let setup = Setup::new().on_warning(move |text| tell.send(text.to_owned()).unwrap());
    let telemetry = setup.build().unwrap();
    println!();
    for text in told.try_iter() {
        println!("{text}");
    }
    println!("{}", telemetry.report());
}
