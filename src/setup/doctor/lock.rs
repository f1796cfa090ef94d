//! Which versions of `opentelemetry` are in a build, by its `Cargo.lock`: each has contexts and globals of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    env::{current_dir, current_exe},
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::setup::env::Env;

const OURS: &str = env!("CARGO_PKG_NAME");
const API: &str = "opentelemetry";

/// What a lock file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// There is none of a build with this crate.
    Unknown,
    Known {
        path: PathBuf,
        /// The one whose contexts and globals this crate uses.
        ours: String,
        /// Another one, and who brings it: from a package of the workspace down to it.
        others: Vec<(String, String)>,
    },
}

/// A package's name and version.
type Id = (String, String);

#[derive(Debug, Default)]
struct Package {
    /// Of the workspace, or by a path.
    is_local: bool,
    dependencies: Vec<String>,
}

impl Versions {
    /// The first lock file above these places that has this crate.
    pub(super) fn find(env: Option<&Env>) -> Self {
        let manifest = env.and_then(|env| env.text("CARGO_MANIFEST_DIR"));
        let places = [
            manifest.map(PathBuf::from),
            current_dir().ok(),
            current_exe().ok(),
        ];
        for place in places.iter().flatten() {
            for folder in place.ancestors() {
                let path = folder.join("Cargo.lock");
                let text = fs::read_to_string(&path);
                if let Some(found) = text.ok().and_then(|text| Self::of(&path, &text)) {
                    return found;
                }
            }
        }
        Self::Unknown
    }

    /// `None` where this crate is not in it.
    fn of(path: &Path, text: &str) -> Option<Self> {
        let packages = packages(text);
        let (_, us) = packages.iter().find(|((name, _), _)| name == OURS)?;
        let wanted = us.dependencies.iter().find_map(|dependency| {
            let (name, version) = parted(dependency);
            (name == API).then(|| version.map(str::to_owned))
        })?;
        let versions = packages.keys().filter(|(name, _)| name == API);
        let versions: Vec<_> = versions.map(|(_, version)| version.clone()).collect();
        let ours = wanted.or_else(|| versions.first().cloned())?;
        let others = versions.into_iter().filter(|version| *version != ours);
        let others = others.map(|version| {
            let brought = chain(&packages, &(API.to_owned(), version.clone()));
            (version, brought)
        });
        Some(Self::Known {
            path: path.to_owned(),
            others: others.collect(),
            ours,
        })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "versions of opentelemetry")?;
        match self {
            Self::Unknown => write!(
                f,
                "  not known: no Cargo.lock with {OURS} is here; run this where the program is built"
            ),
            Self::Known { path, ours, others } => {
                write!(f, "  {ours}")?;
                if others.is_empty() {
                    write!(f, " alone")?;
                }
                for (version, brought) in others {
                    write!(
                        f,
                        ", and {version}, whose contexts and globals are others and empty: {brought}"
                    )?;
                }
                write!(f, " ({})", path.display())
            }
        }
    }
}

/// Cargo writes this file, in one form.
fn packages(text: &str) -> BTreeMap<Id, Package> {
    let mut packages = BTreeMap::new();
    for block in text.split("[[package]]").skip(1) {
        let mut id = Id::default();
        let mut package = Package {
            is_local: true,
            dependencies: Vec::new(),
        };
        for line in block.lines().map(str::trim) {
            let quoted = line.split('"').nth(1).unwrap_or_default();
            if line.starts_with("name = ") {
                quoted.clone_into(&mut id.0);
            } else if line.starts_with("version = ") {
                quoted.clone_into(&mut id.1);
            } else if line.starts_with("source = ") {
                package.is_local = false;
            } else if line.starts_with('"') {
                package.dependencies.push(quoted.to_owned());
            }
        }
        packages.insert(id, package);
    }
    packages
}

/// `name`, or `name version` where there are several, or `name version (source)`.
fn parted(dependency: &str) -> (&str, Option<&str>) {
    let mut words = dependency.split(' ');
    (words.next().unwrap_or_default(), words.next())
}

/// The shortest way from a package of the workspace to this one.
fn chain(packages: &BTreeMap<Id, Package>, to: &Id) -> String {
    let mut open = VecDeque::from([vec![to]]);
    let mut seen = vec![to];
    while let Some(way) = open.pop_front() {
        let Some(last) = way.last().copied() else {
            continue;
        };
        if packages.get(last).is_some_and(|package| package.is_local) {
            let names = way
                .iter()
                .rev()
                .map(|(name, version)| format!("{name} {version}"));
            return names.collect::<Vec<_>>().join(" → ");
        }
        for (id, package) in packages {
            let depends = package.dependencies.iter().any(|dependency| {
                let (name, version) = parted(dependency);
                name == last.0 && version.is_none_or(|version| version == last.1)
            });
            if depends && !seen.contains(&id) {
                seen.push(id);
                let mut longer = way.clone();
                longer.push(id);
                open.push_back(longer);
            }
        }
    }
    "nobody that the lock file knows of brings it".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "old-client",
 "throughline",
]

[[package]]
name = "old-client"
version = "2.0.0"
source = "registry+https://example"
dependencies = [
 "opentelemetry 0.32.0",
]

[[package]]
name = "opentelemetry"
version = "0.32.0"
source = "registry+https://example"

[[package]]
name = "opentelemetry"
version = "0.33.1"
source = "registry+https://example"

[[package]]
name = "throughline"
version = "0.1.0"
source = "registry+https://example"
dependencies = [
 "http",
 "opentelemetry 0.33.1",
 "opentelemetry-http",
]
"#;

    #[test]
    fn another_version_is_found_with_who_brings_it() {
        let Some(Versions::Known { ours, others, .. }) = Versions::of(Path::new("x"), LOCK) else {
            panic!("not known");
        };
        assert_eq!(ours, "0.33.1");
        let brought = "app 0.1.0 → old-client 2.0.0 → opentelemetry 0.32.0";
        assert_eq!(others, [("0.32.0".to_owned(), brought.to_owned())]);
    }

    #[test]
    fn one_version_is_alone() {
        let lock = LOCK.replace("opentelemetry 0.33.1", "opentelemetry");
        let lock = lock.replace(
            "name = \"opentelemetry\"\nversion = \"0.32.0\"",
            "name = \"x\"\nversion = \"1.0.0\"",
        );
        let found = Versions::of(Path::new("x"), &lock).unwrap();
        assert!(found.to_string().contains("0.33.1 alone"), "{found}");
        assert_eq!(Versions::of(Path::new("x"), "version = 4"), None);
    }
}
