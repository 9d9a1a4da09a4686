//! What an upload's bytes say of themselves, whatever way they came.

use crate::harness::{Answer, Server, form};
use serde_json::{Value, json};

/// Ten seconds, 640 by 360; `moov` is at 32, 7,767 bytes long.
const CLIP: &[u8] = include_bytes!("../../../deploy/standalone/assets/sample.mp4");
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// The clip as a camera writes it: the index comes last.
fn camera_clip() -> Vec<u8> {
    let (head, (moov, media)) = (&CLIP[..32], CLIP[32..].split_at(7767));
    [head, media, moov].concat()
}

/// The answers to one file by a form and by a plain body.
async fn both(server: &Server, name: &str, media_type: &str, bytes: &[u8]) -> [Answer; 2] {
    let put = server.put("user_1", name, bytes).header("content-type", media_type);
    [server.upload("user_1", form().typed_file(name, media_type, bytes)).send().await, put.send().await]
}

fn data(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].clone()
}

#[tokio::test]
async fn what_bytes_contradict_is_kept_as_bytes() {
    let server = Server::start().await;
    for answer in both(&server, "a.mp4", "video/mp4", PNG).await {
        let data = data(&answer);
        assert_eq!(data["file"]["content_type"], "application/octet-stream");
        let warning = "The bytes are a PNG image, not video/mp4: the file is kept as application/octet-stream.";
        assert_eq!(data["warnings"], json!([warning]));
    }
    let by_name = data(&server.put("user_1", "a.png", b"<html><script>").send().await);
    assert_eq!(by_name["file"]["content_type"], "application/octet-stream");
}

#[tokio::test]
async fn what_bytes_do_not_contradict_is_kept_as_declared_without_a_warning() {
    let server = Server::start().await;
    for (media_type, bytes) in
        [("image/png", PNG), ("video/mp4", b"hello"), ("application/vnd.own", PNG), ("video/mp4", b"")]
    {
        for answer in both(&server, "a", media_type, bytes).await {
            let data = data(&answer);
            assert_eq!(data["file"]["content_type"], media_type);
            assert_eq!(data.as_object().unwrap().len(), 1, "{data}");
        }
    }
}

#[tokio::test]
async fn a_film_tells_how_long_and_how_large_it_is() {
    let server = Server::start().await;
    for answer in both(&server, "clip.mp4", "video/mp4", CLIP).await {
        let data = data(&answer);
        let expected = json!({
            "media_duration_seconds": "10.000", "media_width": "640", "media_height": "360",
            "media_bits_per_second": "225163", "media_moov_first": "true",
        });
        assert_eq!(data["file"]["metadata"], expected);
        assert!(data["warnings"].is_null(), "{data}");
        let id = data["file"]["id"].as_str().unwrap();
        let read = server.get(&format!("/api/files/{id}")).by("user_1").send().await;
        assert_eq!(read.json()["data"]["file"], data["file"]);
    }
}

#[tokio::test]
async fn a_film_whose_index_comes_last_is_kept_with_a_warning() {
    let server = Server::start().await;
    for answer in both(&server, "clip.mov", "video/quicktime", &camera_clip()).await {
        let data = data(&answer);
        let metadata = &data["file"]["metadata"];
        assert_eq!((&metadata["media_moov_first"], &metadata["media_width"]), (&json!("false"), &json!("640")));
        assert_eq!(data["file"]["content_type"], "video/quicktime");
        let [warning] = &data["warnings"].as_array().unwrap()[..] else { panic!("{data}") };
        assert!(warning.as_str().unwrap().contains("-movflags +faststart"), "{warning}");
    }
}

#[tokio::test]
async fn a_film_that_was_declared_as_nothing_is_looked_at_too() {
    let server = Server::start().await;
    let data = data(&server.put("user_1", "clip", CLIP).send().await);
    assert_eq!(data["file"]["content_type"], "application/octet-stream");
    assert_eq!(data["file"]["metadata"]["media_duration_seconds"], "10.000");
}

#[tokio::test]
async fn what_was_measured_takes_the_place_of_what_was_given() {
    let server = Server::start().await;
    let query = "clip.mp4?media_width=1&media_height=x&media_other=kept";
    let metadata = data(&server.put("user_1", query, CLIP).send().await)["file"]["metadata"].clone();
    assert_eq!((&metadata["media_width"], &metadata["media_height"]), (&json!("640"), &json!("360")));
    assert_eq!(metadata["media_other"], "kept");
}

#[tokio::test]
async fn metadata_stays_as_small_as_its_owner_may_make_it() {
    let server = Server::start().await;
    let query: String = (0..62).map(|index| format!("&given{index}=x")).collect();
    let file = data(&server.put("user_1", &format!("clip.mp4?{query}"), CLIP).send().await)["file"].clone();
    assert_eq!(file["metadata"].as_object().unwrap().len(), 64);
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    let sent_back = server.call("PATCH", &path).by("user_1").json(&json!({"metadata": file["metadata"]})).send().await;
    assert_eq!(sent_back.status, 200, "{}", sent_back.text());
}

#[tokio::test]
async fn a_repeated_upload_is_warned_of_again() {
    let server = Server::start().await;
    let put = || server.put("user_1", "clip.mp4", &camera_clip()).header("idempotency-key", "k").send();
    let first = data(&put().await);
    assert_eq!(first["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(data(&put().await), first);
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn a_film_that_lies_is_kept_as_it_is() {
    let server = Server::start().await;
    for at in [32..36, 40..44, 148..152, 36..40, 44..48] {
        for filling in [0, 0x7f, 0xff] {
            let mut clip = CLIP.to_vec();
            clip[at.clone()].fill(filling);
            let file = data(&server.put("user_1", "clip.mp4", &clip).send().await)["file"].clone();
            assert_eq!((&file["content_type"], &file["size"]), (&json!("video/mp4"), &json!(CLIP.len())), "{at:?}");
        }
    }
}
