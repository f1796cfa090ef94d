//! The description, and the schemas that the interfaces have, as validators of answers.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use jsonschema::Validator;
use reqwest::StatusCode;
use serde_json::{Value, json};

pub(crate) struct Schemas {
    description: Value,
    published: [Value; 3],
    ready: RefCell<HashMap<String, Rc<Validator>>>,
}

impl Schemas {
    pub(crate) fn read() -> Self {
        let published = [
            include_str!("schemas/zipkin.json"),
            include_str!("schemas/jaeger-v3.json"),
            include_str!("schemas/jaeger-v1.json"),
        ];
        Self {
            description: serde_saphyr::from_str(include_str!("../../openapi.yaml")).unwrap(),
            published: published.map(|text| serde_json::from_str(text).unwrap()),
            ready: RefCell::default(),
        }
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.description["paths"].as_object().unwrap().iter()
    }

    /// A parameter, or what it refers to.
    pub(crate) fn parameter<'s>(&'s self, parameter: &'s Value) -> &'s Value {
        match parameter.get("$ref").and_then(Value::as_str) {
            Some(other) => self
                .description
                .pointer(other.trim_start_matches('#'))
                .unwrap(),
            None => parameter,
        }
    }

    /// Fails unless the description has this answer, and the published schema allows it.
    pub(crate) fn check(&self, url: &str, status: StatusCode, kind: &str, body: &Value) {
        let (path, _) = url.split_once('?').unwrap_or((url, ""));
        let bare = path.strip_prefix("/zipkin").unwrap_or(path);
        let template = self.template(bare).or_else(|| self.template(path));
        let template = template.unwrap_or_else(|| panic!("{path} is not described"));
        let operation = format!(
            "/paths/{}/get",
            template.replace('~', "~0").replace('/', "~1")
        );
        let answer = format!("{operation}/responses/{}", status.as_u16());
        let answer = self.follow(&answer, url);
        let (kind, _) = kind.split_once(';').unwrap_or((kind, ""));
        let schema = format!("{answer}/content/{}/schema", kind.replace('/', "~1"));
        assert!(
            self.description.pointer(&schema).is_some(),
            "{url}: {status} of {kind} is not described"
        );
        self.hold(&self.description, &schema, url, body);
        for published in &self.published {
            if published["answers"].get(&template).is_none() {
                continue;
            }
            if status.is_success() {
                let at = format!("/answers/{}", template.replace('/', "~1"));
                self.hold(published, &at, url, body);
            } else if published.get("error").is_some() {
                self.hold(published, "/error", url, body);
            }
        }
    }

    /// The path of the description that an address is one of: the one with the fewest parameters.
    fn template(&self, path: &str) -> Option<String> {
        let parts: Vec<_> = path.split('/').collect();
        self.description["paths"]
            .as_object()?
            .keys()
            .filter(|template| {
                let wanted: Vec<_> = template.split('/').collect();
                wanted.len() == parts.len()
                    && wanted
                        .iter()
                        .zip(&parts)
                        .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
            })
            .min_by_key(|template| template.matches('{').count())
            .cloned()
    }

    /// Where a reference leads.
    fn follow(&self, pointer: &str, url: &str) -> String {
        let target = self.description.pointer(pointer);
        let target = target.unwrap_or_else(|| panic!("{url}: {pointer} is not described"));
        match target.get("$ref").and_then(Value::as_str) {
            Some(other) => other.trim_start_matches('#').to_owned(),
            None => pointer.to_owned(),
        }
    }

    fn hold(&self, document: &Value, pointer: &str, url: &str, body: &Value) {
        let key = format!("{}{pointer}", document["$comment"]);
        let mut ready = self.ready.borrow_mut();
        let validator = ready.entry(key).or_insert_with(|| {
            let mut schema = document.clone();
            schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
            schema["$ref"] = Value::from(format!("#{fragment}"));
            let built = jsonschema::options()
                .should_validate_formats(true)
                .build(&schema);
            Rc::new(built.unwrap_or_else(|error| panic!("{pointer}: {error}")))
        });
        let wrong: Vec<_> = validator.iter_errors(body).take(3).collect();
        assert!(wrong.is_empty(), "{url} is not as {pointer}: {wrong:#?}");
    }
}

#[test]
fn an_answer_that_breaks_a_schema_is_noticed() {
    let schemas = Schemas::read();
    let breaks = |url: &str, status: u16, body: Value| {
        let status = StatusCode::from_u16(status).unwrap();
        let check = std::panic::AssertUnwindSafe(|| {
            schemas.check(url, status, "application/json", &body);
        });
        std::panic::catch_unwind(check).is_err()
    };
    assert!(!breaks("/api/v2/services", 200, json!(["a"])));
    assert!(breaks("/api/v2/services", 200, json!([1])));
    assert!(breaks("/api/v2/services", 204, json!(["a"])));
    assert!(breaks("/api/v2/nothing", 200, json!(["a"])));
    assert!(!breaks("/zipkin/api/v2/services", 200, json!([])));
    assert!(!breaks("/api/v3/services", 200, json!({"services": []})));
    assert!(breaks("/api/v3/services", 200, json!({})));
    let error = json!({"error": {"httpCode": 404, "message": "No traces found"}});
    assert!(!breaks("/api/v3/traces/1", 404, error.clone()));
    assert!(breaks("/api/v3/services", 404, error));
    let envelope =
        |errors| json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
    let error = json!([{"code": 400, "msg": "no"}]);
    assert!(!breaks("/api/traces", 400, envelope(error)));
    assert!(breaks("/api/traces", 400, envelope(json!(null))));
}
