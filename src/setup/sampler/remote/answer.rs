//! What the server answers, as Jaeger's collectors write it: the JSON of protocol buffers, with defaults or without.

use serde_json::Value;

/// A strategy, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Probability(f64),
    /// Traces a second.
    Rate(f64),
    Operations {
        /// Of operations that are not listed.
        default: f64,
        /// Traces a second that each operation has at least.
        lower_bound: f64,
        /// By name.
        listed: Vec<(String, f64)>,
    },
}

impl Answer {
    /// What is set counts, and operations before the rest: `strategyType` says `PROBABILISTIC` of them too. The error
    /// holds nothing of the answer.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let answer: Value = serde_json::from_slice(body).map_err(|_| "its answer is no JSON")?;
        if let Some(operations) = set(&answer, "operationSampling") {
            return Ok(Self::operations(operations));
        }
        if let Some(probability) = set(&answer, "probabilisticSampling") {
            return Ok(Self::Probability(share(probability, "samplingRate")));
        }
        let rate = set(&answer, "rateLimitingSampling").ok_or("its answer has no strategy")?;
        Ok(Self::Rate(number(rate, "maxTracesPerSecond").max(0.0)))
    }

    fn operations(operations: &Value) -> Self {
        let listed = operations.get("perOperationStrategies");
        let listed = listed.and_then(Value::as_array).into_iter().flatten();
        let listed = listed.filter_map(|strategy| {
            let name = strategy.get("operation")?.as_str()?;
            let probability = set(strategy, "probabilisticSampling")?;
            Some((name.to_owned(), share(probability, "samplingRate")))
        });
        Self::Operations {
            default: share(operations, "defaultSamplingProbability"),
            lower_bound: number(operations, "defaultLowerBoundTracesPerSecond").max(0.0),
            listed: listed.collect(),
        }
    }
}

/// A message that is there. Writers that emit defaults emit `null` for one that is not.
fn set<'a>(message: &'a Value, field: &str) -> Option<&'a Value> {
    message.get(field).filter(|value| value.is_object())
}

/// A probability, with what is outside of its range brought into it, as Jaeger's own clients do.
fn share(message: &Value, field: &str) -> f64 {
    number(message, field).clamp(0.0, 1.0)
}

/// A field that is not there is zero. Numbers may be texts.
fn number(message: &Value, field: &str) -> f64 {
    let number = match message.get(field) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    number
        .filter(|number: &f64| number.is_finite())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Answer, &'static str> {
        Answer::parse(body.as_bytes())
    }

    #[test]
    fn each_kind_is_understood() {
        for (body, want) in [
            (
                r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}"#,
                Answer::Probability(0.5),
            ),
            (
                r#"{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}}"#,
                Answer::Rate(5.0),
            ),
            // With defaults, and by the number of the type.
            (
                r#"{"strategyType":1,"probabilisticSampling":null,"rateLimitingSampling":{"maxTracesPerSecond":5},"operationSampling":null}"#,
                Answer::Rate(5.0),
            ),
            // Without defaults: zero is left out.
            (r#"{"probabilisticSampling":{}}"#, Answer::Probability(0.0)),
            (
                r#"{"strategyType":"RATE_LIMITING","rateLimitingSampling":{}}"#,
                Answer::Rate(0.0),
            ),
            (
                r#"{"probabilisticSampling":{"samplingRate":7}}"#,
                Answer::Probability(1.0),
            ),
            (
                r#"{"probabilisticSampling":{"samplingRate":"NaN"}}"#,
                Answer::Probability(0.0),
            ),
            (
                r#"{"rateLimitingSampling":{"maxTracesPerSecond":-3}}"#,
                Answer::Rate(0.0),
            ),
        ] {
            assert_eq!(parse(body), Ok(want), "{body}");
        }
    }

    #[test]
    fn operations_come_first() {
        let body = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.9},"operationSampling":{
            "defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0.0167,"perOperationStrategies":[
                {"operation":"GET /x","probabilisticSampling":{"samplingRate":0.2}},
                {"operation":"none"},{"probabilisticSampling":{"samplingRate":0.3}},7,null,
                {"operation":"é","probabilisticSampling":{"samplingRate":-1}}],
            "defaultUpperBoundTracesPerSecond":0}}"#;
        let want = Answer::Operations {
            default: 0.5,
            lower_bound: 0.0167,
            listed: vec![("GET /x".to_owned(), 0.2), ("é".to_owned(), 0.0)],
        };
        assert_eq!(parse(body), Ok(want));
        let bare = Answer::Operations {
            default: 0.0,
            lower_bound: 0.0,
            listed: Vec::new(),
        };
        assert_eq!(parse(r#"{"operationSampling":{}}"#), Ok(bare));
    }

    #[test]
    fn what_is_no_strategy_is_an_error() {
        for body in ["", "{", "no", "<html>", "\u{0}", "[[[[[[["] {
            assert_eq!(parse(body), Err("its answer is no JSON"), "{body:?}");
        }
        for body in ["{}", "[]", "null", "7", r#"{"probabilisticSampling":0.5}"#] {
            assert_eq!(parse(body), Err("its answer has no strategy"), "{body}");
        }
        // Nesting without end is refused, not followed.
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(Answer::parse(b"\xff\xfe").is_err());
    }
}
