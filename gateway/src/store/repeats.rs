//! What the object store repeats by itself: between a question to the bucket and its answer nobody else sees it.

use futures_util::future::BoxFuture;
use http::Extensions;
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector},
};
use prometheus::IntCounter;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Travels with each try of one question.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicBool>);

/// For a question whose repeats are to be counted.
pub(super) fn counted() -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(Asked::default());
    extensions
}

/// The object store's own way to the network, and a count of what goes over it again.
#[derive(Debug)]
pub(super) struct Connector(pub(super) IntCounter);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counting { client, repeats: self.0.clone() }))
    }
}

#[derive(Debug)]
struct Counting {
    client: HttpClient,
    repeats: IntCounter,
}

impl HttpService for Counting {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        if request.extensions().get::<Asked>().is_some_and(|asked| asked.0.swap(true, Ordering::Relaxed)) {
            self.repeats.inc();
        }
        Box::pin(self.client.execute(request))
    }
}
