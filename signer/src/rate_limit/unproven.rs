//! What a request that proves no identity may do: so much from each address, generously.
//!
//! It costs an address one, whether it had no token, a bad one, or asked where none is needed. Past the bound such
//! requests are 429; a request that proves its caller is never held up by others at its address.

use super::Allowance;
use crate::{Signer, boundary::Exchange, error::Error, proxies::Peer};
use axum::{
    Extension,
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::{IpAddr, Ipv6Addr};

/// The layer around every route but health and webhooks. A request whose peer is not known came from no network.
pub(crate) async fn bound(
    State(signer): State<Signer>,
    Extension(exchange): Extension<Exchange>,
    request: Request,
    next: Next,
) -> Response {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else { return next.run(request).await };
    let address = line(signer.config().trusted_proxies.client(peer, request.headers()));
    let has_token = [header::AUTHORIZATION, header::COOKIE].iter().any(|name| request.headers().contains_key(name));
    // Who brings no token is refused before anything is done for them.
    if !has_token && let Err(refused) = count(&signer, &exchange, address) {
        return refused.into_response();
    }
    let response = next.run(request).await;
    if has_token
        && !exchange.is_proven()
        && let Err(refused) = count(&signer, &exchange, address)
    {
        return refused.into_response();
    }
    response
}

fn count(signer: &Signer, exchange: &Exchange, address: IpAddr) -> Result<(), Error> {
    let (limits, rate) = (signer.rate_limit(), signer.config().unproven_rate);
    let verdict = limits.addresses.count(&address, rate, 1, limits.now());
    if verdict.admitted {
        return Ok(());
    }
    signer.metrics().limited("address");
    Err(exchange.refuse(Allowance::of(rate, verdict)))
}

/// A customer's line is one IPv4 address, or an IPv6 network of 64 bits whose addresses it makes up at will.
fn line(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        v4 @ IpAddr::V4(_) => v4,
    }
}
