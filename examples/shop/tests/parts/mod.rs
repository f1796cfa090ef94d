//! The programs of a test, each a process that ends with the test.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

/// For a program to say what is awaited.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether Prometheus is here. Says so where it is not, and fails where it has to be.
#[allow(
    clippy::disallowed_methods,
    reason = "it is no setting of the library's"
)]
pub(crate) fn installed() -> bool {
    let missing = ["prometheus", "promtool"].into_iter().find(|program| {
        let version = Command::new(program).arg("--version").output();
        !version.is_ok_and(|output| output.status.success())
    });
    let Some(missing) = missing else { return true };
    let text =
        format!("skipped: there is no program {missing}; Debian's package prometheus has it");
    assert!(env::var_os("THROUGHLINE_REQUIRE").is_none(), "{text}");
    eprintln!("{text}");
    false
}

pub(crate) fn monitoring(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../monitoring")
        .join(file)
}

/// Runs promtool among the files of `monitoring/`.
#[track_caller]
pub(crate) fn promtool(arguments: &[&str]) {
    promtool_reads(arguments, "");
}

#[track_caller]
pub(crate) fn promtool_reads(arguments: &[&str], text: &str) {
    let mut tool = Command::new("promtool")
        .args(arguments)
        .current_dir(monitoring(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input closes it.
    tool.stdin.take().unwrap().write_all(text.as_bytes()).ok();
    let output = tool.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "promtool {arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that runs until it is dropped, and the lines that it says.
struct Program {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    fn start(mut command: Command, said: impl FnOnce(&mut Child) -> Box<dyn Read + Send>) -> Self {
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(said(&mut process));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // On to the end: a full pipe would hold the program up.
            for line in said.lines().map_while(Result::ok) {
                sender.send(line).ok();
            }
        });
        Self { process, lines }
    }

    /// The next line of which this makes something.
    #[track_caller]
    fn says<T>(&self, mut awaited: impl FnMut(&str) -> Option<T>) -> T {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => match awaited(&line) {
                    Some(found) => return found,
                    None => seen.push(line),
                },
                Err(error) => panic!("{error} after {seen:#?}"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The open shop. Its services end when the launcher does.
pub(crate) struct Shop {
    _launcher: Program,
    pub(crate) storefront: String,
    /// Where the metrics of each service are, by its name.
    pub(crate) metrics: Vec<(String, String)>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command
            .arg("--prometheus")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped());
        let launcher = Program::start(command, |child| Box::new(child.stdout.take().unwrap()));
        let metrics = (0..4).map(|_| {
            launcher.says(|line| {
                let (name, url) = line.strip_prefix("metrics of ")?.split_once(": http://")?;
                let address = url.strip_suffix("/metrics")?;
                Some((name.to_owned(), address.to_owned()))
            })
        });
        let metrics = metrics.collect();
        let storefront = launcher.says(|line| {
            let url = line.strip_prefix("curl ")?.split_whitespace().next()?;
            url.strip_suffix("/buy/socks").map(str::to_owned)
        });
        launcher.says(|line| line.starts_with("The shop stays open").then_some(()));
        Self {
            _launcher: launcher,
            storefront,
            metrics,
        }
    }
}

/// A Prometheus on a port of its own, with the rules of `monitoring/`, often at work.
pub(crate) struct Prometheus {
    _process: Program,
    _folder: Folder,
    url: String,
    client: reqwest::Client,
}

impl Prometheus {
    pub(crate) async fn start(shop: &Shop) -> Self {
        let folder = Folder::new("prometheus");
        let config = folder.0.join("prometheus.yml");
        let rules = fs::canonicalize(monitoring("alerts.yml")).unwrap();
        let mut text = format!(
            "global: {{ scrape_interval: 500ms, evaluation_interval: 1s }}\nrule_files: [{rules:?}]\nscrape_configs:\n"
        );
        for (name, address) in &shop.metrics {
            text += &format!(
                "  - {{ job_name: {name}, static_configs: [{{ targets: [{address:?}] }}] }}\n"
            );
        }
        fs::write(&config, text).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.0.join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped());
        let process = Program::start(command, |child| Box::new(child.stderr.take().unwrap()));
        let mut address = None;
        process.says(|line| {
            if line.contains("msg=\"Listening on\"") {
                address = line
                    .split_once("address=")
                    .map(|(_, address)| address.to_owned());
            }
            line.contains("Server is ready to receive web requests")
                .then_some(())
        });
        Self {
            url: format!("http://{}", address.unwrap()),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            _process: process,
            _folder: folder,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(self.client.get(format!("{}{path}", self.url)))
            .await
    }

    /// The series of an instant query, now. A query that Prometheus does not understand is a failure.
    pub(crate) async fn query(&self, query: &str) -> Vec<Value> {
        let request = self
            .client
            .post(format!("{}/api/v1/query", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("query={}", percent_encoded(query)));
        let answer = self.send(request).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A folder that is empty at first and gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
