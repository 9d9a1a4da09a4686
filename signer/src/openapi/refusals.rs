//! How a request is refused, step by step: what a route goes through says everything that it can answer.

use super::Refusal;
use crate::{error::Error, identity::Flaw, storage::Failure, webhooks};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{
    ToSchema,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, Response, ResponseBuilder,
        schema::{AllOfBuilder, Type},
    },
};

/// What a request goes through on its way to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything comes in there.
    Boundary,
    /// The bound on requests without an identity, by address.
    Address,
    /// Which pages may change something.
    Origin,
    Caller,
    Admin,
    Service,
    /// The rate of a user's calls.
    Rate,
    /// What a path names; some names are other routes' own.
    Named,
    /// A file that is there, and the caller's.
    File,
    /// Query, headers or fields that must be of their form.
    Form,
    Json,
    Body,
    Idempotency,
    /// The checksums that came with a file.
    Digest,
    /// A file on its way into storage.
    Intake,
    /// A URL into the bucket.
    Presign,
    /// What was put into the bucket, and becomes a file.
    Completion,
    /// An object that is in storage already.
    Object,
    /// The user for whom a service asks.
    Welcome,
    Webhook,
    Keys,
    Catalog,
    Storage,
}

impl Step {
    /// One error of each kind that it can end in; what one tells of its own stands for any.
    pub(super) fn refusals(self) -> Vec<Error> {
        let unavailable = || Error::Storage(Failure::Unavailable("".into()));
        let nonsense = || Error::Storage(Failure::Nonsense("".into()));
        let catalog = || Error::Catalog(sqlx::Error::PoolClosed);
        let invalid = || Error::invalid("", "");
        match self {
            Self::Boundary => vec![Error::Host(""), Error::Internal("".into())],
            Self::Address | Self::Rate => vec![Error::RateLimited { limit: 0, seconds: 0 }],
            Self::Origin => vec![Error::ForeignOrigin],
            Self::Caller => vec![
                Error::TokenMissing,
                Error::TokenExpired,
                Error::TokenInvalid(Flaw::Signature),
                Error::KeysUnavailable,
                Error::UserBlocked,
                catalog(),
            ],
            Self::Admin => vec![Error::Forbidden],
            Self::Service => vec![Error::TokenMissing, Error::TokenInvalid(Flaw::Signature)],
            Self::Named => vec![Error::RouteNotFound, Error::MethodNotAllowed],
            Self::File => vec![Error::FileNotFound],
            Self::Form => vec![invalid()],
            Self::Json => vec![invalid(), Error::MediaType { expected: "" }],
            Self::Body => vec![invalid(), Error::TooLarge { limit: 0 }, Error::Stalled],
            Self::Idempotency => vec![invalid(), Error::KeyUnderWay, Error::KeyReused],
            Self::Digest => vec![invalid(), Error::DigestMismatch],
            Self::Intake => vec![
                Error::MediaType { expected: "" },
                Error::OverQuota { limit: 0 },
                Error::Overloaded,
                Error::Storage(Failure::Full("".into())),
                nonsense(),
                unavailable(),
            ],
            Self::Presign => vec![Error::NoDirectUploads, Error::OverQuota { limit: 0 }, nonsense(), unavailable()],
            Self::Completion => vec![
                Error::NoDirectUploads,
                Error::UploadNotFound,
                Error::UploadExpired,
                Error::UploadHeld,
                Error::UploadIncomplete,
                Error::FileNotFound,
                nonsense(),
                unavailable(),
            ],
            Self::Object => vec![Error::ObjectNotFound, Error::PathTaken, nonsense(), unavailable()],
            Self::Welcome => vec![Error::UserBlocked, catalog()],
            Self::Webhook => {
                use webhooks::Refused as R;
                let messages = [R::Headers, R::Timestamp, R::Signature, R::Body];
                messages.map(Error::Webhook).into_iter().chain([Error::RouteNotFound]).collect()
            }
            Self::Keys => vec![Error::KeysUnavailable],
            Self::Catalog => vec![catalog()],
            Self::Storage => vec![unavailable()],
        }
    }
}

/// Texts that one status may come with.
#[derive(Default)]
struct Texts {
    errors: BTreeSet<&'static str>,
    codes: BTreeSet<&'static str>,
}

/// One response a status, whatever number of steps can end in it.
pub(super) fn responses(steps: &[Step]) -> Vec<(u16, Response)> {
    let mut by_status: BTreeMap<u16, Texts> = BTreeMap::new();
    for answer in steps.iter().flat_map(|step| step.refusals()).map(|error| error.answer()) {
        let texts = by_status.entry(answer.status.as_u16()).or_default();
        texts.errors.insert(answer.error);
        texts.codes.insert(answer.code);
    }
    by_status.into_iter().map(|(status, texts)| (status, response(status, &texts))).collect()
}

fn response(status: u16, texts: &Texts) -> Response {
    let one_of = |texts: &BTreeSet<&'static str>| {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(texts.iter().copied()))
    };
    let exact = ObjectBuilder::new().property("error", one_of(&texts.errors)).property("code", one_of(&texts.codes));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(Refusal::name())).item(exact);
    let errors: Vec<_> = texts.errors.iter().copied().collect();
    let response = ResponseBuilder::new()
        .description(errors.join("; "))
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .header("X-Request-Id", text_header("Of this request, in the log too."));
    match status {
        401 => response.header("WWW-Authenticate", text_header("`Bearer`.")),
        405 => response.header("Allow", text_header("The methods that this path takes.")),
        429 | 503 => response.header("Retry-After", number_header("In seconds.")),
        _ => response,
    }
    .build()
}

/// What every limited answer says of its caller's window.
pub(super) fn allowance_headers() -> [(&'static str, Header); 5] {
    [
        ("X-RateLimit-Limit", number_header("Calls in a window.")),
        ("X-RateLimit-Remaining", number_header("Calls that are left.")),
        ("X-RateLimit-Reset", number_header("When the window is empty, in Unix milliseconds.")),
        ("RateLimit-Policy", text_header("draft-ietf-httpapi-ratelimit-headers: `\"default\";q=100;w=3600`.")),
        ("RateLimit", text_header("draft-ietf-httpapi-ratelimit-headers: `\"default\";r=42;t=17`.")),
    ]
}

pub(super) fn text_header(about: &str) -> Header {
    HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::String)).description(Some(about)).build()
}

fn number_header(about: &str) -> Header {
    HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::Integer)).description(Some(about)).build()
}
