//! What a pod knows of itself: from variables of the downward API, and its service account.

use opentelemetry::KeyValue;

use crate::setup::env::Env;

/// Nothing where this is no pod.
pub(super) fn attributes(env: &Env, namespace: impl FnOnce() -> Option<String>) -> Vec<KeyValue> {
    if env.text("KUBERNETES_SERVICE_HOST").is_none() {
        return Vec::new();
    }
    let first = |names: &[&'static str]| env.first(names).map(|(_, value)| value);
    let node = first(&["K8S_NODE_NAME", "NODE_NAME"]);
    // On the host's network a pod has the node's name.
    let hostname = || {
        env.text("HOSTNAME")
            .filter(|name| node.as_ref() != Some(name))
    };
    let namespace = || namespace().map(|text| text.trim().to_owned());
    let pod = first(&["K8S_POD_NAME", "POD_NAME"]).or_else(hostname);
    let space = first(&["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"]);
    let space = space.or_else(namespace).filter(|text| !text.is_empty());
    [
        ("k8s.pod.name", pod),
        ("k8s.pod.uid", first(&["K8S_POD_UID", "POD_UID"])),
        ("k8s.namespace.name", space),
        ("k8s.node.name", node),
        (
            "k8s.container.name",
            first(&["K8S_CONTAINER_NAME", "CONTAINER_NAME"]),
        ),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use super::*;

    fn found(vars: &[(&str, &str)], namespace: Option<&str>) -> Vec<String> {
        let vars: HashMap<String, String> = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let env = Env::new(Arc::new(move |name| vars.get(name).cloned()));
        attributes(&env, || namespace.map(str::to_owned))
            .iter()
            .map(|found| format!("{}={}", found.key, found.value))
            .collect()
    }

    #[test]
    fn a_pod_that_says_all() {
        let vars = [
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("HOSTNAME", "other"),
            ("POD_NAME", "shop-7d9"),
            ("K8S_POD_UID", "u-1"),
            ("POD_NAMESPACE", "prod"),
            ("NODE_NAME", "node-3"),
            ("CONTAINER_NAME", "shop"),
        ];
        let want = [
            "k8s.pod.name=shop-7d9",
            "k8s.pod.uid=u-1",
            "k8s.namespace.name=prod",
            "k8s.node.name=node-3",
            "k8s.container.name=shop",
        ];
        assert_eq!(found(&vars, Some("other")), want);
    }

    #[test]
    fn a_pod_that_says_nothing() {
        let pod = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        let named = found(&[pod, ("HOSTNAME", "shop-7d9")], Some("prod\n"));
        assert_eq!(named, ["k8s.pod.name=shop-7d9", "k8s.namespace.name=prod"]);
        let of_host = [pod, ("HOSTNAME", "node-3"), ("NODE_NAME", "node-3")];
        assert_eq!(found(&of_host, None), ["k8s.node.name=node-3"]);
    }

    #[test]
    fn no_pod() {
        let vars = [("HOSTNAME", "laptop"), ("POD_NAME", "x")];
        assert!(found(&vars, Some("prod")).is_empty());
    }
}
