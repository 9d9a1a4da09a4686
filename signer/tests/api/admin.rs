//! What an admin may do, and that it is written down.

use crate::harness::{Call, Server, token};
use serde_json::json;

fn admin(call: Call) -> Call {
    call.bearer(&token("user_admin").claim("role", json!("admin")).signed())
}

#[tokio::test]
async fn only_the_role_admin_may() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let file = format!("/api/admin/files/{}", file["id"].as_str().unwrap());
    for (method, path) in [
        ("GET", "/api/admin/files?user_id=user_1"),
        ("GET", "/api/v1/admin/files"),
        ("DELETE", file.as_str()),
        ("POST", "/api/admin/users/user_1/block"),
        ("POST", "/api/admin/users/user_1/unblock"),
        ("POST", "/api/admin/users/user_1/revoke-urls"),
    ] {
        server.call(method, path).send().await.refuses(401, "Unauthorized", "token_missing");
        for role in [json!(null), json!("Admin"), json!("admin "), json!(["admin"]), json!({"admin": true})] {
            let call = server.call(method, path).bearer(&token("user_2").claim("role", role.clone()).signed());
            call.send().await.refuses(403, "Forbidden", "forbidden");
        }
        let permitted = token("user_2").claim("permissions", json!(["admin"])).signed();
        server.call(method, path).bearer(&permitted).send().await.refuses(403, "Forbidden", "forbidden");
    }
    assert_eq!(server.audit().await, [""; 0]);
    assert_eq!(server.objects().await.len(), 1);
    let nested = token("user_2").claim("metadata", json!({"role": "admin"})).signed();
    assert_eq!(server.get("/api/admin/files?user_id=user_1").bearer(&nested).send().await.status, 200);
}

#[tokio::test]
async fn anybodys_files_are_listed_a_page_at_a_time() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.stored("user_1", name, b"x").await;
    }
    server.stored("user_2", "other", b"x").await;
    let page = admin(server.get("/api/admin/files?user_id=user_1&limit=2")).send().await.json();
    let names = |page: &serde_json::Value| -> Vec<String> {
        let files = page["data"]["files"].as_array().unwrap();
        files.iter().map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page), ["c", "b"]);
    let cursor = page["data"]["next_cursor"].as_str().unwrap();
    let rest = admin(server.get(&format!("/api/admin/files?user_id=user_1&cursor={cursor}"))).send().await.json();
    assert_eq!((names(&rest), &rest["data"]["next_cursor"]), (vec!["a".into()], &json!(null)));
    assert_eq!(server.audit().await, ["user_admin list_files user_1"; 2]);
    for query in ["", "?user_id=", "?user_id=a%3Ab", "?user_id=a&user_id=b"] {
        admin(server.get(&format!("/api/admin/files{query}"))).send().await.names("user_id");
    }
}

#[tokio::test]
async fn a_blocked_user_is_out_at_once_until_let_in_again() {
    let server = Server::start().await;
    server.stored("user_1", "a", b"x").await;
    let put = async |what: &str| admin(server.post(&format!("/api/admin/users/user_1/{what}"))).send().await;
    let status = async || server.get("/api/files").by("user_1").send().await.status;
    assert_eq!(put("block").await.json()["data"], json!({"user_id": "user_1", "blocked": true}));
    server.get("/api/files").by("user_1").send().await.refuses(403, "User blocked", "user_blocked");
    assert_eq!(put("unblock").await.json()["data"], json!({"user_id": "user_1", "blocked": false}));
    assert_eq!(status().await, 200);
    server.sql("INSERT INTO users (id, banned_at) VALUES ('user_3', 1)").await;
    admin(server.post("/api/admin/users/user_3/unblock")).send().await;
    assert_eq!(server.get("/api/files").by("user_3").send().await.status, 403, "a ban is not an admin's to lift");
    assert_eq!(
        server.audit().await,
        ["user_admin block_user user_1", "user_admin unblock_user user_1", "user_admin unblock_user user_3"]
    );
    admin(server.post("/api/admin/users/a:b/block")).send().await.names("userId");
}

#[tokio::test]
async fn a_file_is_deleted_whoever_owns_it() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let id = file["id"].as_str().unwrap();
    let delete = async || admin(server.delete(&format!("/api/admin/files/{id}"))).send().await;
    assert_eq!(delete().await.json()["data"], json!({"id": id}));
    server.get(&format!("/api/files/{id}")).by("user_1").send().await.refuses(404, "File not found", "not_found");
    assert_eq!(server.objects().await, [""; 0]);
    delete().await.refuses(404, "File not found", "not_found");
    assert_eq!(server.audit().await, [format!("user_admin delete_file {id}")], "what was not done is not written down");
}

#[tokio::test]
async fn a_users_urls_are_revoked() {
    let server = Server::start().await;
    let answer = admin(server.post("/api/admin/users/user_1/revoke-urls")).send().await;
    assert!(answer.json()["data"]["revoked_before"].as_str().unwrap().ends_with(".000Z"));
    let file = server.stored("user_1", "a", b"x").await;
    let link =
        server.post(&format!("/api/files/{}/signed-url", file["id"].as_str().unwrap())).by("user_1").send().await;
    assert!(link.json()["data"]["url"].as_str().unwrap().contains("v=2"));
    assert_eq!(server.audit().await, ["user_admin revoke_user_urls user_1"]);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let server = Server::start().await;
    server.sql("ALTER TABLE audit RENAME TO elsewhere").await;
    let answer = admin(server.post("/api/admin/users/user_1/block")).send().await;
    answer.refuses(503, "Service unavailable", "catalog_unavailable");
    assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200);
}
