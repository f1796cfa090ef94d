//! The baggage of a context, one entry at a time.

use std::{borrow::Cow, error::Error, fmt};

use opentelemetry::baggage::{Baggage, BaggageExt};

use super::Context;
use crate::propagate::baggage::{MAX_LEN, encoded_len, is_token};

/// Why an entry cannot be in a baggage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaggageError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Key(String),
    Full,
    Long,
}

/// How many entries a baggage has at most (W3C Baggage, "Limits"; OpenTelemetry's holds no more).
const MAX_ENTRIES: usize = 64;

impl Context {
    /// The value of an entry of the baggage, decoded.
    pub fn baggage(&self, key: &str) -> Option<&str> {
        self.0.baggage().get(key).map(|value| value.as_str())
    }

    /// All entries of the baggage, key and value, in no particular order.
    pub fn baggage_entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.0.baggage().iter();
        entries.map(|(key, (value, _))| (key.as_str(), value.as_str()))
    }

    /// This context with one entry of the baggage set; all others stay as they are, with their properties. (OpenTelemetry's
    /// own `with_baggage` replaces the whole set.)
    ///
    /// It is carried on by each call that is made within, also to strangers, and to all whom they call: nothing secret
    /// belongs there. See [`ClientLayer::baggage_to`](crate::ClientLayer::baggage_to).
    ///
    /// ```
    /// use throughline::Context;
    ///
    /// # async fn price() {}
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), throughline::BaggageError> {
    /// let context = Context::current().with_baggage("tenant", "acme")?.with_baggage("tier", "gold")?;
    /// assert_eq!(context.baggage("tenant"), Some("acme"));
    /// context.carry(price()).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the key is not a token of HTTP, and where the entry would not go out whole, or not with all the others: at
    /// most 64 entries are carried, and 8192 bytes in all as a header (W3C Baggage, "Limits").
    pub fn with_baggage<'v>(
        &self,
        key: &str,
        value: impl Into<Cow<'v, str>>,
    ) -> Result<Self, BaggageError> {
        if !is_token(key) {
            return Err(BaggageError(Kind::Key(key.to_owned())));
        }
        let mut baggage = self.all_but(key);
        if baggage.len() >= MAX_ENTRIES {
            return Err(BaggageError(Kind::Full));
        }
        baggage.insert(key.to_owned(), value.into().into_owned());
        // OpenTelemetry's leaves out what is too long, by a more generous measure.
        if baggage.get(key).is_none() || encoded_len(&baggage) > MAX_LEN {
            return Err(BaggageError(Kind::Long));
        }
        Ok(Self(self.0.with_baggage(baggage)))
    }

    /// This context without one entry of the baggage.
    pub fn without_baggage(&self, key: &str) -> Self {
        Self(self.0.with_baggage(self.all_but(key)))
    }

    fn all_but(&self, key: &str) -> Baggage {
        let others = self.0.baggage().iter().filter(|(k, _)| k.as_str() != key);
        others
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }
}

impl fmt::Display for BaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Key(key) => write!(
                f,
                "{key:?} cannot be a key of the baggage: letters, digits and !#$%&'*+-.^_`|~ can"
            ),
            Kind::Full => write!(
                f,
                "the baggage has {MAX_ENTRIES} entries already, and no more are carried"
            ),
            Kind::Long => write!(
                f,
                "the baggage would take more than {MAX_LEN} bytes as a header, and no more are carried"
            ),
        }
    }
}

impl Error for BaggageError {}
