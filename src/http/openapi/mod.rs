//! The OpenAPI 3.1 document: made from the table of routes, which says what there is and for whom, and from
//! [`operations`], which says what it is for. A test holds the two together, and another one holds every answer that a
//! test sees against the document.

mod examples;
mod operations;
mod problems;
mod schemas;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use self::operations::{Content, OPERATIONS, Operation, TAGS};
use self::problems::{in_group, problems_of};
use self::schemas::reference;
use super::HttpState;
use super::admit::Call;
use super::auth::role_name;
use super::consistency;
use super::problem::Problem;
use super::routes::{Access, ENTRY, LIST, ROUTES, Route, Serves};
use super::write::IDEMPOTENCY_KEY;
use crate::base::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use crate::wire::{FileFormat, PROBLEM_CONTENT_TYPE, Slug};

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| serde_json::to_vec(&document()).expect("JSON with string keys").into());

pub(super) async fn get(_: HttpState, _: Call) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(DOCUMENT.clone()));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

const ABOUT: &str = "A distributed configuration service. Every node answers everything. A `/` within a namespace or a key is \
    `%2F` in a path; where a proxy refuses that, `/-/` ends the namespace and leaves both as they are: \
    `/api/v1/config/teams/payments/-/db/url`. Errors are problems (RFC 9457): `detail` says what to do next, and only 504 \
    `outcome-unknown` leaves open whether a write happened. Any other path is 404 `not-found`, any other method of a path 405 \
    `method-not-allowed` with `Allow`. What the contract has and this release does not is answered with 501 and is not in \
    this document.";

/// The document.
fn document() -> Value {
    let tag = |(name, description): &(&str, &str)| json!({ "name": name, "description": description });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Confman", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "servers": [{ "url": "/", "description": "The node that this document comes from" }],
        "tags": TAGS.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths(),
        "components": {
            "schemas": schemas::all(),
            "headers": headers(),
            "examples": problems::examples(),
            "securitySchemes": {
                "ApiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key." },
                "Bearer": { "type": "http", "scheme": "bearer", "description": "The same keys as a bearer token." }
            }
        }
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let Some(operation) = operation_of(route) else { continue };
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] = describe(route, operation);
        if route.method == Method::GET {
            methods["head"] = head(route, operation);
        }
    }
    Value::Object(paths)
}

/// What a route does; `None` for one that is not built.
fn operation_of(route: &Route) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.method == route.method && operation.path == route.path)
}

fn describe(route: &Route, operation: &Operation) -> Value {
    let (role, security) = match route.access {
        Access::Open => ("none", json!([])),
        Access::Role(role) => (role_name(role), json!([{ "ApiKey": [] }, { "Bearer": [] }])),
    };
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": format!("{} Role: {role}.", operation.description),
        "x-confman-role": role,
        "security": security,
        "parameters": parameters(route),
        "responses": responses(route, operation),
    });
    if let Some(schema) = operation.body {
        let example = examples::example(schema);
        let mut content = json!({ "application/json": { "schema": reference(schema), "example": example } });
        if (&route.method, route.path) == (&Method::PUT, ENTRY) {
            content["text/plain"] = json!({ "schema": { "type": "string" } });
        }
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    described
}

/// The same as `GET`, without bodies.
fn head(route: &Route, operation: &Operation) -> Value {
    let mut described = describe(route, operation);
    let (first, others) = operation.id.split_at(1);
    described["operationId"] = format!("head{}{others}", first.to_ascii_uppercase()).into();
    described["summary"] = format!("{}: the headers alone", operation.summary).into();
    for response in described["responses"].as_object_mut().expect("responses are an object").values_mut() {
        response.as_object_mut().expect("a response is an object").remove("content");
    }
    described
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    let names = route.path.split(['{', '}']).skip(1).step_by(2);
    parameters.extend(names.map(in_path));
    if let Serves::Handler { query, state, .. } = route.serves {
        parameters.extend(query.iter().map(|name| in_query(route.path, name)));
        if state && route.method == Method::GET {
            parameters.extend(consistency::OF_READS.iter().map(|name| in_query(route.path, name)));
            parameters.push(json!({
                "name": "X-Confman-Consistency", "in": "header", "schema": { "type": "string", "enum": MODES },
                "description": "As `consistency`."
            }));
            parameters.push(json!({
                "name": "X-Confman-Min-Version", "in": "header", "schema": { "type": "string" }, "example": "5:42",
                "description": "As `minVersion`."
            }));
        }
    }
    if route.takes_conditions() {
        let header = |name: &str, example: &str, description: &str| {
            let schema = json!({ "type": "string" });
            json!({ "name": name, "in": "header", "schema": schema, "example": example, "description": description })
        };
        let is_read = route.method == Method::GET;
        parameters.push(header(
            "If-Match",
            "\"5:42\"",
            "ETags, or `*` for whichever: where the current one is not among them, nothing is done and the answer is 412.",
        ));
        parameters.push(if is_read {
            let description = "ETags that the client has: where the current one is among them, or for `*`, the answer is 304.";
            header("If-None-Match", "\"5:42\"", description)
        } else {
            let description = "`*`: where there is one, nothing is done and the answer is 412. ETags: where the current one is \
                               among them.";
            header("If-None-Match", "*", description)
        });
    }
    if route.takes_idempotency_key() {
        parameters.push(json!({
            "name": IDEMPOTENCY_KEY.as_str(), "in": "header",
            "schema": { "type": "string", "minLength": 1, "maxLength": 257, "pattern": "^[!-~]+$" },
            "description": "A name of the client's for this request, up to 255 characters, with or without quotes. The same \
                            request with the same name is done once, and answered the same within 24 hours, by any node."
        }));
    }
    parameters.push(json!({
        "name": "X-Request-ID", "in": "header",
        "schema": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$" },
        "description": "Is in the answer, the log lines and the audit. Made where it is absent or not of this form."
    }));
    parameters
}

