//! What a client learns before it begins, and what every answer says.

use crate::harness::Server;

#[tokio::test]
async fn anyone_learns_what_can_be_done() {
    let server = Server::given(&[("MAX_UPLOAD_BYTES", "5MiB")]).await;
    for path in ["/api/files/tus", "/api/v1/files/tus", "/api/files/tus/any"] {
        let answer = server.call("OPTIONS", path).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        for (header, value) in [
            ("tus-resumable", "1.0.0"),
            ("tus-version", "1.0.0"),
            ("tus-extension", "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum"),
            ("tus-max-size", "5242880"),
            ("tus-checksum-algorithm", "sha1,sha256"),
        ] {
            assert_eq!(answer.header(header), value, "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_in_another_version_is_not_done() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    for version in [None, Some("0.2.2"), Some("2.0.0"), Some("")] {
        for (method, path) in
            [("POST", "/api/files/tus"), ("HEAD", &upload.path), ("PATCH", &upload.path), ("DELETE", &upload.path)]
        {
            let call = server.call(method, path).by("user_1").header("upload-length", "5").header("upload-offset", "0");
            let call = version.into_iter().fold(call, |call, version| call.header("tus-resumable", version));
            let answer = call.body("application/offset+octet-stream", "hello").send().await;
            assert_eq!((answer.status, answer.header("tus-version")), (412, "1.0.0"), "{method} {version:?}");
            assert_eq!(answer.header("tus-resumable"), "1.0.0");
        }
    }
    assert_eq!(upload.offset().await, 0);
    server.post("/api/files/tus").send().await.refuses(412, "Precondition failed", "tus_version");
}

#[tokio::test]
async fn every_answer_names_the_version_refusals_too() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    for (answer, status) in [
        (server.creation().send().await, 401),
        (server.creation().by("user_1").send().await, 400),
        (upload.append(3, "x").send().await, 409),
        (upload.look().send().await, 200),
        (upload.remove().send().await, 401),
        (upload.remove().by("user_1").send().await, 204),
        (upload.look().send().await, 404),
    ] {
        assert_eq!((answer.status, answer.header("tus-resumable")), (status, "1.0.0"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_can_send_and_read_all_of_it() {
    const APP: &str = "https://app.example";
    let server = Server::given(&[("ALLOWED_ORIGINS", APP)]).await;
    let upload = server.begun("user_1", 5).await;
    let preflight = server.call("OPTIONS", &upload.path).header("origin", APP);
    let preflight = preflight
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,content-type,tus-resumable,upload-offset")
        .send()
        .await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, APP));
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    let allowed = preflight.header("access-control-allow-headers").to_ascii_lowercase();
    for header in [
        "authorization",
        "content-type",
        "tus-resumable",
        "upload-offset",
        "upload-length",
        "upload-metadata",
        "upload-checksum",
    ] {
        assert!(allowed.contains(header), "{header}");
    }
    for call in [upload.append(0, "hello"), upload.look(), upload.append(9, "x")] {
        let answer = call.by("user_1").header("origin", APP).send().await;
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for header in [
            "location",
            "upload-offset",
            "upload-length",
            "upload-expires",
            "upload-file-id",
            "tus-resumable",
            "tus-version",
        ] {
            assert!(exposed.contains(header), "{header}");
        }
    }
    let foreign = upload.append(0, "x").by("user_1").header("origin", "https://evil.example").send().await;
    foreign.refuses(403, "CSRF protection: Invalid origin", "invalid_origin");
}
