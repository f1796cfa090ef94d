//! Exporters over TLS: whom they trust, and what they show of themselves. Every certificate is made here.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

use std::{
    collections::HashMap,
    env, fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, routing::post};
use bytes::Bytes;
use http::{HeaderMap, Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::ResourceSpans,
};
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use throughline::{ServerLayer, Setup, Telemetry};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};
use tower::ServiceExt;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who signs the server's certificate and the client's.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// What a client is given.
    files: Files,
}

struct Files {
    root: String,
    client: String,
    client_key: String,
}

impl Authority {
    /// Its files are in a folder of this name.
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let (client, client_key) = signed(&issuer);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, pem: &str| {
            let path = folder.join(name);
            fs::write(&path, pem).unwrap();
            path.to_str().unwrap().to_owned()
        };
        Self {
            files: Files {
                root: file("root.pem", &root.pem()),
                client: file("client.pem", &client.pem()),
                client_key: file("client.key", &client_key.serialize_pem()),
            },
            certificate: root.der().clone(),
            issuer,
        }
    }

    fn server(&self, asks_for_certificate: bool) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let (certificate, key) = signed(&self.issuer);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = if asks_for_certificate {
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = config
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

fn signed(issuer: &Issuer<'_, KeyPair>) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

/// The names of the spans that a server took, and why handshakes failed.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<String>>>, Arc<watch::Sender<String>>);

impl Taken {
    fn add(&self, spans: &[ResourceSpans]) {
        let scopes = spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans = scopes.flat_map(|scope| &scope.spans);
        let names = spans.map(|span| span.name.clone());
        self.0.lock().unwrap().extend(names);
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Until a handshake failed for that.
    async fn refused(&self, why: &str) {
        let mut all = self.1.subscribe();
        let told = timeout(PATIENCE, all.wait_for(|all| all.contains(why)));
        assert!(told.await.is_ok(), "no {why}: {}", *self.1.borrow());
    }
}

#[tonic::async_trait]
impl TraceService for Taken {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.add(&request.into_inner().resource_spans);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A server of all protocols, and its URL.
async fn serve(config: ServerConfig) -> (String, Taken) {
    let taken = Taken::default();
    let (otlp, zipkin) = (taken.clone(), taken.clone());
    let otlp = async move |headers: HeaderMap, body: Bytes| {
        let request = if headers["content-type"] == "application/json" {
            serde_json::from_slice(&body).unwrap()
        } else {
            ExportTraceServiceRequest::decode(body).unwrap()
        };
        otlp.add(&request.resource_spans);
    };
    let zipkin = async move |body: Bytes| {
        let spans: Vec<HashMap<String, serde_json::Value>> = serde_json::from_slice(&body).unwrap();
        let names = spans.iter().map(|span| span["name"].as_str().unwrap());
        zipkin.0.lock().unwrap().extend(names.map(str::to_owned));
    };
    let grpc = tonic::service::Routes::new(TraceServiceServer::new(taken.clone()));
    let app = grpc
        .into_axum_router()
        .route("/v1/traces", post(otlp))
        .route("/api/v2/spans", post(zipkin));
    let failed = Arc::clone(&taken.1);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, app, failed) = (acceptor.clone(), app.clone(), Arc::clone(&failed));
            tokio::spawn(async move {
                let stream = match acceptor.accept(stream).await {
                    Ok(stream) => stream,
                    Err(why) => return failed.send_modify(|all| *all += &format!("{why}; ")),
                };
                let builder = auto::Builder::new(TokioExecutor::new());
                let service = TowerToHyperService::new(app);
                let served = builder.serve_connection(TokioIo::new(stream), service);
                drop(served.await);
            });
        }
    });
    (url, taken)
}

/// One span that has ended.
async fn ask(telemetry: &Telemetry) {
    let app = Router::new()
        .route("/a", axum::routing::get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(telemetry));
    let request = Request::get("/a").body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
}

/// A pipeline of these variables, and what it warns of.
fn pipeline(variables: &[(&str, &str)]) -> (Telemetry, Arc<Mutex<Vec<String>>>) {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&warnings);
    let telemetry = Setup::new()
        .lookup(move |name| match name {
            "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
            _ => variables.get(name).cloned(),
        })
        .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()))
        .build()
        .unwrap();
    (telemetry, warnings)
}

