//! The life of one request, step by step: head, route, permit, signature, catalog, plan, storage.

use crate::{
    Gateway,
    body::{Body, Carry, Piece},
    catalog::Admitted,
    clock, cors,
    observe::Exchange,
    reject::Reject,
    response::{Plan, Question},
    store::{Opened, Reader},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header, request, uri::Authority,
};
use http_body::Body as _;
use proto::signed_url::{Grant, secure_path, verify};
use tokio::sync::OwnedSemaphorePermit;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;

/// Answers a request, whatever becomes of it.
pub(crate) async fn handle<C: Carry>(
    gateway: &Gateway,
    request: Request<hyper::body::Incoming>,
    carrier: C,
) -> Response<Body<C>> {
    let (head, body) = request.into_parts();
    let call = Call { gateway, id: request_id(&head.headers), has_body: !body.is_end_stream(), head };
    let mut exchange = gateway.shared.metrics.begin(call.head.method.clone(), call.id.clone());
    let answer = match call.steps(&mut exchange).await {
        Ok(answer) => answer,
        Err(reject) => call.refused(&reject, &exchange),
    };
    let mut response = answer.into_response(exchange, carrier);
    call.mark(response.headers_mut());
    response
}

/// One request on its way.
struct Call<'a> {
    gateway: &'a Gateway,
    head: request::Parts,
    has_body: bool,
    id: HeaderValue,
}

/// What a request is for.
enum Route<'a> {
    File { path: &'a str, query: &'a str },
    Preflight,
}

impl Call<'_> {
    async fn steps(&self, exchange: &mut Exchange) -> Result<Answer, Reject> {
        self.refuse_unclear_head()?;
        let Route::File { path, query } = self.route()? else { return Ok(Answer::preflight()) };
        self.refuse_body()?;
        exchange.hold(self.permit()?);
        let now = clock::unix_seconds();
        let grant = self.verify(path, query, now)?;
        let admitted = self.gateway.shared.catalog.admit(grant).await?;
        let plan = self.plan(&admitted, now)?;
        self.open(&admitted, plan).await
    }

    /// RFC 9112 section 3.2: exactly one usable Host, which the parser leaves to us.
    fn refuse_unclear_head(&self) -> Result<(), Reject> {
        let mut hosts = self.head.headers.get_all(header::HOST).iter();
        let is_clear = match (hosts.next(), hosts.next()) {
            (None, _) => self.head.version == Version::HTTP_10,
            (Some(host), None) => host.is_empty() || Authority::try_from(host.as_bytes()).is_ok(),
            _ => false,
        };
        if !is_clear {
            return Err(Reject::Framing("A request needs exactly one valid Host header."));
        }
        if self.head.method == Method::CONNECT {
            return Err(Reject::Framing("This is no proxy; CONNECT is not served."));
        }
        Ok(())
    }

    fn route(&self) -> Result<Route<'_>, Reject> {
        let uri = &self.head.uri;
        let is_options = self.head.method == Method::OPTIONS;
        match secure_path(uri.path()) {
            Some(_) if is_options => Ok(Route::Preflight),
            None if is_options && uri.path() == "*" => Ok(Route::Preflight),
            None => Err(Reject::UnknownRoute),
            Some(path) if self.head.method == Method::GET || self.head.method == Method::HEAD => {
                Ok(Route::File { path, query: uri.query().unwrap_or_default() })
            }
            Some(_) => Err(Reject::Method),
        }
    }

    /// RFC 9110 section 9.3.1: content in a GET has no meaning; taking it would invite request smuggling.
    fn refuse_body(&self) -> Result<(), Reject> {
        if self.has_body { Err(Reject::Framing("A request for a file has no body.")) } else { Ok(()) }
    }

    /// Past the bound the answer is immediate; a stalled client's place is freed for the next try.
    fn permit(&self) -> Result<OwnedSemaphorePermit, Reject> {
        let shared = &self.gateway.shared;
        shared.in_flight.clone().try_acquire_owned().map_err(|_| {
            shared.room.make_for_an_answer();
            Reject::Overloaded
        })
    }

    fn verify(&self, path: &str, query: &str, now: u64) -> Result<Grant, Reject> {
        let shared = &self.gateway.shared;
        Ok(verify(path, query, &shared.keys.load(), now, shared.config.max_url_seconds)?)
    }

    fn plan(&self, admitted: &Admitted, now: u64) -> Result<Plan, Reject> {
        let (method, headers) = (&self.head.method, &self.head.headers);
        Plan::decide(&Question { method, headers, grant: admitted.grant(), file: admitted.file(), now })
    }

    async fn open(&self, admitted: &Admitted, plan: Plan) -> Result<Answer, Reject> {
        let first = plan.pieces.iter().find_map(|piece| match piece {
            Piece::Range(range) => Some(range.clone()),
            Piece::Text(_) => None,
        });
        let source = match plan.announced {
            None => Some(self.gateway.shared.store.open_admitted(admitted, first).await?),
            Some(_) => None,
        };
        let announced = plan.announced.unwrap_or(0);
        Ok(Answer { status: plan.status, headers: plan.headers, pieces: plan.pieces, source, announced })
    }

    fn refused(&self, reject: &Reject, exchange: &Exchange) -> Answer {
        exchange.refused(reject);
        let body = reject.body(self.id.to_str().unwrap_or_default(), clock::unix_seconds());
        let mut headers = HeaderMap::new();
        reject.headers(&mut headers);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if self.has_body {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let is_sent = self.head.method != Method::HEAD;
        let pieces = if is_sent { vec![Piece::Text(body.into())] } else { Vec::new() };
        Answer { status: reject.status(), headers, pieces, source: None, announced: 0 }
    }

    /// What every answer carries.
    fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.id.clone());
        self.gateway.shared.config.allowed_origins.mark(self.head.headers.get(header::ORIGIN), headers);
    }
}

/// All that an answer is made of but the exchange it belongs to.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pieces: Vec<Piece>,
    source: Option<(Opened, Option<Reader>)>,
    announced: u64,
}

impl Answer {
    fn preflight() -> Self {
        let mut headers = HeaderMap::from_iter(cors::preflight());
        headers.insert(header::ALLOW, cors::ALLOW);
        Self { status: StatusCode::NO_CONTENT, headers, pieces: Vec::new(), source: None, announced: 0 }
    }

    fn into_response<C: Carry>(self, exchange: Exchange, carrier: C) -> Response<Body<C>> {
        let body = Body::new(self.status, self.pieces, self.source, self.announced, carrier, exchange);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// The client's own id if it is a harmless one, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_harmless = |id: &&HeaderValue| {
        matches!(id.len(), 1..=MAX_REQUEST_ID)
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
    };
    let given = headers.get(X_REQUEST_ID).filter(is_harmless).cloned();
    given.unwrap_or_else(|| {
        let id = uuid::Uuid::now_v7().simple().to_string();
        HeaderValue::from_str(&id).expect("hexadecimal digits are a header value")
    })
}
