use std::collections::BTreeSet;

use super::testing::invalid;
use super::*;
use crate::http::consistency::OF_READS;
use crate::wire;

/// Every operation of a document, with its method and path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            all.push((method.to_ascii_uppercase(), path.clone(), operation));
        }
    }
    all
}

fn strings(values: &Value, member: &str) -> BTreeSet<String> {
    let values = values.as_array().expect("an array");
    values.iter().map(|value| value[member].as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_document_has_every_built_route_and_no_other() {
    let mut built = BTreeSet::new();
    for route in ROUTES.iter().filter(|route| matches!(route.serves, Serves::Handler { .. })) {
        built.insert((route.method.to_string(), route.path.to_owned()));
        if route.method == Method::GET {
            built.insert(("HEAD".to_owned(), route.path.to_owned()));
        }
    }
    let document = document();
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(documented, built);
    for operation in OPERATIONS {
        let place = (operation.method.to_string(), operation.path.to_owned());
        assert!(built.contains(&place), "{} is described and not built: {place:?}", operation.id);
    }
}

#[test]
fn roles_and_parameters_are_those_of_the_table() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let as_in_table = if method == "HEAD" { "GET" } else { &method };
        let route = ROUTES.iter().find(|route| route.method == as_in_table && route.path == path).expect("a route");
        let Serves::Handler { query, state, .. } = route.serves else { panic!("{path} is not built") };
        let role = match route.access {
            Access::Open => "none",
            Access::Role(role) => role_name(role),
        };
        assert_eq!(operation["x-confman-role"], role, "{method} {path}");
        assert_eq!(operation["security"].as_array().map(Vec::is_empty), Some(role == "none"), "{method} {path}");
        let parameters = operation["parameters"].as_array().expect("parameters");
        let named = |place: &str| -> BTreeSet<&str> {
            let there = parameters.iter().filter(|parameter| parameter["in"] == place);
            there.map(|parameter| parameter["name"].as_str().expect("a name")).collect()
        };
        let of_reads = if state && as_in_table == "GET" { OF_READS } else { &[] };
        assert_eq!(named("query"), query.iter().chain(of_reads).copied().collect(), "{method} {path}");
        let in_template = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(named("path"), in_template, "{method} {path}");
        let takes_a_body = method == "PUT" || method == "POST";
        assert_eq!(operation.get("requestBody").is_some(), takes_a_body, "{method} {path}");
    }
}

#[test]
fn it_is_valid_openapi_3_1() {
    // https://spec.openapis.org/oas/3.1/schema/2022-10-07, by the OpenAPI Initiative, under the Apache licence 2.0.
    let schema: Value = serde_json::from_str(include_str!("oas-3.1.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema of OpenAPI 3.1");
    let document = document();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!validator.is_valid(&json!({ "openapi": "3.1.0" })), "the validator can refuse");
    // What that schema leaves to the dialect: the schemas themselves, and that references lead somewhere.
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    let ids: Vec<String> =
        operations(&document).iter().map(|(_, _, it)| it["operationId"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an operationId is of one operation");
    let tags = strings(&document["tags"], "name");
    for (_, _, operation) in operations(&document) {
        assert!(
            operation["tags"].as_array().expect("tags").iter().all(|tag| tags.contains(tag.as_str().expect("a tag")))
        );
    }
}

/// Every operation says what may go wrong in any: a client generator must not have to guess.
#[test]
fn every_answer_is_whole() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        for status in ["400", "408", "431", "500", "503"] {
            assert!(responses.contains_key(status), "{method} {path} {status}");
        }
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| text.len() > 5), "{method} {path} {status}");
            for name in HEADERS_OF_ALL {
                assert!(response["headers"].get(name).is_some(), "{method} {path} {status} {name}");
            }
            let is_error = status.as_str() >= "307";
            if is_error && method != "HEAD" {
                let content = &response["content"][PROBLEM_CONTENT_TYPE];
                assert!(!content["examples"].as_object().expect("examples").is_empty(), "{method} {path} {status}");
            }
        }
    }
}

#[test]
fn examples_fit_their_schemas() {
    let document = document();
    let examples = document["components"]["examples"].as_object().expect("examples");
    for slug in Slug::ALL {
        assert!(examples.contains_key(slug.as_str()), "{slug} has no example");
    }
    for (name, example) in examples {
        let problem = example["value"].to_string();
        assert_eq!(invalid("/components/schemas/Problem", &problem), None, "{name}");
        let read: wire::Problem = serde_json::from_str(&problem).expect("a problem");
        assert_eq!(serde_json::to_value(&read).expect("JSON"), example["value"], "{name}");
    }
    let mut seen = 0;
    for name in document["components"]["schemas"].as_object().expect("schemas").keys() {
        if let Some(example) = examples::example(name) {
            let place = format!("/components/schemas/{name}");
            assert_eq!(invalid(&place, &example.to_string()), None, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 10);
}

/// The members of the shapes are those that serde reads and writes.
#[test]
fn examples_are_what_the_wire_types_read_and_write() {
    fn same<T: serde::de::DeserializeOwned + serde::Serialize>(schema: &str) {
        let example = examples::example(schema).unwrap_or_else(|| panic!("{schema} has an example"));
        let read: T = serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert_eq!(serde_json::to_value(&read).expect("JSON"), example, "{schema}");
    }
    same::<wire::Entry>("Entry");
    same::<wire::SetRequest>("SetRequest");
    same::<wire::TxnRequest>("TxnRequest");
    same::<wire::TxnOp>("TxnOp");
    same::<wire::Compare>("Compare");
    same::<wire::TxnAnswer>("TxnAnswer");
    same::<wire::TxnResult>("TxnResult");
    same::<wire::FailedCompare>("FailedCompare");
    same::<wire::EntryList>("EntryList");
    same::<wire::ListedEntry>("ListedEntry");
    same::<wire::HistoryItem>("HistoryItem");
    same::<wire::HistoryList>("HistoryList");
    same::<wire::DiffItem>("DiffItem");
    same::<wire::DiffList>("DiffList");
    same::<wire::RollbackRequest>("RollbackRequest");
    same::<wire::Namespace>("Namespace");
    same::<wire::SetNamespaceRequest>("SetNamespaceRequest");
    same::<wire::NamespaceList>("NamespaceList");
    same::<wire::AuditEvent>("AuditEvent");
    same::<wire::AuditList>("AuditList");
    same::<wire::AuditVerification>("AuditVerification");
    same::<wire::Cluster>("Cluster");
    same::<wire::ClusterGroup>("ClusterGroup");
    same::<wire::Member>("Member");
    same::<wire::MemberList>("MemberList");
    same::<wire::AddMemberRequest>("AddMemberRequest");
    same::<wire::ReplaceMemberRequest>("ReplaceMemberRequest");
    same::<wire::PromoteMemberRequest>("PromoteMemberRequest");
    same::<wire::MemberChanged>("MemberChanged");
    same::<wire::TransferRequest>("TransferRequest");
    same::<wire::Leader>("Leader");
    same::<wire::Health>("Health");
    same::<wire::Ready>("Ready");
}
