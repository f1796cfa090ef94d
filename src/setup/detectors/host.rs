//! The machine. Its names are asked of the system: no program is run, whose process would hold a copy of every file
//! and socket of the service until it began.

use std::{env::consts::ARCH, fs};

use opentelemetry::KeyValue;

/// As systemd and D-Bus keep it.
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// In the words of the conventions, section "Host".
pub(super) fn attributes() -> Vec<KeyValue> {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let named = Some(name).filter(|name| !name.is_empty());
    [
        ("host.id", id(&MACHINE_IDS)),
        ("host.arch", Some(arch(ARCH).to_owned())),
        ("host.name", named),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
    .collect()
}

/// Of the first file that has one. An image for many machines has an empty one, or `uninitialized`.
fn id(files: &[&str]) -> Option<String> {
    files.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        let id = text.trim();
        (!matches!(id, "" | "uninitialized")).then(|| id.to_owned())
    })
}

fn arch(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{env::temp_dir, process};

    use super::*;

    #[test]
    fn the_name_is_the_systems() {
        let Ok(kernels) = fs::read_to_string("/proc/sys/kernel/hostname") else {
            return eprintln!("skipped: this system does not tell its name in a file");
        };
        let found = attributes();
        let name = found.iter().find(|found| found.key.as_str() == "host.name");
        assert_eq!(name.unwrap().value.as_str(), kernels.trim());
    }

    #[test]
    fn the_first_id_that_is_one_is_taken() {
        let file = |name: &str, text: &str| {
            let path = temp_dir().join(format!("throughline-{name}-{}", process::id()));
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let empty = file("empty", "\n");
        let unset = file("unset", "uninitialized\n");
        let good = file("good", "0af7651916cd43dd8448eb211c80319c\n");
        let all = ["/nowhere", &empty, &unset, &good];
        assert_eq!(
            id(&all).as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        assert_eq!(id(&all[..3]), None);
        for file in &all[1..] {
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn architectures_are_in_the_words_of_the_conventions() {
        for (rust, convention) in [
            ("x86_64", "amd64"),
            ("aarch64", "arm64"),
            ("s390x", "s390x"),
        ] {
            assert_eq!(arch(rust), convention);
        }
    }
}
