//! Logs: lines with the ids of their trace, `tracing` spans in the trace, log records with the same ids.

#[path = "../common/mod.rs"]
mod common;

mod format;
mod lines;

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is written to it.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The line that has this in it, of which there is one.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> String {
        let text = self.text();
        let found: Vec<_> = text.lines().filter(|line| line.contains(part)).collect();
        assert_eq!(found.len(), 1, "{part:?} in {text}");
        found[0].to_owned()
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
