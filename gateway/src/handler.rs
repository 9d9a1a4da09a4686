//! The life of one request, step by step: head, route, permit, signature, catalog, plan, storage.

use crate::{
    Gateway,
    body::{Body, Carry, Piece},
    catalog::Admitted,
    clock::Now,
    cors,
    in_flight::Place,
    observe::Exchange,
    reject::Reject,
    request_id::X_REQUEST_ID,
    response::{Plan, Question},
    store::{Opened, Reader},
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request, uri::Authority};
use http_body::Body as _;
use proto::signed_url::{Grant, secure_path, verify};

/// Answers a request, whatever becomes of it.
pub(crate) async fn handle<C: Carry>(
    gateway: &Gateway,
    request: Request<hyper::body::Incoming>,
    carrier: C,
) -> Response<Body<C>> {
    let (head, body) = request.into_parts();
    let id = gateway.shared.request_ids.of(&head.headers);
    let call = Call { gateway, id, has_body: !body.is_end_stream(), head, now: Now::read() };
    let mut exchange = gateway.shared.metrics.begin(&call.head.method, call.id.clone(), call.now.instant);
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
    now: Now,
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
        exchange.hold(self.place()?);
        let grant = self.verify(path, query)?;
        let admitted = self.gateway.shared.catalog.admit(grant, self.now).await?;
        let plan = self.plan(&admitted)?;
        self.open(&admitted, plan).await
    }

    /// RFC 9112 section 3.2: exactly one usable Host, which the parser leaves to us. In HTTP/2 `:authority` takes its
    /// place; beside it a Host says the same or nothing (RFC 9113 section 8.3.1).
    fn refuse_unclear_head(&self) -> Result<(), Reject> {
        let mut hosts = self.head.headers.get_all(header::HOST).iter();
        let authority = self.head.uri.authority().filter(|_| self.head.version == Version::HTTP_2);
        let is_clear = match (hosts.next(), hosts.next(), authority) {
            (None, _, None) => self.head.version == Version::HTTP_10,
            (None, _, Some(authority)) => is_host(authority.as_str().as_bytes()),
            (Some(host), None, authority) => {
                is_host(host.as_bytes()) && authority.is_none_or(|authority| authority.as_str().as_bytes() == host)
            }
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
    fn place(&self) -> Result<Place, Reject> {
        let shared = &self.gateway.shared;
        shared.in_flight.enter().ok_or_else(|| {
            shared.room.make_for_an_answer();
            Reject::Overloaded
        })
    }

    fn verify(&self, path: &str, query: &str) -> Result<Grant, Reject> {
        let shared = &self.gateway.shared;
        Ok(verify(path, query, &shared.keys.load(), self.now.unix_seconds, shared.config.max_url_seconds)?)
    }

    fn plan(&self, admitted: &Admitted) -> Result<Plan, Reject> {
        let (method, headers, now) = (&self.head.method, &self.head.headers, self.now.unix_seconds);
        Plan::decide(&Question { method, headers, grant: admitted.grant(), file: admitted.described(), now })
    }

    async fn open(&self, admitted: &Admitted, plan: Plan) -> Result<Answer, Reject> {
        let first = plan.pieces.iter().find_map(|piece| match piece {
            Piece::Range(range) => Some(range.clone()),
            Piece::Text(_) => None,
        });
        let source = match plan.announced {
            None => Some(self.gateway.shared.store.open_admitted(admitted, first, self.now.instant).await?),
            Some(_) => None,
        };
        let announced = plan.announced.unwrap_or(0);
        Ok(Answer { status: plan.status, headers: plan.headers, pieces: plan.pieces, source, announced })
    }

    fn refused(&self, reject: &Reject, exchange: &Exchange) -> Answer {
        exchange.refused(reject);
        let body = reject.body(self.id.to_str().unwrap_or_default(), self.now.unix_seconds);
        let mut headers = HeaderMap::new();
        reject.headers(&mut headers);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        // HTTP/2 has no such header: there the stream alone is over (RFC 9113 section 8.2.2).
        if (self.has_body || matches!(reject, Reject::Framing(_))) && self.head.version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let is_sent = self.head.method != Method::HEAD;
        let pieces = if is_sent { vec![Piece::Text(body.into())] } else { Vec::new() };
        Answer { status: reject.status(), headers, pieces, source: None, announced: 0 }
    }

    /// What every answer carries.
    fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.id.clone());
        self.gateway.shared.config.allowed_origins.mark(&self.head.headers, headers);
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

/// What a Host may hold. Most are a name and a port, and need no parser.
fn is_host(host: &[u8]) -> bool {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let (name, port) = match host.iter().position(|b| *b == b':') {
        Some(colon) => (&host[..colon], &host[colon + 1..]),
        None => (host, [].as_slice()),
    };
    let is_name_and_port = !name.is_empty() && name.iter().all(is_plain) && port.iter().all(u8::is_ascii_digit);
    host.is_empty() || is_name_and_port || Authority::try_from(host).is_ok()
}
