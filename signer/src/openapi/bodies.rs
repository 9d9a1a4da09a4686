//! Bodies that are taken, as their readers take them (`files::wish`, `files::change`, `uploads`, `internal`). `null` counts
//! as absent, and fields of other names are ignored.
#![expect(
    dead_code,
    reason = "only their shapes are used: each field is read, and refused by name, where it is needed"
)]

use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Disposition {
    Inline,
    Attachment,
}

/// What is wished of a link, beside other fields, in the one way of writing names or the other.
macro_rules! wish {
    ($(#[$about:meta])* $name:ident in $case:literal { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(ToSchema)]
        #[schema(rename_all = $case)]
        pub(super) struct $name {
            $($(#[$of])* $field: $type,)*
            /// Seconds that the URL lasts; a tier may allow fewer.
            #[schema(minimum = 1, maximum = 604_800, default = 3600)]
            expires_in: Option<u64>,
            /// 2 if any of the fields below is given.
            #[schema(minimum = 1, maximum = 2)]
            version: Option<u64>,
            /// How a browser shows the file.
            disposition: Option<Disposition>,
            /// What it is saved as.
            #[schema(min_length = 1, max_length = 1024)]
            filename: Option<String>,
            /// In Unix seconds; not after the URL expires.
            #[schema(maximum = 999_999_999_999_999_u64)]
            not_before: Option<u64>,
        }
    };
}

wish! {
    /// A link as it is wished.
    Wish in "camelCase" {}
}

wish! {
    /// Links to several files.
    Batch in "camelCase" {
        #[schema(min_items = 1, max_items = 100)]
        file_ids: Vec<String>,
    }
}

wish! {
    /// Links to several files of one user.
    ServiceBatch in "snake_case" {
        #[schema(pattern = "^[A-Za-z0-9._@|-]{1,128}$")]
        user_id: String,
        #[schema(min_items = 1, max_items = 100)]
        file_ids: Vec<String>,
    }
}

/// At least one of the two.
#[derive(ToSchema)]
pub(super) struct Change {
    #[schema(min_length = 1, max_length = 1024)]
    filename: Option<String>,
    /// Takes the place of all that was: at most 64 texts of up to 8 KiB.
    metadata: Option<BTreeMap<String, String>>,
}

/// A file that is to be put straight into the bucket.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DirectUpload {
    #[schema(min_length = 1, max_length = 1024)]
    filename: String,
    /// In bytes: exactly so many can be put. A tier may allow fewer.
    #[schema(maximum = 5_368_709_120_u64, examples(5))]
    size: u64,
    /// By the file's name if not given.
    content_type: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    job_id: Option<String>,
    /// At most 64 texts of up to 8 KiB.
    metadata: Option<BTreeMap<String, String>>,
    /// RFC 3339, in the future: the file is gone from then on.
    #[schema(format = DateTime, examples("2100-01-31T12:00:00Z"))]
    expires_at: Option<String>,
    /// Seconds that the URL lasts.
    #[schema(minimum = 1, maximum = 86_400, default = 3600)]
    expires_in: Option<u64>,
}

/// An object in storage, and whose file it is.
#[derive(ToSchema)]
pub(super) struct Registration {
    #[schema(pattern = "^[A-Za-z0-9._@|-]{1,128}$", examples("user_1"))]
    user_id: String,
    /// Below `STORAGE_URL`, and not below `managed/`.
    #[schema(min_length = 1, max_length = 1024, examples("videos/17.mp4"))]
    path: String,
    /// The path's last segment if not given.
    #[schema(min_length = 1, max_length = 1024)]
    filename: Option<String>,
    /// By the file's name if not given.
    content_type: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    job_id: Option<String>,
    /// At most 64 texts of up to 8 KiB.
    metadata: Option<BTreeMap<String, String>>,
}

/// A form as browsers send it. Text parts of other names become metadata.
#[derive(ToSchema)]
pub(super) struct Upload {
    /// With a file name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    #[schema(min_length = 1, max_length = 128)]
    job_id: Option<String>,
    /// RFC 3339, in the future: the file is gone from then on.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// The file's bytes, whatever `Content-Type` says of them.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Content(Vec<u8>);

/// An event; those of other types than `user.*` are ignored.
#[derive(ToSchema)]
pub(super) struct Event {
    r#type: String,
    #[schema(value_type = Object)]
    data: serde_json::Value,
    /// Unix milliseconds.
    timestamp: Option<i64>,
}
