use super::*;

#[tokio::test]
async fn a_folder_has_no_urls_to_put_to() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    let asked = presign(&server, &json!({"filename": "a", "size": 1})).send().await;
    asked.refuses(409, "Conflict", "no_direct_uploads");
    assert!(asked.json()["message"].as_str().unwrap().contains("/files/upload"));
    let id = server.stored("user_1", "a", b"x").await["id"].as_str().unwrap().to_owned();
    let completed = server.post(&format!("/api/uploads/{id}/complete")).by("user_1").send().await;
    completed.refuses(409, "Conflict", "no_direct_uploads");
}

#[tokio::test]
async fn nobody_is_told_so_without_a_token() {
    let server = Server::start().await;
    for path in ["/api/uploads/presign", "/api/v1/uploads/a/complete"] {
        server.post(path).send().await.refuses(401, "Unauthorized", "token_missing");
    }
}
