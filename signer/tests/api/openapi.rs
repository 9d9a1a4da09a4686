//! The document that describes the API, against the API.

use crate::harness::{Server, token};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const ROUTER: &str = include_str!("../../src/router.rs");
/// What operators ask, in plain text: no part of the API.
const FOR_OPERATORS: [&str; 4] = ["/healthz", "/readyz", "/rotation", "/metrics"];

async fn document(server: &Server) -> Value {
    let answer = server.get("/api/openapi.json").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text());
    answer.json()
}

/// The methods of every path, in capitals.
fn operations(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &Value| path.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[tokio::test]
async fn anyone_may_read_it_under_both_prefixes() {
    let server = Server::start().await;
    let (one, other) = (server.get("/api/openapi.json").send().await, server.get("/api/v1/openapi.json").send().await);
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(one.body, other.body);
    assert!(one.json()["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[tokio::test]
async fn it_holds_every_path_of_the_router_and_no_other() {
    let routed = ROUTER.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let routed: BTreeSet<_> = routed.filter(|path| !FOR_OPERATORS.contains(path)).map(ToOwned::to_owned).collect();
    let described: BTreeSet<_> = operations(&document(&Server::start().await).await).into_keys().collect();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn it_holds_every_method_of_every_path_and_no_other() {
    let server = Server::start().await;
    for (path, methods) in operations(&document(&server).await) {
        let asked = path.replace(['{', '}'], "");
        let call = match path.starts_with("/internal/") {
            true => server.ask(&asked).bearer("x"),
            false => server.call("TRACE", &format!("/api{asked}")),
        };
        let answer = call.send().await;
        answer.refuses(405, "Method not allowed", "method_not_allowed");
        let mut allowed: BTreeSet<_> = answer.header("allow").split(',').map(ToOwned::to_owned).collect();
        // What can be got can be asked for its head.
        if allowed.contains("GET") {
            allowed.remove("HEAD");
        }
        assert_eq!(methods, allowed, "{path}");
    }
}

#[tokio::test]
async fn what_takes_no_token_is_what_says_so() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (path, methods) in operations(&document) {
        for method in methods.iter().filter(|_| !path.starts_with("/internal/")) {
            let operation = &document["paths"][&path][method.to_lowercase()];
            let asked = format!("/api{}", path.replace(['{', '}'], ""));
            let answer = server.call(method.clone().leak(), &asked).header("tus-resumable", "1.0.0").send().await;
            assert_eq!(answer.status == 401, operation["security"].is_array(), "{method} {path}");
            assert!(operation["responses"][answer.status.to_string()].is_object(), "{method} {path} {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_limited_answer_has_the_headers_that_are_declared() {
    let server = Server::start().await;
    let document = document(&server).await;
    let file = server.stored("user_1", "a", b"x").await;
    let path = format!("/api/files/{}/signed-url", file["id"].as_str().unwrap());
    let answer = server.post(&path).bearer(&token("user_1").signed()).send().await;
    let declared = &document["paths"]["/files/{fileId}/signed-url"]["post"]["responses"]["200"]["headers"];
    let declared = declared.as_object().unwrap();
    assert!(declared.contains_key("X-RateLimit-Reset") && declared.contains_key("RateLimit"));
    for name in declared.keys() {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
}
