//! Stands between us and the bucket, and lets befall each request what the test says.

use super::aws;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proto::storage::Aws;
use std::{
    io,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// One request, as S3 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Begin,
    Part,
    Complete,
    Abort,
    Multiparts,
    Put,
    Copy,
    Head,
    Other,
}

/// What befalls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bucket is not asked.
    Status(u16),
    /// The bucket is not asked; the answer begins well and says otherwise behind that.
    ErrorBehindSuccess,
    /// The bucket does as asked, and nobody hears of it.
    LostAnswer,
    /// The bucket is not asked, and nothing is answered.
    Silence,
}

type Plan = Box<dyn FnMut(Call) -> Option<Fault> + Send>;

/// A bucket behind which the one of the test run is.
#[derive(Clone)]
pub(super) struct Trouble {
    plan: Arc<Mutex<Plan>>,
    seen: Arc<Mutex<Vec<Call>>>,
    /// The `traceparent` of every request.
    traces: Arc<Mutex<Vec<Option<String>>>>,
    endpoint: String,
}

impl Trouble {
    /// In front of the bucket that the `AWS_*` variables lead to.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let trouble = Self {
            plan: Arc::new(Mutex::new(Box::new(|_| None))),
            seen: Arc::default(),
            traces: Arc::default(),
            endpoint,
        };
        let serving = trouble.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let trouble = serving.clone();
                let service = service_fn(move |request| trouble.clone().answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(client), service));
            }
        });
        trouble
    }

    /// The variables that lead here.
    pub(super) fn aws(&self) -> Aws {
        let others = aws().0.into_iter().filter(|(name, _)| !name.starts_with("AWS_ENDPOINT"));
        Aws(others.chain([("AWS_ENDPOINT".to_owned(), self.endpoint.clone())]).collect())
    }

    /// The next so many of these calls.
    pub(super) fn next(&self, mut count: usize, call: Call, fault: Fault) {
        self.plan(move |asked| {
            if asked != call {
                return None;
            }
            count = count.checked_sub(1)?;
            Some(fault)
        });
    }

    /// Every one of these calls.
    pub(super) fn always(&self, calls: &'static [Call], fault: Fault) {
        self.plan(move |asked| calls.contains(&asked).then_some(fault));
    }

    pub(super) fn recover(&self) {
        self.plan(|_| None);
    }

    /// How often this was asked for.
    pub(super) fn count(&self, call: Call) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| **seen == call).count()
    }

    /// The requests so far, by whose trace they were for.
    pub(super) fn traces(&self) -> Vec<Option<String>> {
        self.traces.lock().unwrap().clone()
    }

    fn plan(&self, plan: impl FnMut(Call) -> Option<Fault> + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    async fn answer(self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let call = call_of(&request);
        self.seen.lock().unwrap().push(call);
        let trace = request.headers().get("traceparent").map(|trace| trace.to_str().unwrap().to_owned());
        self.traces.lock().unwrap().push(trace);
        let fault = (self.plan.lock().unwrap())(call);
        match fault {
            Some(Fault::Status(status)) => Ok(says(StatusCode::from_u16(status).unwrap(), "SlowDown")),
            Some(Fault::ErrorBehindSuccess) => Ok(says(StatusCode::OK, "InternalError")),
            Some(Fault::LostAnswer) => {
                pass_on(request).await;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::Silence) => std::future::pending().await,
            None => Ok(pass_on(request).await),
        }
    }
}

fn call_of(request: &Request<Incoming>) -> Call {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match *request.method() {
        Method::POST if has("uploads") => Call::Begin,
        Method::PUT if has("partNumber") => Call::Part,
        Method::POST if has("uploadId") => Call::Complete,
        Method::DELETE if has("uploadId") => Call::Abort,
        Method::GET if has("uploads") => Call::Multiparts,
        Method::PUT if request.headers().contains_key("x-amz-copy-source") => Call::Copy,
        Method::PUT => Call::Put,
        Method::HEAD => Call::Head,
        _ => Call::Other,
    }
}

fn says(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
    Response::builder().status(status).body(Full::from(body)).unwrap()
}

/// Every header goes on as it is, `Host` too: it is signed.
async fn pass_on(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (_, endpoint) = aws().0.into_iter().find(|(name, _)| name == "AWS_ENDPOINT").unwrap();
    let (head, body) = request.into_parts();
    let url = format!("{}{}", endpoint.trim_end_matches('/'), head.uri);
    let asked = reqwest::Client::new().request(head.method, url).headers(head.headers);
    let answer = asked.body(body.collect().await.unwrap().to_bytes()).send().await.unwrap();
    let mut passed = Response::builder().status(answer.status());
    passed.headers_mut().unwrap().extend(answer.headers().clone());
    passed.body(Full::from(answer.bytes().await.unwrap())).unwrap()
}
