//! What the process can find out about where it runs.

mod host;
mod kubernetes;

use std::{env::current_exe, fs};

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_resource_detectors::{
    ContainerResourceDetector, OsResourceDetector, ProcessResourceDetector,
};
use opentelemetry_sdk::resource::ResourceDetector;

use super::{env::Env, settings::Detector};

pub(super) const ARE_THERE: bool = true;

/// A service account's, which each pod has unless it is told not to.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Attributes in the order of the detectors.
pub(super) fn detect(detectors: &[Detector], env: &Env) -> Vec<KeyValue> {
    let mut found = Vec::new();
    for detector in detectors {
        match detector {
            Detector::Process => {
                found.extend(executable());
                found.extend(run(&ProcessResourceDetector));
            }
            Detector::Host => {
                found.extend(host::attributes());
                found.extend(run(&OsResourceDetector));
            }
            Detector::Container => found.extend(run(&ContainerResourceDetector)),
            Detector::Kubernetes => {
                let namespace = || fs::read_to_string(NAMESPACE).ok();
                found.extend(kubernetes::attributes(env, namespace));
            }
        }
    }
    found
}

fn run(detector: &dyn ResourceDetector) -> Vec<KeyValue> {
    let resource = detector.detect();
    let found = resource
        .iter()
        .filter_map(|(key, value)| mended(key, value));
    found.collect()
}

/// What was found, in the words of the conventions. A command line may hold secrets: it is left out.
fn mended(key: &Key, value: &Value) -> Option<KeyValue> {
    let value = match (key.as_str(), value.as_str().as_ref()) {
        ("process.command_args", _) => return None,
        ("os.type", "macos") => "darwin".into(),
        (_, text) if text.trim() != text => text.trim().to_owned().into(),
        _ => value.clone(),
    };
    Some(KeyValue::new(key.clone(), value))
}

fn executable() -> Vec<KeyValue> {
    let Ok(path) = current_exe() else {
        return Vec::new();
    };
    let name = path.file_name().map(|name| {
        let name = name.to_string_lossy().into_owned();
        KeyValue::new("process.executable.name", name)
    });
    let path = path.to_string_lossy().into_owned();
    let path = KeyValue::new("process.executable.path", path);
    name.into_iter().chain([path]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn found(detector: Detector) -> Vec<KeyValue> {
        let env = Env::new(Arc::new(|_| None));
        detect(&[detector], &env)
    }

    fn value<'a>(found: &'a [KeyValue], key: &str) -> &'a Value {
        let found = found.iter().find(|found| found.key.as_str() == key);
        &found.unwrap_or_else(|| panic!("no {key}")).value
    }

    #[test]
    fn a_process_is_described_without_its_arguments() {
        let found = found(Detector::Process);
        let pid = i64::from(std::process::id());
        assert_eq!(*value(&found, "process.pid"), Value::I64(pid));
        let name = value(&found, "process.executable.name").as_str();
        assert!(name.starts_with("throughline-"), "{name}");
        assert!(
            found
                .iter()
                .all(|found| !found.key.as_str().contains("command"))
        );
    }

    #[test]
    fn hosts_are_in_the_words_of_the_conventions() {
        let found = found(Detector::Host);
        assert!(!value(&found, "host.arch").as_str().is_empty());
        assert!(!value(&found, "os.type").as_str().is_empty());
        let mended = mended(&"os.type".into(), &"macos".into()).unwrap();
        assert_eq!(mended.value.as_str(), "darwin");
    }

    #[test]
    fn outside_of_a_pod_there_is_no_pod() {
        assert!(found(Detector::Kubernetes).is_empty());
    }
}