/// See [`super::consistency`].
const MODES: &[&str] = &["eventual", "read-your-writes", "linearizable"];

fn in_path(name: &str) -> Value {
    let (schema, example) = match name {
        "namespace" => (reference("NamespacePath"), "payments"),
        "key" => (reference("Key"), "db/url"),
        "asset" => (json!({ "type": "string", "enum": super::swagger::ASSETS }), super::swagger::ASSETS[0]),
        "node" => {
            let schema = json!({ "type": "integer", "minimum": 1 });
            return json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": 3 });
        }
        other => unreachable!("the path parameter {other} is described here"),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example })
}

fn in_query(path: &str, name: &str) -> Value {
    let (schema, description) = match name {
        "format" if path == ENTRY => (
            json!({ "type": "string", "enum": ["json", "raw"] }),
            "The entry in JSON, or its value alone; without it, what `Accept` says, and JSON where it says nothing.",
        ),
        "format" if path == LIST => (
            json!({ "type": "string", "enum": FileFormat::ALL.map(FileFormat::as_str) }),
            "All entries as a file of this format, and no list. Goes with `prefix` and `type`.",
        ),
        "at" => (
            moment(),
            "As it was right after this revision, or after the last one whose log time is this time or before it: the same \
             on every node. The node waits until it has applied that, some seconds at most (503 `version-not-reached`); a \
             revision whose write is lost is 409 `version-unknown`.",
        ),
        "from" => (moment(), "What to compare with: a revision or a time, as in `at`. It cannot be left out."),
        "to" => (moment(), "What is compared, as in `at`; without it, what this node has applied."),
        "type" => (
            json!({ "type": "string", "enum": ["string", "number", "boolean", "json", "yaml"] }),
            "Only entries whose values are of this type.",
        ),
        "fields" => (
            json!({ "type": "string" }),
            "The members that each item has, with commas between them, like `key,value`; without it, all.",
        ),
        "prefix" => (json!({ "type": "string" }), "Only what begins with this."),
        "limit" => (
            json!({ "type": "integer", "minimum": 1, "maximum": PAGE_ITEMS_MAX, "default": PAGE_ITEMS_DEFAULT }),
            "Items on the page, at most.",
        ),
        "cursor" => (
            json!({ "type": "string" }),
            "The `nextCursor` of the page before, with otherwise the same query, on any node.",
        ),
        "consistency" => (
            json!({ "type": "string", "enum": MODES }),
            "What the read promises. `eventual`, the default without a version: what this node has. `read-your-writes`, the \
             default with one: the version and what came before it. `linearizable`: all that was acknowledged before the read \
             came, by whichever node; a quorum is asked.",
        ),
        "minVersion" => (
            json!({ "type": "string", "example": "5:42" }),
            "A version that the read must see, from an `X-Confman-Version` or a `revision`. The node waits until it has \
             applied it. One of a write that was lost, by the restore of an older backup, is 409 `version-unknown`.",
        ),
        "timeout" => (
            json!({ "type": "string", "example": "500ms" }),
            "How long the read may wait for what it must see: `500ms`, `3s`. At most, and by default, `requests.readTimeout`.",
        ),
        "onStale" => (
            json!({ "type": "string", "enum": ["redirect"] }),
            "What to do when that time is over: 307 to the leader in place of 503.",
        ),
        "force" => (
            json!({ "type": "boolean", "default": false }),
            "Do also what leaves fewer voters answering than make a majority.",
        ),
        "hop" => (
            json!({ "type": "integer", "minimum": 0 }),
            "How many redirects brought the request here. For Confman's own use, in the `Location` of a 307: leave it out.",
        ),
        other => unreachable!("the query parameter {other} is described here"),
    };
    let mut parameter = json!({ "name": name, "in": "query", "schema": schema, "description": description });
    if name == "from" {
        parameter["required"] = true.into();
    }
    parameter
}

