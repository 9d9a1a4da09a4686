//! One operation, put together by what it asks for and what it gives.

use super::refusals::{Step, allowance_headers, responses, text_header};
use utoipa::{
    ToSchema,
    openapi::{
        self, ContentBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        SecurityRequirement, ServerBuilder,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

/// The security schemes, by name.
pub(super) const BEARER: &str = "bearer";
pub(super) const COOKIE: &str = "session";
pub(super) const SERVICE: &str = "service";

/// What a client may do.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    /// Those that it names.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
    securities: &'static [&'static str],
    steps: Vec<Step>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answer: RefOr<Schema>,
}

/// A line of the page: method, path, id, what it does.
pub(super) fn route((method, path): (HttpMethod, &'static str), id: &'static str, summary: &'static str) -> Operation {
    let mut parameters = Vec::new();
    let mut steps = vec![Step::Boundary];
    for name in path.split(['{', '}']).skip(1).step_by(2) {
        let (pattern, about) = match name {
            "fileId" => ("^[A-Za-z0-9_-]{1,128}$", "A file's id."),
            "uploadId" => ("^[A-Za-z0-9_-]{1,128}$", "An upload's id."),
            "name" => (
                "^[^\\u0000]{1,255}$",
                "The file's name, percent-encoded UTF-8 of up to 1024 bytes: a label, never a path.",
            ),
            "userId" => ("^[A-Za-z0-9._@|-]{1,128}$", "A user's id."),
            _ => ("^[^\\u0000]{1,128}$", "A job's id."),
        };
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        let schema = if name == "jobId" { schema.examples(["job_1"]) } else { schema };
        parameters.push(parameter((ParameterIn::Path, name), Required::True, schema, about));
        steps.push(Step::Named);
    }
    let (tag, answer) = ("", ObjectBuilder::new().into());
    Operation {
        method,
        path,
        tag,
        id,
        summary,
        steps,
        parameters,
        answer,
        securities: &[],
        body: None,
        schemas: Vec::new(),
    }
}

impl Operation {
    /// In this group of them.
    pub(super) fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    /// Goes through these steps too.
    pub(super) fn through(mut self, steps: &[Step]) -> Self {
        self.steps.extend(steps);
        self
    }

    /// On the public listener, bounded by address; what changes something asks for its origin.
    pub(super) fn bounded(mut self) -> Self {
        self.steps.push(Step::Address);
        if self.method != HttpMethod::Get {
            self.steps.push(Step::Origin);
        }
        self
    }

    /// With a token of a user.
    pub(super) fn by_user(self) -> Self {
        let asked = self.bounded().through(&[Step::Caller]);
        Self { securities: &[BEARER, COOKIE], ..asked }
    }

    /// With a token of a user whose role is `admin`.
    pub(super) fn by_admin(self) -> Self {
        self.by_user().through(&[Step::Admin])
    }

    /// With a token of a service, on the internal listener.
    pub(super) fn by_service(self) -> Self {
        Self { securities: &[SERVICE], ..self.through(&[Step::Service]) }
    }

    /// Has this in its query.
    pub(super) fn query(mut self, name: &str, required: Required, schema: ObjectBuilder, about: &str) -> Self {
        self.parameters.push(parameter((ParameterIn::Query, name), required, schema, about));
        self.through(&[Step::Form])
    }

    /// Has this among its headers.
    pub(super) fn header(mut self, name: &str, required: Required, schema: ObjectBuilder, about: &str) -> Self {
        self.parameters.push(parameter((ParameterIn::Header, name), required, schema, about));
        self
    }

    /// With an idempotency key, if the client likes.
    pub(super) fn once(self) -> Self {
        let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
        let about = "A request that is repeated under the same key within a day is done once.";
        self.header("Idempotency-Key", Required::False, key, about).through(&[Step::Idempotency])
    }

    /// A JSON object of at most 64 KiB.
    pub(super) fn json<T: ToSchema>(self, required: Required) -> Self {
        self.takes::<T>("application/json", required).through(&[Step::Json])
    }

    /// A body of this media type.
    pub(super) fn takes<T: ToSchema>(mut self, media_type: &str, required: Required) -> Self {
        let content = ContentBuilder::new().schema(Some(self.named::<T>())).build();
        self.body = Some(RequestBodyBuilder::new().content(media_type, content).required(Some(required)).build());
        self.through(&[Step::Body])
    }

    /// `{"success": true, "data": ...}`.
    pub(super) fn gives<T: ToSchema>(mut self) -> Self {
        let success = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
        let answer = ObjectBuilder::new()
            .property("success", success)
            .property("data", self.named::<T>())
            .required("success")
            .required("data");
        Self { answer: answer.into(), ..self }
    }

    /// A type by its name, and what it is made of.
    fn named<T: ToSchema>(&mut self) -> Ref {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into(), T::schema()));
        Ref::from_schema_name(T::name())
    }

    /// As OpenAPI has it.
    pub(super) fn describe(&self) -> openapi::path::Operation {
        let mut operation = OperationBuilder::new()
            .tag(self.tag)
            .operation_id(Some(self.id))
            .summary(Some(self.summary))
            .parameters(Some(self.parameters.clone()))
            .request_body(self.body.clone());
        for scheme in self.securities {
            operation = operation.security(SecurityRequirement::new(*scheme, [""; 0]));
        }
        if self.path.starts_with("/internal/") {
            operation =
                operation.server(ServerBuilder::new().url("/").description(Some("The internal listener.")).build());
        }
        for (status, mut response) in std::iter::once((200, self.done())).chain(responses(&self.steps)) {
            if self.tells_allowance(status) {
                response.headers.extend(allowance_headers().map(|(name, header)| (name.to_owned(), header)));
            }
            operation = operation.response(status.to_string(), response);
        }
        operation.build()
    }

    fn done(&self) -> Response {
        let content = ContentBuilder::new().schema(Some(self.answer.clone())).build();
        let done = ResponseBuilder::new().description("Done.").content("application/json", content);
        done.header("X-Request-Id", text_header("Of this request, in the log too.")).build()
    }

    /// Whoever is refused for who they are was counted nowhere; whatever came of the others was.
    fn tells_allowance(&self, status: u16) -> bool {
        status == 429 || self.steps.contains(&Step::Rate) && !matches!(status, 401 | 403)
    }
}

fn parameter((within, name): (ParameterIn, &str), required: Required, schema: ObjectBuilder, about: &str) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(within).required(required);
    parameter.schema(Some(schema)).description(Some(about)).build()
}

/// A text of so many characters.
pub(super) fn text(min: usize, max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(min)).max_length(Some(max))
}

/// A whole number within these bounds.
pub(super) fn integer(min: u32, max: u32) -> ObjectBuilder {
    let number =
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)));
    number.minimum(Some(min)).maximum(Some(max))
}
