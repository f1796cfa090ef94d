//! The headers that tracing reads, found in one walk over all of them.

use smallvec::SmallVec;

/// The lines of one header, in the order received.
pub(crate) type Lines<'a> = SmallVec<[&'a [u8]; 1]>;

/// What one walk over a request's headers found. Looking names up one by one would hash each of them.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    pub(crate) traceparent: Lines<'a>,
    pub(crate) tracestate: Lines<'a>,
    pub(crate) baggage: Lines<'a>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    pub(crate) content_length: Option<&'a [u8]>,
    pub(crate) grpc_timeout: Option<&'a [u8]>,
    /// Whether any header names an earlier hop; only then is it worth reading them.
    pub(crate) forwarded: bool,
}

impl<'a> Scan<'a> {
    #[inline(always)]
    pub(crate) fn of<'n>(lines: impl IntoIterator<Item = (&'n str, &'a [u8])>) -> Self {
        let mut scan = Self::default();
        for (name, value) in lines {
            scan.see(name, value);
        }
        scan
    }

    #[inline(always)]
    fn see(&mut self, name: &str, value: &'a [u8]) {
        match name.len() {
            4 if name == "host" => first(&mut self.host, value),
            7 if name == "baggage" => self.baggage.push(value),
            9 if name == "forwarded" => self.forwarded = true,
            10 if name == "tracestate" => self.tracestate.push(value),
            10 if name == "user-agent" => first(&mut self.user_agent, value),
            11 if name == "traceparent" => self.traceparent.push(value),
            12 if name == "content-type" => first(&mut self.content_type, value),
            12 if name == "grpc-timeout" => first(&mut self.grpc_timeout, value),
            14 if name == "content-length" => first(&mut self.content_length, value),
            15..=17 if name.starts_with("x-forwarded-") => self.forwarded = true,
            _ => {}
        }
    }
}

/// Decimal digits and nothing else, as `content-length` has them; `None` also where they are too many.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn first<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) {
    slot.get_or_insert(value);
}
