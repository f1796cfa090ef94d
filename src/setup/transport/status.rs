//! What an HTTP status means for what was sent: OTLP, section "OTLP/HTTP Response".

use std::{
    num::IntErrorKind,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

use super::transport::{Again, Failure, Perhaps};

/// `None` where it was taken.
pub(super) fn failure(status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
    if status.is_success() {
        return None;
    }
    let why = format!("it answers {status}");
    let later = Again::Later(headers.get(RETRY_AFTER).and_then(|value| {
        let value = value.to_str().ok()?.trim();
        wait(value, SystemTime::now())
    }));
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure {
            why,
            taken: Perhaps::No,
            again: later,
        },
        // Somebody in between does not know.
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Failure {
            why,
            taken: Perhaps::Perhaps,
            again: later,
        },
        StatusCode::NOT_FOUND => Failure::unserved(why),
        _ => Failure::refused(why),
    })
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn wait(value: &str, now: SystemTime) -> Option<Duration> {
    match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(Duration::MAX),
        Err(_) => {
            let then = httpdate::parse_http_date(value).ok()?;
            Some(then.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_collector_names_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ] {
            assert_eq!(
                wait(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
        assert_eq!(wait("99999999999999999999", now), Some(Duration::MAX));
    }

    #[test]
    fn each_status_says_whether_it_may_have_been_taken() {
        let failure = |status| failure(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        assert_eq!(failure(200), None);
        assert_eq!(failure(202), None);
        for (status, taken, again) in [
            (301, Perhaps::No, Again::Never),
            (400, Perhaps::No, Again::Never),
            (404, Perhaps::No, Again::Unserved),
            (429, Perhaps::No, Again::Later(None)),
            (500, Perhaps::No, Again::Never),
            (502, Perhaps::Perhaps, Again::Later(None)),
            (503, Perhaps::No, Again::Later(None)),
            (504, Perhaps::Perhaps, Again::Later(None)),
        ] {
            let failure = failure(status).unwrap();
            assert_eq!((failure.taken, failure.again), (taken, again), "{status}");
        }
    }
}
