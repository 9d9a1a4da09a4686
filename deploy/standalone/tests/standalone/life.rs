//! One file's whole life over HTTP.

use crate::process::Standalone;
use serde_json::json;
use tempfile::tempdir;

const CLIP: &[u8] = include_bytes!("../../assets/sample.mp4");

#[test]
fn the_clip_is_listed_and_streams_exactly() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let listed = standalone.request("GET", "/files").send().data();
    let clip = &listed["files"][0];
    assert_eq!((&clip["user_id"], &clip["content_type"]), (&json!("user_demo"), &json!("video/mp4")));
    assert_eq!(clip["size"], CLIP.len());

    let path = format!("/files/{}/signed-url", clip["id"].as_str().unwrap());
    let signed = standalone.request("POST", &path).json(&json!({"expiresIn": 60})).send().data();
    let url = signed["url"].as_str().unwrap();
    let range = standalone.link(url).header("Range", "bytes=1000-2999").send();
    assert_eq!((range.status, range.body.as_slice()), (206, &CLIP[1000..3000]));
    assert_eq!(range.header("Content-Range"), Some(format!("bytes 1000-2999/{}", CLIP.len()).as_str()));
    assert_eq!(standalone.link(url).send().body, CLIP);
}

#[test]
fn an_upload_can_be_read_until_it_is_deleted() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let form = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a note.txt\"\r\n\
                 Content-Type: text/plain\r\n\r\nfour words of text\r\n--b--\r\n";
    let upload = standalone.request("POST", "/files/upload").body("multipart/form-data; boundary=b", form);
    let file = upload.header("Origin", &format!("http://localhost:{}", standalone.api.port())).send().data();
    assert_eq!(file["file"]["filename"], "a note.txt");
    let path = format!("/files/{}", file["file"]["id"].as_str().unwrap());

    let signed = standalone.request("POST", &format!("{path}/signed-url")).send().data();
    let url = signed["url"].as_str().unwrap();
    assert_eq!(standalone.link(url).send().body, b"four words of text");
    standalone.request("DELETE", &path).send().data();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while standalone.link(url).send().status != 404 {
        assert!(std::time::Instant::now() < deadline, "a deletion reaches the gateway within 2 s");
    }
    assert_eq!(standalone.request("GET", &path).send().status, 404);
}
