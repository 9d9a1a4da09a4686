//! What one request brings of an upload. It runs to its end even if the client leaves: what came until then is kept.

use super::{answer::Standing, checksum::Checksum, lease::Lease, writing::Writing};
use crate::{
    Signer,
    body::Paced,
    catalog::{Held, UploadRow},
    error::Error,
    uploads::Place,
};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How often a request that waits for bytes looks around.
const LOOK_AROUND: Duration = Duration::from_secs(1);
/// A client that was silent for this long may have been displaced: longer than a lease.
const SILENCE: Duration = Duration::from_secs(11);

/// A request's share of an upload.
pub(super) struct Share {
    /// Where it goes on.
    pub(super) offset: u64,
    /// As `Content-Length` has it.
    pub(super) declared: Option<u64>,
    /// The length of the whole, where that was deferred until now.
    pub(super) length: Option<u64>,
    pub(super) checksum: Option<Checksum>,
    pub(super) body: Paced,
}

/// Why no more of a body is taken.
enum Stop {
    /// The client's doing: what it sent before is good.
    Client(Error),
    /// Storage, the catalog, or another request: what was recorded last is all there is.
    Other(Error),
}

/// Takes the share into the upload, which is a file then if that was the rest of it.
pub(super) async fn receive(signer: &Signer, upload: &UploadRow, share: Share) -> Result<Standing, Error> {
    let (signer, upload) = (signer.clone(), upload.clone());
    let place = Place::take(&signer)?;
    let receiving = signer.clone().spawn(async move {
        let received = hold(&signer, &upload, share).await;
        signer.metrics().uploads.ended(result(&signer, &received));
        drop(place);
        received
    });
    receiving.await.unwrap_or_else(|_| Err(Error::Internal("receiving an upload panicked".into())))
}

fn result(signer: &Signer, received: &Result<Standing, Error>) -> &'static str {
    match received {
        Ok(Standing { file: Some(_), .. }) => "stored",
        Ok(_) => "kept",
        Err(error) => signer.metrics().uploads.failed(error),
    }
}

async fn hold(signer: &Signer, upload: &UploadRow, share: Share) -> Result<Standing, Error> {
    let (lease, held) = Lease::take(signer, upload).await?;
    let received = write(signer, &lease, held, share).await;
    lease.release().await;
    received
}

async fn write(signer: &Signer, lease: &Lease, held: Held, mut share: Share) -> Result<Standing, Error> {
    if share.offset != held.progress.offset {
        return Err(Error::OffsetMismatch { offset: held.progress.offset });
    }
    let mut writing = Writing::open(signer, lease, held).await?;
    if let Some(length) = share.length {
        declare(&mut writing, length).await?;
    }
    let limit = writing.limit();
    if share.declared.is_some_and(|more| share.offset.saturating_add(more) > limit) {
        return Err(Error::TooLarge { limit });
    }
    let taken = take(&mut writing, lease, &mut share).await;
    match (taken, share.checksum) {
        (Ok(()), None) => {}
        // Dropped unrecorded, none of it was ever received.
        (Ok(()), Some(checksum)) => checksum.verify()?,
        (Err(Stop::Client(error)), None) => {
            writing.put_down().await?;
            return Err(error);
        }
        (Err(Stop::Client(error) | Stop::Other(error)), _) => return Err(error),
    }
    if writing.is_whole() { writing.finish().await } else { writing.put_down().await }
}

/// It is said once, and stays.
async fn declare(writing: &mut Writing<'_>, length: u64) -> Result<(), Error> {
    match writing.length() {
        Some(known) if known == length => Ok(()),
        Some(_) => Err(Error::invalid("Upload-Length", "was given before, and is another")),
        None if length < writing.taken() => Err(Error::invalid("Upload-Length", "must not be less than was sent")),
        None if length > writing.limit() => Err(Error::TooLarge { limit: writing.limit() }),
        None => writing.declare(length).await,
    }
}

/// Takes the body to its end.
async fn take(writing: &mut Writing<'_>, lease: &Lease, share: &mut Share) -> Result<(), Stop> {
    let mut heard = Instant::now();
    loop {
        match timeout(LOOK_AROUND, share.body.next()).await {
            Ok(next) => {
                let Some(piece) = next.map_err(Stop::Client)? else { return Ok(()) };
                heard = Instant::now();
                take_piece(writing, share, piece).await?;
            }
            Err(_) if heard.elapsed() > SILENCE => {
                if !lease.is_ours().await.map_err(Stop::Other)? {
                    return Err(Stop::Other(Error::UploadHeld));
                }
            }
            Err(_) => {}
        }
        if writing.is_due() {
            let kept = if share.checksum.is_none() { writing.record().await } else { writing.stay().await };
            kept.map_err(Stop::Other)?;
        }
    }
}

async fn take_piece(writing: &mut Writing<'_>, share: &mut Share, piece: Bytes) -> Result<(), Stop> {
    let limit = writing.limit();
    if piece.len() as u64 > limit - writing.taken() {
        return Err(Stop::Client(Error::TooLarge { limit }));
    }
    if let Some(checksum) = &mut share.checksum {
        checksum.update(&piece);
    }
    writing.write(piece).await.map_err(|failure| Stop::Other(failure.into()))
}
