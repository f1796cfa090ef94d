//! The viewer, within the launcher.

use std::net::SocketAddr;

use throughline_viewer::{Options, StartError, Store, Viewer};

use crate::{Result, trace::Trace};

/// Where the page is, and what it shows.
pub(crate) struct Page {
    pub(crate) address: String,
    pub(crate) store: Store,
}

/// On the port where people look for it, or on a free one.
pub(crate) async fn open() -> Result<Page> {
    let mut options = Options::default();
    // What the services send comes by the launcher's own collector.
    options.grpc = None;
    options.http = None;
    let viewer = match Viewer::start(&options).await {
        Err(StartError::Listen(..)) => {
            options.page = SocketAddr::from(([127, 0, 0, 1], 0));
            Viewer::start(&options).await?
        }
        started => started?,
    };
    let page = Page {
        address: format!("http://{}", viewer.page_addr()?),
        store: viewer.store().clone(),
    };
    tokio::spawn(viewer.serve(std::future::pending()));
    Ok(page)
}

impl Page {
    /// The page of a trace.
    pub(crate) fn of(&self, trace: &Trace) -> String {
        let id = trace.spans().first().map_or("", |span| span.trace.as_str());
        format!("{}/trace/{id}", self.address)
    }
}
