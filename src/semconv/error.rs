//! `error.type` of an error that is no status: a word of few values, found by what the error is, never by what it says.

use std::{
    any::Any,
    borrow::Cow,
    error::Error,
    fmt::{Display, Write},
    io,
};

use crate::{
    axum_extensions,
    guard::guarded,
    hyper_util_extensions,
    outcome::Failure,
    reqwest_extensions, reqwest_middleware_extensions,
    semconv::url::{self, prefix},
    tonic_extensions,
};

/// How deep a chain of sources is followed; a chain that loops must end too.
const DEPTH: usize = 16;

/// The longest status description, in bytes.
const MESSAGE: usize = 512;

/// Names an error by downcasting, along its chain of sources: `timeout`, `connection_refused`, … The deepest known cause
/// wins; an error of the service's own that holds none is named by its type. Its text is read if it `is_told`.
pub(crate) fn failure<E: Display + 'static>(error: &E, is_told: bool) -> Failure {
    let dynamic = as_error(error);
    let known = dynamic.and_then(word);
    let error_type = match (known, dynamic) {
        (Some(word), _) => Cow::Borrowed(word),
        (None, _) if is_boxed(error) => Cow::Borrowed("_OTHER"),
        (None, _) => Cow::Borrowed(type_name::<E>()),
    };
    Failure {
        error_type,
        message: if is_told {
            message(error, dynamic)
        } else {
            String::new()
        },
        status: dynamic.and_then(|error| chain(error).find_map(tonic_extensions::status)),
    }
}

/// The same for an error that is already known as one, as the clients' are.
pub(crate) fn word(error: &(dyn Error + 'static)) -> Option<&'static str> {
    chain(error).filter_map(known).last()
}

/// The name of an error's type, unless that is a box.
pub(crate) fn type_of<E: 'static>(error: &E) -> Option<&'static str> {
    (!is_boxed(error)).then(type_name::<E>)
}

/// The text of an error with those of its causes, as far as they add to it.
pub(crate) fn message(error: &dyn Display, dynamic: Option<&(dyn Error + 'static)>) -> String {
    let mut text = match dynamic.and_then(reqwest_extensions::text) {
        Some(text) => text.to_owned(),
        None => shown(error),
    };
    let mut source = dynamic.and_then(Error::source);
    for _ in 0..DEPTH {
        let Some(error) = source else { break };
        let cause = reqwest_extensions::text(error).map_or_else(|| shown(&error), str::to_owned);
        if !cause.is_empty() && !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    prefix(&url::bare(&text), MESSAGE).to_owned()
}

/// A `Display` that fails leaves what it wrote; so does one that panics, which the service never asked for.
fn shown(error: &dyn Display) -> String {
    let mut text = String::new();
    let _written = guarded(|| write!(text, "{error}"));
    text
}

fn as_error<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    type Shared = Box<dyn Error + Send + Sync>;
    let any: &dyn Any = error;
    if let Some(error) = any.downcast_ref::<Shared>() {
        return Some(&**error);
    }
    if let Some(error) = any.downcast_ref::<Box<dyn Error + Send>>() {
        return Some(&**error);
    }
    if let Some(error) = any.downcast_ref::<Box<dyn Error>>() {
        return Some(&**error);
    }
    if let Some(error) = any.downcast_ref::<io::Error>() {
        return Some(error);
    }
    if let Some(error) = any.downcast_ref::<hyper::Error>() {
        return Some(error);
    }
    axum_extensions::as_error(any)
        .or_else(|| hyper_util_extensions::as_error(any))
        .or_else(|| tonic_extensions::as_error(any))
        .or_else(|| reqwest_extensions::as_error(any))
        .or_else(|| reqwest_middleware_extensions::as_error(any))
}

fn is_boxed<E: 'static>(error: &E) -> bool {
    let any: &dyn Any = error;
    any.is::<Box<dyn Error + Send + Sync>>()
        || any.is::<Box<dyn Error + Send>>()
        || any.is::<Box<dyn Error>>()
}

fn known(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return io_word(error.kind());
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return hyper_word(error);
    }
    if error.is::<tower::timeout::error::Elapsed>() {
        return Some("timeout");
    }
    if error.is::<tower::load_shed::error::Overloaded>() {
        return Some("overloaded");
    }
    reqwest_extensions::word(error)
        .or_else(|| hyper_util_extensions::word(error))
        .or_else(|| tonic_extensions::word(error))
}

/// An error and its causes, the outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let cause = |&error: &&'a (dyn Error + 'static)| error.source().or_else(|| wrapped(error));
    std::iter::successors(Some(error), cause).take(DEPTH)
}

