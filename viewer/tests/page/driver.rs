//! A real browser: headless Chromium, driven by WebDriver.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// Only what fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Browser {
    pub(crate) page: Client,
    driver: String,
    session: String,
    child: Child,
}

/// `None` where Chromium is not installed, which is said, and fails where all parts are asked for.
pub(crate) async fn open() -> Option<Browser> {
    let started = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            missing(&format!("chromedriver cannot be started: {error}"));
            return None;
        }
    };
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port: u16 = lines
        .map_while(Result::ok)
        .find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        })
        .expect("chromedriver says its port");
    let driver = format!("http://127.0.0.1:{port}");
    let wanted = json!({
        "goog:chromeOptions": {"args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", "--window-size=1280,900",
        ]},
        "goog:loggingPrefs": {"browser": "ALL"},
    });
    let page = ClientBuilder::new(hyper_util_connector())
        .capabilities(wanted.as_object().unwrap().clone())
        .connect(&driver)
        .await
        .expect("a session of Chromium");
    let session = page.session_id().await.unwrap().unwrap();
    Some(Browser {
        page,
        driver,
        session,
        child,
    })
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

#[allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]
pub(crate) fn is_asked(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Says why a test is skipped, or fails.
pub(crate) fn missing(why: &str) {
    assert!(
        !is_asked("THROUGHLINE_REQUIRE"),
        "{why}, and THROUGHLINE_REQUIRE is set"
    );
    eprintln!("skipped: {why}");
}

impl Browser {
    pub(crate) async fn click(&self, css: &str) {
        self.wait(css).await;
        self.page
            .find(Locator::Css(css))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
    }

    /// Waits until it is there.
    pub(crate) async fn wait(&self, css: &str) {
        self.page
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until the script says true.
    pub(crate) async fn until(&self, script: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.run(script).await != Value::Bool(true) {
            assert!(tokio::time::Instant::now() < deadline, "{script}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.wait(css).await;
        self.page
            .find(Locator::Css(css))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.page.find_all(Locator::Css(css)).await.unwrap().len()
    }

    pub(crate) async fn keys(&self, keys: &str) {
        let active = self.page.active_element().await.unwrap();
        active.send_keys(keys).await.unwrap();
    }

    pub(crate) async fn resize(&self, width: u32) {
        self.page.set_window_size(width, 900).await.unwrap();
        // A headless window has no frame, but may have a least width: the page is told by emulation.
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false
        }});
        self.post("goog/cdp/execute", &command).await;
    }

    pub(crate) async fn scheme(&self, name: &str) {
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": {
            "features": [{ "name": "prefers-color-scheme", "value": name }]
        }});
        self.post("goog/cdp/execute", &command).await;
    }

    /// Draws from one place of an element to another, in parts of its width and height.
    pub(crate) async fn drag(&self, css: &str, from: (f64, f64), to: (f64, f64)) {
        self.wait(css).await;
        let script = format!(
            "const box = document.querySelector({css:?}).getBoundingClientRect();
             return [box.x, box.y, box.width, box.height]"
        );
        let found = self.run(&script).await;
        let at = |part: usize| found[part].as_f64().unwrap();
        let place = |(x, y): (f64, f64)| (at(0) + x * at(2), at(1) + y * at(3));
        for (kind, (x, y)) in [
            ("mousePressed", place(from)),
            ("mouseMoved", place(to)),
            ("mouseReleased", place(to)),
        ] {
            let command = json!({ "cmd": "Input.dispatchMouseEvent", "params": {
                "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1
            }});
            self.post("goog/cdp/execute", &command).await;
        }
    }

    /// Whatever the console said since the last time.
    pub(crate) async fn console(&self) -> Vec<Value> {
        let answer = self.post("se/log", &json!({ "type": "browser" })).await;
        answer["value"].as_array().unwrap().clone()
    }

    /// Texts that are cut, or that stand out of the window.
    pub(crate) async fn clipped(&self) -> Value {
        self.run(
            "const out = [];
             for (const e of document.querySelectorAll('body *')) {
               if (e.closest('svg, dialog, .skip, .hidden, option, datalist')) continue;
               const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
               if (!own) continue;
               const box = e.getBoundingClientRect();
               if (!box.width || e.closest('.map')) continue;
               const cut = e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible' && e.clientWidth > 0;
               if (cut || box.right > innerWidth + 1 || box.left < -1) out.push(e.tagName + ' ' + e.className + ': ' + e.textContent.trim().slice(0, 60));
             }
             if (document.documentElement.scrollWidth > innerWidth + 1) out.push('the page is ' + document.documentElement.scrollWidth + ' wide');
             return out;",
        )
        .await
    }

    /// Writes a picture.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.page.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    async fn post(&self, what: &str, body: &Value) -> Value {
        let answer = reqwest::Client::new()
            .post(format!("{}/session/{}/{what}", self.driver, self.session))
            .body(body.to_string())
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{what}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn close(mut self) {
        self.page.clone().close().await.ok();
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().ok();
    }
}
