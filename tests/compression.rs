//! A compression that is named: used where this build has it, and told of where it has not. `.ci/run` runs it with the
//! features `gzip` and `zstd` and without them.

mod collector;

use std::{
    collections::HashMap,
    env::temp_dir,
    fs, process,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, routing::get};
use collector::Collector;
use http::Request;
use throughline::{ServerLayer, Setup, SetupError, Telemetry};
use tower::ServiceExt;

const NAME: &str = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION";
/// Each word, and whether this build knows it.
const WORDS: [(&str, bool); 2] = [
    ("gzip", cfg!(feature = "gzip")),
    ("zstd", cfg!(feature = "zstd")),
];

type Warnings = Arc<Mutex<Vec<String>>>;

fn build(vars: &[(&str, &str)]) -> (Result<Telemetry, SetupError>, Warnings) {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings = Warnings::default();
    let kept = Arc::clone(&warnings);
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()));
    (setup.build(), warnings)
}

/// How one span arrives.
async fn encoding(telemetry: Telemetry, collector: &Collector) -> Option<String> {
    let app = Router::new()
        .route("/", get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(&telemetry));
    let request = Request::get("/").body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
    telemetry.shutdown().await.unwrap();
    let calls = collector.calls();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    let encoding = calls[0].headers.get("content-encoding")?;
    Some(encoding.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn by_a_variable() {
    for (word, is_built) in WORDS {
        let collector = Collector::start();
        let (telemetry, warnings) = build(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            (NAME, word),
        ]);
        let telemetry = telemetry.unwrap();
        if is_built {
            // The collector reads no zstd.
            if word == "gzip" {
                let encoding = encoding(telemetry, &collector).await;
                assert_eq!(encoding.as_deref(), Some(word));
            }
            assert!(warnings.lock().unwrap().is_empty());
            continue;
        }
        assert_eq!(encoding(telemetry, &collector).await, None);
        let warning = format!(
            "{NAME}=\"{word}\" needs throughline's feature `{word}`, which this build is without; none is used instead"
        );
        assert_eq!(*warnings.lock().unwrap(), [warning]);
    }
}

/// A file that asks for what is not there is not used at all.
#[tokio::test]
async fn by_a_file() {
    for (word, is_built) in WORDS {
        let path = temp_dir().join(format!("throughline-{word}-{}.yaml", process::id()));
        let yaml = format!(
            "file_format: '1.0'
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http: {{endpoint: 'http://127.0.0.1:1/v1/traces', compression: {word}}}
"
        );
        fs::write(&path, yaml).unwrap();
        let path_text = path.to_str().unwrap();
        let (telemetry, _) = build(&[("OTEL_CONFIG_FILE", path_text)]);
        fs::remove_file(&path).unwrap();
        match (telemetry, is_built) {
            (Ok(_), true) => {}
            (Err(error), false) => assert_eq!(
                error.to_string(),
                format!(
                    "OTEL_CONFIG_FILE={path_text:?}, line 6: \
                     tracer_provider.processors[0].batch.exporter.otlp_http.compression: \"{word}\" needs throughline's \
                     feature `{word}`, which this build is without"
                )
            ),
            (result, _) => panic!("{word}: {result:?}"),
        }
    }
}