/// A revision or a time.
fn moment() -> Value {
    json!({ "type": "string", "examples": ["5:42", "2026-01-02T03:04:05.678Z"] })
}

fn responses(route: &Route, operation: &Operation) -> Value {
    let mut responses = Map::new();
    for answer in operation.answers {
        let mut response = json!({ "description": answer.description, "headers": header_references(answer.headers) });
        let content = content(&answer.content);
        if !content.is_empty() {
            response["content"] = content.into();
        }
        responses.insert(answer.status.to_string(), response);
    }
    let slugs = problems_of(route, operation);
    for status in in_group(&slugs) {
        let of_status: Vec<Slug> = slugs.iter().filter(|(at, _)| *at == status).map(|(_, slug)| *slug).collect();
        responses.insert(status.to_string(), problem_response(status, &of_status));
    }
    Value::Object(responses)
}

/// What an answer may be, by media type.
fn content(of: &Content) -> Map<String, Value> {
    match of {
        Content::Nothing => Map::new(),
        Content::Json(schema) => {
            let mut media = json!({ "schema": reference(schema) });
            if let Some(example) = examples::example(schema) {
                media["example"] = example;
            }
            Map::from_iter([("application/json".to_owned(), media)])
        }
        // Bytes without a schema, as the standard has it for files.
        Content::File(media) => Map::from_iter([((*media).to_owned(), json!({}))]),
        Content::Text(media) => Map::from_iter([((*media).to_owned(), json!({ "schema": { "type": "string" } }))]),
        Content::OneOf(several) => several.iter().flat_map(content).collect(),
    }
}

/// One status with all the problems that come with it.
fn problem_response(status: u16, slugs: &[Slug]) -> Value {
    let own = match status {
        307 => &["Location"][..],
        401 => &["WWW-Authenticate"],
        404 | 409 | 412 | 422 => &["X-Confman-Version"],
        503 => &["Retry-After"],
        _ => &[],
    };
    let types: Vec<String> = slugs.iter().map(|slug| problems::type_of(*slug)).collect();
    let example = |slug: &Slug| {
        (
            slug.to_string(),
            json!({ "$ref": format!("#/components/examples/{}", problems::example_name(status, *slug)) }),
        )
    };
    let examples: Map<String, Value> = slugs.iter().map(example).collect();
    let names: Vec<String> =
        slugs.iter().map(|slug| format!("`{slug}`: {}", problems::meaning(status, *slug))).collect();
    let schema = json!({ "allOf": [reference("Problem"), { "properties": { "type": { "enum": types } } }] });
    let mut headers = header_references(own);
    if status == 412 {
        headers["ETag"] = json!({ "$ref": "#/components/headers/CurrentETag" });
    }
    json!({
        "description": names.join(" "),
        "headers": headers,
        "content": { PROBLEM_CONTENT_TYPE: { "schema": schema, "examples": examples } }
    })
}

/// Every answer has these.
const HEADERS_OF_ALL: &[&str] = &["Cache-Control", "Vary", "X-Request-ID"];

fn header_references(own: &[&str]) -> Value {
    let reference = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(HEADERS_OF_ALL.iter().chain(own).map(reference).collect())
}

fn headers() -> Value {
    let header = |description: &str, example: &str, required: bool| {
        json!({
            "description": description, "required": required, "schema": { "type": "string" }, "example": example
        })
    };
    let version = "A write's own revision, or what this node had applied when it read.";
    json!({
        "Cache-Control": header("Nothing may be taken from a cache unasked.", "private, no-cache", true),
        "Vary": header(
            "What answers depend on.",
            "Accept, Authorization, X-API-Key, X-Confman-Consistency, X-Confman-Min-Version",
            true
        ),
        "X-Request-ID": header("The request's id: its own, or made.", "0d6f6f2b0f9a4c3e8b7a6d5c4b3a2910", true),
        "X-Confman-Version": header(version, "5:57", false),
        "ETag": header("The revision of what is shown, and how it is shown where it is not JSON.", "\"5:42\"", true),
        "CurrentETag": header("Of what is there now, where there is something.", "\"5:43\"", false),
        "Location": header("The same request at the leader; of a node that came in, where it is shown.", "http://10.0.0.1:7400/api/v1/config/payments/db%2Furl?hop=1", true),
        "Retry-After": header("In how many seconds to try again.", "1", true),
        "WWW-Authenticate": header("How to authenticate.", "Bearer realm=\"confman\"", true),
        "Content-Disposition": header("A name for the file.", "attachment; filename=\"confman-5-57.backup\"", true),
        "Content-Encoding": header("Always compressed.", "gzip", false),
        "Content-Security-Policy": header("Nothing is loaded from elsewhere.", "default-src 'none'", true),
        "X-Content-Type-Options": header("The type is what is said.", "nosniff", true),
    })
}
