//! The operations of resumable uploads: what they take and tell is in headers, as TUS 1.0.0 has it.

use super::{
    bodies::Content,
    operation::{Operation, route, text},
    refusals::Step,
};
use utoipa::openapi::{
    HttpMethod::{Delete, Head, Options, Patch, Post},
    ObjectBuilder,
    Required::{False, True},
    schema::Type,
};

const DISCOVERED: &[(&str, &str)] = &[
    ("Tus-Version", "1.0.0"),
    ("Tus-Extension", "What is spoken beside the core."),
    ("Tus-Max-Size", "Bytes of the largest file that anybody may upload."),
    ("Tus-Checksum-Algorithm", "For `Upload-Checksum`."),
];
const STANDING: &[(&str, &str)] = &[
    ("Upload-Offset", "Bytes that are durable."),
    ("Upload-Expires", "When it is given up if nothing more comes."),
    ("Upload-File-Id", "Once it is complete: the id of the file."),
    ("Upload-Warning", "Once it is complete, what its uploader should know: a line each."),
    ("Upload-Length", "With HEAD, if it is known."),
    ("Upload-Defer-Length", "With HEAD, 1 if it is not."),
    ("Upload-Metadata", "With HEAD, as it was given."),
];
const BEGUN: &[(&str, &str)] = &[
    ("Location", "The upload's own URL. Whoever knows it may go on with the upload."),
    ("Upload-Offset", "Bytes that are durable."),
    ("Upload-Expires", "When it is given up if nothing more comes."),
    ("Upload-File-Id", "If it is complete already: the id of the file."),
];

pub(super) fn all() -> Vec<Operation> {
    const UPLOADS: &str = "/files/tus";
    const UPLOAD: &str = "/files/tus/{handle}";
    vec![
        route((Options, UPLOADS), "discoverUploads", "What can be done here").bounded().answers(204, DISCOVERED),
        whole(spoken(route((Post, UPLOADS), "beginUpload", "Begins an upload; its first bytes may come along")))
            .by_user()
            .through(&[Step::Rate, Step::Intake, Step::Share])
            .header("Upload-Metadata", False, text(0, 60_000), "Pairs of a key and a text in Base64, with commas.")
            .takes::<Content>("application/offset+octet-stream", False)
            .answers(201, BEGUN),
        route((Options, UPLOAD), "discoverUpload", "What can be done here").bounded().answers(204, DISCOVERED),
        spoken(route((Head, UPLOAD), "readUpload", "Where an upload stands"))
            .bounded()
            .through(&[Step::Presented, Step::Intake, Step::Share])
            .answers(200, STANDING),
        whole(spoken(route((Patch, UPLOAD), "appendToUpload", "Goes on with an upload")))
            .bounded()
            .through(&[Step::Presented, Step::Intake, Step::Share])
            .header("Upload-Offset", True, number(), "Where it stands.")
            .takes::<Content>("application/offset+octet-stream", True)
            .answers(204, STANDING),
        spoken(route((Delete, UPLOAD), "endUpload", "Ends an upload that is not complete"))
            .by_user()
            .through(&[Step::Presented, Step::Share])
            .answers(204, &[]),
        spoken(route((Post, UPLOAD), "overrideUpload", "Any of these, for clients that can only post"))
            .bounded()
            .through(&[Step::Presented, Step::Intake, Step::Share, Step::Body])
            .header("X-HTTP-Method-Override", True, text(1, 16).examples(["PATCH"]), "HEAD, PATCH or DELETE.")
            .answers(204, STANDING),
    ]
}

/// In the one version of the protocol.
fn spoken(operation: Operation) -> Operation {
    let version = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["1.0.0"]));
    operation.header("Tus-Resumable", True, version, "The version of TUS.").through(&[Step::Protocol])
}

/// What may be said of a whole upload, or of the bytes that come along.
fn whole(operation: Operation) -> Operation {
    let checksum = text(1, 100).examples(["sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00="]);
    operation
        .header("Upload-Length", False, number(), "Bytes of the whole; at the beginning, unless it is deferred.")
        .header("Upload-Defer-Length", False, text(1, 1).examples(["1"]), "1 if the length is said later.")
        .header("Upload-Checksum", False, checksum, "sha1 or sha256, and the sum of this body in Base64.")
}

fn number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0))
}
