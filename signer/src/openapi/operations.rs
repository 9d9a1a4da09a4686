//! Every operation, on one page, in the order of `router`.

use super::{
    bodies::{Batch, Change, Content, DirectUpload, Event, Registration, ServiceBatch, Upload, Wish},
    operation::{Operation, integer, route, text},
    refusals::Step,
};
use crate::{
    admin::Standing,
    files::{Deleted, Link, Links, Listing, OneFile, Revoked, Uploaded, Usage},
    health::{KeysHealth, SystemHealth},
    uploads::Presigned,
    webhooks::Received,
};
use utoipa::openapi::{
    HttpMethod::{Delete, Get, Patch, Post, Put},
    Required::{False, True},
};

pub(super) fn all() -> impl Iterator<Item = Operation> {
    let tagged = |tag: &'static str, operations: Vec<Operation>| operations.into_iter().map(move |one| one.tagged(tag));
    tagged("files", files())
        .chain(tagged("links", links()))
        .chain(tagged("admin", admin()))
        .chain(tagged("internal", internal()))
        .chain(tagged("system", system()))
}

fn files() -> Vec<Operation> {
    vec![
        page(route((Get, "/files"), "listFiles", "The caller's files, newest first").by_user()),
        route((Post, "/files/upload"), "uploadFile", "Stores a file")
            .by_user()
            .through(&[Step::Rate, Step::Intake, Step::Digest])
            .once()
            .takes::<Upload>("multipart/form-data", True)
            .gives::<Uploaded>(),
        described(route((Put, "/files/raw/{name}"), "putFile", "Stores a plain body as a file").by_user())
            .through(&[Step::Rate, Step::Intake])
            .once()
            .takes::<Content>("application/octet-stream", False)
            .gives::<Uploaded>(),
        route((Post, "/uploads/presign"), "presignUpload", "A URL to put a file straight into the bucket")
            .by_user()
            .through(&[Step::Rate, Step::Presign])
            .json::<DirectUpload>(True)
            .gives::<Presigned>(),
        route((Post, "/uploads/{uploadId}/complete"), "completeUpload", "Makes a file of what was put into the bucket")
            .by_user()
            .through(&[Step::Completion])
            .gives::<Uploaded>(),
        route((Get, "/files/{fileId}"), "readFile", "What is known of a file")
            .by_user()
            .through(&[Step::File])
            .gives::<OneFile>(),
        route((Patch, "/files/{fileId}"), "changeFile", "Gives a file another name, or other metadata")
            .by_user()
            .through(&[Step::File])
            .json::<Change>(True)
            .gives::<OneFile>(),
        route((Delete, "/files/{fileId}"), "deleteFile", "Deletes a file: its URLs stop working everywhere")
            .by_user()
            .through(&[Step::File])
            .gives::<Deleted>(),
        route((Post, "/files/{fileId}/revoke-urls"), "revokeFileUrls", "Ends every URL that was issued for a file")
            .by_user()
            .through(&[Step::File])
            .gives::<Revoked>(),
        route((Get, "/usage"), "readUsage", "What the caller has stored, and what they may").by_user().gives::<Usage>(),
    ]
}

fn links() -> Vec<Operation> {
    vec![
        route((Post, "/files/{fileId}/signed-url"), "signUrl", "A URL that opens a file for a while")
            .by_user()
            .through(&[Step::Rate, Step::File])
            .json::<Wish>(False)
            .gives::<Link>(),
        route((Post, "/files/signed-urls"), "signUrls", "The same for up to 100 files; costs as many calls")
            .by_user()
            .through(&[Step::Rate])
            .json::<Batch>(True)
            .gives::<Links>(),
        route((Post, "/videos/{jobId}/signed-url"), "signVideoUrl", "The same for the newest video of a job")
            .by_user()
            .through(&[Step::Rate, Step::File])
            .json::<Wish>(False)
            .gives::<Link>(),
    ]
}

fn admin() -> Vec<Operation> {
    vec![
        page(route((Get, "/admin/files"), "listFilesOf", "Any user's files").by_admin()).query(
            "user_id",
            True,
            text(1, 128).examples(["user_1"]),
            "Whose.",
        ),
        route((Delete, "/admin/files/{fileId}"), "deleteFileOf", "Deletes any user's file")
            .by_admin()
            .through(&[Step::File])
            .gives::<Deleted>(),
        route((Post, "/admin/users/{userId}/block"), "blockUser", "Refuses a user and their URLs from now on")
            .by_admin()
            .through(&[Step::Form])
            .gives::<Standing>(),
        route((Post, "/admin/users/{userId}/unblock"), "unblockUser", "Lets a user in again")
            .by_admin()
            .through(&[Step::Form])
            .gives::<Standing>(),
        route((Post, "/admin/users/{userId}/revoke-urls"), "revokeUserUrls", "Ends every URL of a user's files")
            .by_admin()
            .through(&[Step::Form])
            .gives::<Revoked>(),
    ]
}

fn internal() -> Vec<Operation> {
    vec![
        route((Post, "/internal/files"), "registerFile", "Makes an object that is in storage a user's file")
            .by_service()
            .through(&[Step::Welcome, Step::Object])
            .once()
            .json::<Registration>(True)
            .gives::<OneFile>(),
        route((Post, "/internal/signed-urls"), "signUrlsOf", "URLs to up to 100 files of one user")
            .by_service()
            .through(&[Step::Welcome])
            .json::<ServiceBatch>(True)
            .gives::<Links>(),
    ]
}

fn system() -> Vec<Operation> {
    let signed = |operation: Operation| {
        ["svix-id", "svix-timestamp", "svix-signature"].into_iter().fold(operation, |operation, name| {
            operation.header(name, True, text(1, 4096), "As Svix signs its messages.")
        })
    };
    vec![
        route((Get, "/auth/health"), "authHealth", "Whether tokens can be verified")
            .through(&[Step::Keys])
            .gives::<KeysHealth>(),
        route((Get, "/system/health"), "systemHealth", "Whether catalog and storage can be reached")
            .through(&[Step::Catalog, Step::Storage])
            .gives::<SystemHealth>(),
        route((Get, "/openapi.json"), "openapi", "This document").bounded(),
        signed(route((Post, "/webhooks/clerk"), "hearOfUsers", "What Clerk tells of its users"))
            .through(&[Step::Webhook, Step::Catalog])
            .takes::<Event>("application/json", True)
            .gives::<Received>(),
    ]
}

/// What stands around a plain body. Parameters of other names become metadata.
fn described(operation: Operation) -> Operation {
    let checksum = |operation: Operation, name, form| {
        let about = "Of the file, by sha-256 or sha-512: what arrives otherwise is refused.";
        operation.header(name, False, text(0, 4096).examples([form]), about)
    };
    let operation = operation.query("job_id", False, text(1, 128), "The job that the file belongs to.").query(
        "expires_at",
        False,
        text(1, 40).examples(["2100-01-31T12:00:00Z"]),
        "The file is gone from then on.",
    );
    let sha256 = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let operation = checksum(operation, "Content-Digest", sha256);
    let operation = checksum(operation, "Repr-Digest", sha256);
    checksum(operation, "Digest", "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").through(&[Step::Digest])
}

fn page(operation: Operation) -> Operation {
    operation
        .query("limit", False, integer(1, 100), "Files of a page; 20 if not given.")
        .query("cursor", False, text(1, 1024), "The `next_cursor` of an earlier answer.")
        .query("content_type", False, text(1, 255), "How the media type begins: `video/`.")
        .query("job_id", False, text(1, 128), "Of this job only.")
        .gives::<Listing>()
}
