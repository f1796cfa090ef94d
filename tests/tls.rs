//! Certificates and keys that cannot be used: who named them, where they are, what to do, and nothing of what they hold.

use std::{collections::HashMap, error::Error, fs, path::PathBuf};

use rcgen::{CertificateParams, KeyPair};
use throughline::{Setup, SetupError};

const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const OWN_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const OWN_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";

/// Variables, and of the error: which of them, its file, and what is wrong.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

/// A folder of files, which is gone in the end.
struct Files {
    folder: PathBuf,
    /// What no message may hold.
    secrets: Vec<String>,
}

impl Files {
    fn new(name: &str) -> Self {
        let name = format!("tls-{name}-{}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            secrets: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn file(&mut self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        self.secrets
            .extend(lines.filter(|line| line.len() > 8).map(str::to_owned));
        path
    }

    /// A certificate and its key.
    fn pair(&mut self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        (
            self.file(&format!("{name}.pem"), &certificate),
            self.file(&format!("{name}.key"), &key.serialize_pem()),
        )
    }

    #[track_caller]
    fn are_kept_secret(&self, error: &SetupError) {
        let mut said = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(error) = source {
            said += &format!("{error} {error:?}");
            source = error.source();
        }
        for secret in &self.secrets {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn setup(vars: &[(&str, &str)]) -> Setup {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .endpoint("https://localhost:1")
        .on_warning(|_| {})
}

#[test]
fn what_cannot_be_used_is_named_with_who_named_it() {
    let mut files = Files::new("variables");
    let (good, key) = files.pair("good");
    let (_, other) = files.pair("other");
    let missing = files.path("missing");
    let folder = files.path("");
    let text = files.file("text", "this is no PEM, and nobody's business");
    let broken = files.file(
        "broken",
        "-----BEGIN CERTIFICATE-----\nMIIBroken+Broken+Broken+Broken+AAA\n-----END CERTIFICATE-----\n",
    );
    let locked = files.file(
        "locked",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBlocked+locked+locked+locked+\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let traces = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE";
    let cases: [Case<'_>; 11] = [
        (
            &[(CERTIFICATE, &missing)],
            CERTIFICATE,
            &missing,
            "cannot be read (No such file",
        ),
        (
            &[(traces, &missing)],
            traces,
            &missing,
            "cannot be read (No such file",
        ),
        (
            &[(CERTIFICATE, &folder)],
            CERTIFICATE,
            &folder,
            "cannot be read (Is a directory",
        ),
        (
            &[(CERTIFICATE, &text)],
            CERTIFICATE,
            &text,
            "holds no PEM certificate; name a PEM file",
        ),
        (
            &[(CERTIFICATE, &key)],
            CERTIFICATE,
            &key,
            "holds no PEM certificate",
        ),
        (
            &[(CERTIFICATE, &broken)],
            CERTIFICATE,
            &broken,
            "holds a certificate that is none",
        ),
        (
            &[(OWN_CERTIFICATE, &text), (OWN_KEY, &key)],
            OWN_CERTIFICATE,
            &text,
            "holds no PEM certificate",
        ),
        (
            &[(OWN_CERTIFICATE, &broken), (OWN_KEY, &key)],
            OWN_CERTIFICATE,
            &broken,
            "holds a certificate that is none; name a PEM file of the certificate to show",
        ),
        (
            &[(OWN_CERTIFICATE, &good), (OWN_KEY, &missing)],
            OWN_KEY,
            &missing,
            "cannot be read (No such file",
        ),
        (
            &[(OWN_CERTIFICATE, &good), (OWN_KEY, &locked)],
            OWN_KEY,
            &locked,
            "holds no PEM private key; name a PEM file of the certificate's private key, without a passphrase",
        ),
        (
            &[(OWN_CERTIFICATE, &good), (OWN_KEY, &other)],
            OWN_KEY,
            &other,
            "does not fit the certificate that OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE names",
        ),
    ];
    for (vars, name, path, why) in cases {
        let error = setup(vars).build().unwrap_err();
        let want = format!("{name}={path:?} {why}");
        assert!(
            error.to_string().starts_with(&want),
            "{error} is not {want}"
        );
        files.are_kept_secret(&error);
    }
    for vars in [
        [(CERTIFICATE, &*good), (OWN_CERTIFICATE, ""), (OWN_KEY, "")],
        [(CERTIFICATE, ""), (OWN_CERTIFICATE, &good), (OWN_KEY, &key)],
    ] {
        drop(setup(&vars).build().unwrap());
    }
}

#[test]
fn a_file_says_where_it_names_them() {
    let mut files = Files::new("file");
    let missing = files.path("missing");
    let yaml = format!(
        "file_format: '1.0'
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http: {{endpoint: 'https://localhost:1', tls: {{ca_file: {missing:?}}}}}
"
    );
    let path = files.file("otel.yaml", &yaml);
    files.secrets.clear();
    let setup = Setup::new()
        .lookup(move |name| (name == "OTEL_CONFIG_FILE").then(|| path.clone()))
        .on_warning(|_| {});
    let error = setup.build().unwrap_err().to_string();
    let want = format!(
        "tracer_provider.processors[0].batch.exporter.otlp_http.tls.ca_file={missing:?} cannot be read"
    );
    assert!(error.starts_with(&want), "{error}");
}
