//! The error of `reqwest-middleware`.

use std::{any::Any, error::Error};

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    match any.downcast_ref::<::reqwest_middleware::Error>()? {
        ::reqwest_middleware::Error::Reqwest(error) => Some(error),
        ::reqwest_middleware::Error::Middleware(error) => Some(error.as_ref()),
    }
}
