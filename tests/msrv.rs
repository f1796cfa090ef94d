//! The Rust version that each package names is one that all of its dependencies can be built with. (Clippy's
//! `incompatible_msrv` holds our own code to it.)

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// `1.88` and `1.88.0` as numbers.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap()).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[test]
fn each_package_names_a_rust_version_that_its_dependencies_have() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--all-features",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: BTreeMap<_, _> = list(&metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), package))
        .collect();
    let nodes: BTreeMap<_, _> = list(&metadata["resolve"], "nodes")
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();

    for member in list(&metadata, "workspace_members") {
        let member = member.as_str().unwrap();
        let own = packages[member]["rust_version"].as_str();
        let own = own.unwrap_or_else(|| panic!("{member} names no rust-version"));
        let mut open = vec![member];
        let mut seen = Vec::new();
        while let Some(id) = open.pop() {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let needed = packages[id]["rust_version"].as_str().unwrap_or("1.0");
            assert!(
                version(needed) <= version(own),
                "{id} needs {needed}, {member} names {own}"
            );
            for dependency in list(nodes[id], "deps") {
                let kinds = list(dependency, "dep_kinds");
                if kinds.iter().any(|kind| kind["kind"] != "dev") {
                    open.push(text(dependency, "pkg"));
                }
            }
        }
        assert!(seen.len() > 50, "the graph of {member} was not read");
    }
}