async fn by(protocol: &str) {
    let authority = Authority::new(&protocol.replace('/', "-"));
    let files = &authority.files;
    for asks_for_certificate in [false, true] {
        let (url, taken) = serve(authority.server(asks_for_certificate)).await;
        let endpoint = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ];
        let trusts = ("OTEL_EXPORTER_OTLP_CERTIFICATE", &*files.root);
        let shows = [
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &*files.client),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &*files.client_key),
        ];
        let mut refused = vec![(vec![], "UnknownCA")];
        let mut welcome = vec![[&[trusts][..], &shows].concat()];
        if asks_for_certificate {
            refused.push((vec![trusts], "no certificates"));
        } else {
            welcome.push(vec![trusts]);
        }
        for (variables, why) in refused {
            let (telemetry, warnings) = pipeline(&[&endpoint[..], &variables].concat());
            ask(&telemetry).await;
            telemetry.flush().await.unwrap_err();
            assert_eq!(taken.names(), [""; 0], "{protocol}");
            assert_eq!(telemetry.counts().acknowledged, 0);
            assert_eq!(warnings.lock().unwrap().len(), 1, "{protocol}");
            taken.refused(why).await;
        }
        let count = welcome.len();
        for variables in welcome {
            let (telemetry, warnings) = pipeline(&[&endpoint[..], &variables].concat());
            ask(&telemetry).await;
            let ended = telemetry.shutdown().await;
            ended.unwrap_or_else(|lost| panic!("{protocol}: {lost}"));
            assert_eq!(*warnings.lock().unwrap(), [""; 0], "{protocol}");
        }
        assert_eq!(taken.names(), vec!["GET /a"; count], "{protocol}");
    }
}

#[tokio::test]
async fn otlp_by_http_protobuf() {
    by("http/protobuf").await;
}

#[tokio::test]
async fn otlp_by_http_json() {
    by("http/json").await;
}

#[tokio::test]
async fn otlp_by_grpc() {
    by("grpc").await;
}

#[tokio::test]
async fn by_a_configuration_file() {
    let authority = Authority::new("file");
    let files = &authority.files;
    for (exporter, path) in [("otlp_http", "/v1/traces"), ("otlp_grpc", "")] {
        let (url, taken) = serve(authority.server(true)).await;
        let text = format!(
            "file_format: \"1.0\"
tracer_provider:
  processors:
    - batch:
        exporter:
          {exporter}:
            endpoint: {url}{path}
            tls: {{ca_file: {}, cert_file: {}, key_file: {}}}
",
            files.root, files.client, files.client_key
        );
        let file = format!("{}/handshakes-{exporter}.yaml", env!("CARGO_TARGET_TMPDIR"));
        fs::write(&file, text).unwrap();
        let (telemetry, warnings) = pipeline(&[("OTEL_CONFIG_FILE", &file)]);
        ask(&telemetry).await;
        let ended = telemetry.shutdown().await;
        ended.unwrap_or_else(|lost| panic!("{exporter}: {lost}"));
        assert_eq!(*warnings.lock().unwrap(), [""; 0], "{exporter}");
        assert_eq!(taken.names(), ["GET /a"], "{exporter}");
    }
}

/// Set where this is to be a service of whatever the environment says.
const CHILD: &str = "HANDSHAKES_TEST_CHILD";

/// By itself it is no test.
#[tokio::test]
async fn child() {
    if env::var_os(CHILD).is_some() {
        let telemetry = Setup::new().on_warning(|_| {}).build().unwrap();
        ask(&telemetry).await;
        let delivered = telemetry.shutdown().await.is_ok();
        println!("\ndelivered: {delivered}");
    }
}

/// Zipkin has no variable for authorities: they are the system's, as everywhere where none is named.
#[tokio::test]
async fn the_systems_authorities_are_trusted_where_none_is_named() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let authority = Authority::new("system");
    let (url, taken) = serve(authority.server(false)).await;
    let zipkin = format!("{url}/api/v2/spans");
    for exporter in ["zipkin", "otlp"] {
        for is_trusted in [false, true] {
            let mut command =
                tokio::process::Command::from(Command::new(env::current_exe().unwrap()));
            command
                .args(["--exact", "child", "--nocapture"])
                .env_clear()
                .env(CHILD, "1")
                .env("OTEL_TRACES_EXPORTER", exporter)
                .env("OTEL_METRICS_EXPORTER", "none")
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
                .env("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &zipkin);
            if is_trusted {
                // Where OpenSSL and its like look for the system's.
                command.env("SSL_CERT_FILE", &authority.files.root);
            }
            let output = command.output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                said.contains(&format!("\ndelivered: {is_trusted}\n")),
                "{exporter}: {said}"
            );
            let taken = std::mem::take(&mut *taken.0.lock().unwrap());
            assert_eq!(taken, vec!["GET /a"; usize::from(is_trusted)], "{exporter}");
        }
    }
}
