//! reqwest's error, alone and in the wrapping of `reqwest-middleware`.

use std::{any::Any, error::Error};

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    any.downcast_ref::<::reqwest::Error>()
        .map(|error| error as &dyn Error)
}

pub(crate) fn word(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<::reqwest::Error>()?;
    let word = if error.is_timeout() {
        "timeout"
    } else if error.is_dns() {
        "dns"
    } else if error.is_connect() {
        "connection_failed"
    } else if error.is_redirect() {
        "redirect"
    } else if error.is_builder() {
        "invalid_request"
    } else if error.is_decode() {
        "decode"
    } else {
        return None;
    };
    Some(word)
}

/// What the error says without the URL, which may hold secrets.
pub(crate) fn text(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<::reqwest::Error>()?;
    let text = if error.is_builder() {
        "the request could not be built"
    } else if error.is_redirect() {
        "a redirect could not be followed"
    } else if error.is_body() || error.is_decode() {
        "the response's body could not be read"
    } else {
        "the request could not be sent"
    };
    Some(text)
}
