//! The life of one request, step by step: head, route, permit, signature, catalog, plan, storage.

use crate::{
    Gateway,
    body::{Body, Piece},
    catalog::{Admitted, Watch},
    clock::Now,
    cors,
    in_flight::Place,
    lines::Lines,
    observe::Exchange,
    reject::Reject,
    request::{Field, Head},
    request_id::{RequestId, X_REQUEST_ID},
    response::{Answer, Plan, Question},
    store::{Opened, Reader},
};
use http::{Method, StatusCode, Version, header, uri::Authority};
use proto::signed_url::{Grant, secure_path, verify};

/// Answers a request, whatever becomes of it.
pub(crate) async fn handle(gateway: &Gateway, head: &Head, has_body: bool) -> Answer {
    let id = gateway.shared.request_ids.of(head);
    let call = Call { gateway, head, has_body, id, now: Now::read() };
    let trace = gateway.shared.traces.begin(head.trace());
    let mut exchange = gateway.shared.metrics.begin(&head.method, call.id.clone(), trace, call.now.instant);
    let outcome = match call.steps(&mut exchange).await {
        Ok(outcome) => outcome,
        Err(reject) => call.refused(&reject, &mut exchange),
    };
    call.answer(outcome, exchange)
}

/// One request on its way.
struct Call<'a> {
    gateway: &'a Gateway,
    head: &'a Head,
    has_body: bool,
    id: RequestId,
    now: Now,
}

/// What a request is for.
enum Route<'a> {
    File { path: &'a str, query: &'a str },
    Preflight,
}

impl Call<'_> {
    async fn steps(&self, exchange: &mut Exchange) -> Result<Outcome, Reject> {
        self.refuse_unclear_head()?;
        let Route::File { path, query } = self.route(exchange)? else { return Ok(Outcome::preflight()) };
        self.refuse_body()?;
        exchange.hold(self.place()?);
        let grant = self.verify(path, query)?;
        let admitted = self.gateway.shared.catalog.admit(grant, self.now).await?;
        let plan = self.plan(&admitted)?;
        self.open(admitted, plan, exchange).await
    }

    /// RFC 9112 section 3.2: exactly one usable Host, which the parser leaves to us. In HTTP/2 `:authority` takes its
    /// place; beside it a Host says the same or nothing (RFC 9113 section 8.3.1).
    fn refuse_unclear_head(&self) -> Result<(), Reject> {
        let mut hosts = self.head.all(Field::Host);
        let authority = self.head.authority.as_ref().map(|authority| authority.as_bytes());
        let is_clear = match (hosts.next(), hosts.next(), authority) {
            (None, _, None) => self.head.version == Version::HTTP_10,
            (None, _, Some(authority)) => is_host(authority),
            (Some(host), None, authority) => is_host(host) && authority.is_none_or(|authority| authority == host),
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

    fn route(&self, exchange: &mut Exchange) -> Result<Route<'_>, Reject> {
        let Head { method, .. } = self.head;
        let is_options = *method == Method::OPTIONS;
        let path = secure_path(self.head.path());
        if path.is_some() {
            exchange.is_for_file();
        }
        match path {
            Some(_) if is_options => Ok(Route::Preflight),
            None if is_options && self.head.path() == "*" => Ok(Route::Preflight),
            None => Err(Reject::UnknownRoute),
            Some(path) if *method == Method::GET || *method == Method::HEAD => {
                Ok(Route::File { path, query: self.head.query() })
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
        let (head, now) = (self.head, self.now.unix_seconds);
        Plan::decide(&Question { head, grant: admitted.grant(), file: admitted.described(), now })
    }

    /// Storage is not asked for an answer that has nothing of it.
    async fn open(&self, admitted: Admitted, plan: Plan, exchange: &Exchange) -> Result<Outcome, Reject> {
        let first = plan.pieces.iter().find_map(|piece| match piece {
            Piece::Range(range) => Some(range.clone()),
            Piece::Text(_) => None,
        });
        let source = match plan.lines.status() {
            StatusCode::NOT_MODIFIED => None,
            _ => {
                let trace = exchange.trace().cloned();
                Some(self.gateway.shared.store.open_admitted(&admitted, first, trace, self.now.instant).await?)
            }
        };
        let Plan { lines, length, pieces } = plan;
        let watch = Some(admitted.into_watch());
        Ok(Outcome { lines, length: Some(length), pieces, source, watch, closes: false })
    }

    fn refused(&self, reject: &Reject, exchange: &mut Exchange) -> Outcome {
        exchange.refused(reject);
        let body = reject.body(self.id.as_str(), self.now.unix_seconds);
        let length = Some(body.len() as u64);
        let is_sent = self.head.method != Method::HEAD;
        let pieces = if is_sent { vec![Piece::Text(body.into())] } else { Vec::new() };
        let closes = self.has_body || matches!(reject, Reject::Framing(_));
        Outcome { lines: reject.lines(), length, pieces, source: None, watch: None, closes }
    }

    /// With what every answer carries.
    fn answer(&self, outcome: Outcome, exchange: Exchange) -> Answer {
        let Outcome { mut lines, length, pieces, source, watch, closes } = outcome;
        self.gateway.shared.config.allowed_origins.mark(self.head, &mut lines);
        lines.push_parts(&X_REQUEST_ID, &[self.id.as_str().as_bytes()]);
        let body = Body::new(lines.status(), pieces, source, watch, exchange);
        Answer { lines, length, closes, body, date: self.now.unix_seconds }
    }
}

/// What became of a request: an answer but for what every answer carries.
struct Outcome {
    lines: Lines,
    length: Option<u64>,
    pieces: Vec<Piece>,
    source: Option<(Opened, Option<Reader>)>,
    watch: Option<Watch>,
    closes: bool,
}

impl Outcome {
    fn preflight() -> Self {
        let mut lines = Lines::new(StatusCode::NO_CONTENT);
        cors::preflight().iter().for_each(|(name, value)| lines.push(name, value));
        lines.push(&header::ALLOW, &cors::ALLOW);
        Self { lines, length: None, pieces: Vec::new(), source: None, watch: None, closes: false }
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
