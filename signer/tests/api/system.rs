//! Health for clients, health and metrics for operators.

use crate::harness::{Server, eventually, token};
use serde_json::json;

#[tokio::test]
async fn a_well_signer_says_so_everywhere() {
    let server = Server::start().await;
    let auth = server.get("/api/auth/health").send().await;
    assert_eq!((auth.status, &auth.json()["data"]["keys_loaded"]), (200, &json!(true)));
    let system = server.get("/api/v1/system/health").send().await;
    assert_eq!(
        (system.status, system.json()),
        (200, json!({"success": true, "data": {"status": "ok", "catalog": true, "storage": true}}))
    );
    assert_eq!(server.ask("/healthz").send().await.status, 200);
    assert_eq!(server.ask("/readyz").send().await.status, 200);
}

#[tokio::test]
async fn a_signer_without_its_storage_is_not_ready_but_alive() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    std::fs::remove_dir_all(server.root()).unwrap();
    let system = server.get("/api/system/health").send().await;
    system.refuses(503, "Service unavailable", "storage_unavailable");
    assert_eq!(system.header("retry-after"), "5");
    assert_eq!(system.json()["success"], false);
    assert_eq!(system.json()["data"], json!({"status": "unavailable", "catalog": true, "storage": false}));
    assert_eq!(server.ask("/readyz").send().await.status, 503);
    assert_eq!(server.ask("/rotation").send().await.status, 503, "it has never been ready");
    assert_eq!(server.ask("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn a_signer_that_was_ready_stays_in_the_rotation_without_its_storage() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    assert_eq!(server.ask("/rotation").send().await.status, 200);
    std::fs::remove_dir_all(server.root()).unwrap();
    eventually("what was found a moment ago is looked at again", async || {
        server.ask("/readyz").send().await.status == 503
    })
    .await;
    assert_eq!(server.ask("/rotation").send().await.status, 200);
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_id() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"hello").await;
    let id = file["id"].as_str().unwrap();
    server.get(&format!("/api/files/{id}")).by("user_1").send().await;
    server.get("/api/files").bearer("secret-token").send().await;
    server.get(&format!("/somewhere/{id}?signature=abc")).send().await;
    server.call("PROPFIND", "/api/files").send().await;
    server.put("user_1", "a?job_id=", b"x").send().await.names("job_id");
    let text = server.ask("/metrics").send().await.text();
    for line in [
        "signer_requests_total{method=\"POST\",route=\"/api/files/upload\",status=\"200\"} 1",
        "signer_requests_total{method=\"GET\",route=\"/api/files/{fileId}\",status=\"200\"} 1",
        "signer_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "signer_requests_total{method=\"other\",route=\"/api/files\",status=\"405\"} 1",
        "signer_uploads_total{result=\"stored\"} 1",
        "signer_received_bytes_total 5",
        "signer_uploads_begun_total{by=\"form\"} 1",
        "signer_uploads_begun_total{by=\"body\"} 1",
        "signer_uploads_in_flight 0",
        "signer_upload_failures_total{code=\"invalid_request\"} 1",
        "signer_refusals_total{code=\"token_invalid\"} 1",
        "signer_requests_in_flight 0",
        "signer_storage_findings{kind=\"missing\"} 0",
        "signer_tokens_total{code=\"ok\"} 3",
        "signer_tokens_total{code=\"token_invalid\"} 1",
        "signer_build_info{version=\"",
        "signer_process_resident_memory_bytes",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("signer_keys_fetched"), "the key is in the settings: its age is no alarm's affair");
    for secret in [id, "user_1", "secret-token", &token("user_1").signed()[..20], "abc"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