/// What `source()` does not show: an `io::Error` made of another error.
fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

fn io_word(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionRefused => "connection_refused",
        io::ErrorKind::ConnectionReset => "connection_reset",
        io::ErrorKind::ConnectionAborted => "connection_aborted",
        io::ErrorKind::NotConnected => "not_connected",
        io::ErrorKind::BrokenPipe => "broken_pipe",
        io::ErrorKind::HostUnreachable => "host_unreachable",
        io::ErrorKind::NetworkUnreachable => "network_unreachable",
        io::ErrorKind::AddrNotAvailable => "address_not_available",
        io::ErrorKind::UnexpectedEof => "unexpected_eof",
        io::ErrorKind::InvalidData => "invalid_data",
        io::ErrorKind::NotFound => "not_found",
        io::ErrorKind::PermissionDenied => "permission_denied",
        _ => return None,
    })
}

fn hyper_word(error: &hyper::Error) -> Option<&'static str> {
    let word = if error.is_timeout() {
        "timeout"
    } else if error.is_canceled() {
        "request_cancelled"
    } else if error.is_incomplete_message() {
        "incomplete_message"
    } else if error.is_parse() {
        "invalid_message"
    } else if error.is_body_write_aborted() {
        "body_write_aborted"
    } else if error.is_closed() {
        "connection_closed"
    } else {
        return None;
    };
    Some(word)
}

/// The type's name without what it is generic over.
fn type_name<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    name.split('<').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct OutOfStock(Option<io::Error>);

    impl Display for OutOfStock {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no socks left")
        }
    }

    impl Error for OutOfStock {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_ref().map(|error| error as &dyn Error)
        }
    }

    fn boxed(error: impl Error + Send + Sync + 'static) -> Box<dyn Error + Send + Sync> {
        Box::new(error)
    }

    #[test]
    fn errors_are_named_by_what_they_are() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let cases = [
            (failure(&refused(), true), "connection_refused"),
            (failure(&boxed(refused()), true), "connection_refused"),
            (
                failure(&boxed(OutOfStock(Some(refused()))), true),
                "connection_refused",
            ),
            (failure(&boxed(OutOfStock(None)), true), "_OTHER"),
            (
                failure(&OutOfStock(None), true),
                "throughline::semconv::error::tests::OutOfStock",
            ),
            (
                failure(&boxed(io::Error::other(refused())), true),
                "connection_refused",
            ),
            (
                failure(&boxed(tower::timeout::error::Elapsed::new()), true),
                "timeout",
            ),
            (
                failure(&boxed(tower::load_shed::error::Overloaded::new()), true),
                "overloaded",
            ),
            (
                failure(&String::from("secret text"), true),
                "alloc::string::String",
            ),
        ];
        for (failure, want) in cases {
            assert_eq!(failure.error_type, want);
        }
    }

    #[test]
    fn a_display_that_panics_is_survived() {
        struct Rude;

        impl Display for Rude {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("so far")?;
                panic!("rude");
            }
        }

        let failure = failure(&Rude, true);
        assert_eq!(failure.message, "so far");
        assert!(
            failure.error_type.ends_with("Rude"),
            "{}",
            failure.error_type
        );
    }

    #[test]
    fn the_message_has_the_causes_once_and_an_end() {
        let io = io::Error::other("disk on fire");
        let failure = failure(&boxed(OutOfStock(Some(io))), true);
        assert_eq!(failure.message, "no socks left: disk on fire");
        let long = super::failure(&"é".repeat(1000), true);
        assert_eq!(long.message.len(), MESSAGE);
    }
}
