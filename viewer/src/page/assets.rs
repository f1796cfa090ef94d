//! Styles and scripts, kept in the program.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};

/// Name, type, text.
const ASSETS: [(&str, &str, &str); 11] = [
    ("style.css", CSS, include_str!("../../assets/style.css")),
    ("common.js", JS, include_str!("../../assets/common.js")),
    ("live.js", JS, include_str!("../../assets/live.js")),
    ("map.js", JS, include_str!("../../assets/map.js")),
    ("news.js", JS, include_str!("../../assets/news.js")),
    ("overview.js", JS, include_str!("../../assets/overview.js")),
    ("rows.js", JS, include_str!("../../assets/rows.js")),
    ("search.js", JS, include_str!("../../assets/search.js")),
    ("trace.js", JS, include_str!("../../assets/trace.js")),
    ("zoom.js", JS, include_str!("../../assets/zoom.js")),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
];

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

pub(super) async fn get(Path(name): Path<String>) -> Response {
    match text(&name) {
        Some((kind, text)) => {
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The type and the text of an asset.
pub(super) fn text(name: &str) -> Option<(&'static str, &'static str)> {
    ASSETS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, kind, text)| (*kind, *text))
}

/// Scripts as one that imports nothing. Their names must differ.
pub(super) fn one_module(names: &[&str]) -> String {
    names
        .iter()
        .filter_map(|name| text(name))
        .flat_map(|(_, text)| text.lines())
        .filter(|line| !line.starts_with("import "))
        .map(|line| line.strip_prefix("export ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect()
}
