//! What is asked of storage for a request carries the request's trace. A `traceparent` is added below the object store,
//! to requests that are signed already: S3 wants `host` and `x-amz-*` signed, and lets other headers be.

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector},
};
use proto::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use std::sync::Arc;

tokio::task_local! {
    static SENT_FOR: Option<Arc<TraceContext>>;
}

/// Does `work`, and what it asks of storage is asked for this trace.
pub async fn on_behalf<T>(trace: Option<Arc<TraceContext>>, work: impl Future<Output = T>) -> T {
    SENT_FOR.scope(trace, work).await
}

/// `work`, for the trace that it is begun in: a task of its own would forget that.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    on_behalf(trace(), work)
}

/// Adds the trace that this is asked for, if there is one.
pub fn write(headers: &mut HeaderMap) {
    let Some(trace) = trace() else { return };
    let mut put = |name, value: &str| {
        // Both are visible ASCII.
        let value = HeaderValue::from_str(value).ok();
        value.and_then(|value| headers.insert(HeaderName::from_static(name), value))
    };
    put(TRACEPARENT, &trace.traceparent());
    if let Some(state) = trace.tracestate() {
        put(TRACESTATE, state);
    }
}

fn trace() -> Option<Arc<TraceContext>> {
    SENT_FOR.try_with(Clone::clone).ok().flatten()
}

/// Connects an object store as another connector does, and passes traces on.
#[derive(Debug, Default)]
pub struct Forwarding<C = ReqwestConnector>(C);

impl<C> Forwarding<C> {
    /// Over connections of this one.
    pub fn over(connector: C) -> Self {
        Self(connector)
    }
}

impl<C: HttpConnector> HttpConnector for Forwarding<C> {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Client(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Client(HttpClient);

#[async_trait]
impl HttpService for Client {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        write(request.headers_mut());
        self.0.execute(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn trace_of(parent: &str, state: &str) -> Option<Arc<TraceContext>> {
        TraceContext::read([parent.as_bytes()], [state.as_bytes()]).map(Arc::new)
    }

    fn written() -> [Option<String>; 2] {
        let mut headers = HeaderMap::new();
        write(&mut headers);
        [TRACEPARENT, TRACESTATE].map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()))
    }

    #[tokio::test]
    async fn a_trace_is_written_where_it_is_worked_for_and_nowhere_else() {
        assert_eq!(written(), [None, None]);
        let both = [Some(PARENT.to_owned()), Some("a=1".to_owned())];
        assert_eq!(on_behalf(trace_of(PARENT, "a=1"), async { written() }).await, both);
        assert_eq!(on_behalf(trace_of(PARENT, ""), async { written() }).await, [both[0].clone(), None]);
        assert_eq!(on_behalf(None, async { written() }).await, [None, None]);
        assert_eq!(written(), [None, None]);
    }

    #[tokio::test]
    async fn a_task_carries_the_trace_only_if_it_is_told_to() {
        let spawned = on_behalf(trace_of(PARENT, ""), async {
            let (carrying, plain) = (tokio::spawn(carried(async { written() })), tokio::spawn(async { written() }));
            (carrying.await.unwrap(), plain.await.unwrap())
        });
        assert_eq!(spawned.await, ([Some(PARENT.to_owned()), None], [None, None]));
    }
}
