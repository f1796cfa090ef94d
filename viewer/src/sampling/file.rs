//! Jaeger's file of strategies.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Answer;

/// What the file says, checked.
#[derive(Debug, Default)]
pub(super) struct Strategies {
    services: BTreeMap<String, Strategy>,
    default: Strategy,
}

#[derive(Clone, Debug)]
struct Strategy {
    kind: Kind,
    operations: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Probabilistic(f64),
    RateLimiting(i32),
}

/// The file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    service_strategies: Vec<Written>,
    default_strategy: Option<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    service: String,
    #[serde(rename = "type")]
    kind: String,
    param: f64,
    #[serde(default)]
    operation_strategies: Vec<WrittenOperation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOperation {
    operation: String,
    #[serde(rename = "type")]
    kind: String,
    param: f64,
}

impl Strategies {
    /// Says what is wrong, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let default = match file.default_strategy {
            Some(written) => written.check("default_strategy")?,
            None => Strategy::default(),
        };
        let mut services = BTreeMap::new();
        for (index, written) in file.service_strategies.into_iter().enumerate() {
            let at = format!("service_strategies[{index}]");
            if written.service.is_empty() {
                return Err(format!("{at} names no service"));
            }
            let name = written.service.clone();
            let mut strategy = written.check(&at)?;
            for (operation, rate) in &default.operations {
                strategy
                    .operations
                    .entry(operation.clone())
                    .or_insert(*rate);
            }
            services.insert(name, strategy);
        }
        Ok(Self { services, default })
    }

    pub(super) fn answer(&self, service: &str) -> Answer {
        let strategy = self.services.get(service).unwrap_or(&self.default);
        let (answer, rate) = match strategy.kind {
            Kind::Probabilistic(rate) => (Answer::probabilistic(rate), rate),
            Kind::RateLimiting(most) => (Answer::rate_limiting(most), self.default_rate()),
        };
        if strategy.operations.is_empty() {
            return answer;
        }
        answer.with_operations(rate, 0.0, strategy.operations.clone())
    }

    fn default_rate(&self) -> f64 {
        match self.default.kind {
            Kind::Probabilistic(rate) => rate,
            Kind::RateLimiting(_) => ALL,
        }
    }
}

/// Where the file says nothing, a developer's machine keeps all.
const ALL: f64 = 1.0;

impl Default for Strategy {
    fn default() -> Self {
        Self {
            kind: Kind::Probabilistic(ALL),
            operations: BTreeMap::new(),
        }
    }
}

impl Written {
    fn check(self, at: &str) -> Result<Strategy, String> {
        let kind = match self.kind.as_str() {
            "probabilistic" => Kind::Probabilistic(rate(self.param, at)?),
            "ratelimiting" => {
                // The interface has whole numbers only.
                if !(0.0..=f64::from(i32::MAX)).contains(&self.param) {
                    return Err(format!("{at}.param is no number of traces a second"));
                }
                Kind::RateLimiting(self.param as i32)
            }
            other => {
                return Err(format!(
                    "{at}.type {other:?} is neither probabilistic nor ratelimiting"
                ));
            }
        };
        let mut operations = BTreeMap::new();
        for (index, written) in self.operation_strategies.into_iter().enumerate() {
            let at = format!("{at}.operation_strategies[{index}]");
            if written.kind != "probabilistic" {
                return Err(format!(
                    "{at}.type {:?} is not probabilistic, which is all that operations can have",
                    written.kind
                ));
            }
            operations.insert(written.operation, rate(written.param, &at)?);
        }
        Ok(Strategy { kind, operations })
    }
}

fn rate(param: f64, at: &str) -> Result<f64, String> {
    (0.0..=1.0)
        .contains(&param)
        .then_some(param)
        .ok_or_else(|| format!("{at}.param is not from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "service_strategies": [
            {"service": "a", "type": "probabilistic", "param": 0.8,
             "operation_strategies": [{"operation": "x", "type": "probabilistic", "param": 0.2}]},
            {"service": "b", "type": "ratelimiting", "param": 5}
        ],
        "default_strategy": {"type": "probabilistic", "param": 0.5}
    }"#;

    #[test]
    fn answers_have_jaegers_shape() {
        let strategies = Strategies::parse(FILE).unwrap();
        let json = |service| serde_json::to_value(strategies.answer(service)).unwrap();
        assert_eq!(
            json("a"),
            serde_json::json!({
                "strategyType": "PROBABILISTIC",
                "probabilisticSampling": {"samplingRate": 0.8},
                "operationSampling": {
                    "defaultSamplingProbability": 0.8,
                    "defaultLowerBoundTracesPerSecond": 0.0,
                    "perOperationStrategies": [
                        {"operation": "x", "probabilisticSampling": {"samplingRate": 0.2}}
                    ],
                    "defaultUpperBoundTracesPerSecond": 0.0
                }
            })
        );
        assert_eq!(
            json("b"),
            serde_json::json!({
                "strategyType": "RATE_LIMITING",
                "rateLimitingSampling": {"maxTracesPerSecond": 5}
            })
        );
        assert_eq!(
            json("unheard of"),
            serde_json::json!({
                "strategyType": "PROBABILISTIC",
                "probabilisticSampling": {"samplingRate": 0.5}
            })
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (from, to, place) in [
            (
                "\"param\": 0.2",
                "\"param\": 2",
                "service_strategies[0].operation_strategies[0].param",
            ),
            ("ratelimiting", "sometimes", "service_strategies[1].type"),
            ("\"param\": 0.5", "\"param\": -1", "default_strategy.param"),
            (
                "\"service\": \"b\", ",
                "",
                "service_strategies[1] names no service",
            ),
        ] {
            let why = Strategies::parse(&FILE.replacen(from, to, 1)).unwrap_err();
            assert!(why.contains(place), "{why}");
        }
    }
}
