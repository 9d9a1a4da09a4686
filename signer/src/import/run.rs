//! The doing of it: so many objects are looked at together, then registered in one transaction.

use super::{Failed, report::Report};
use crate::{
    catalog::{Candidate, Catalog, Registered},
    clock,
    error::Error,
    registration::Registration,
    storage::{Failure, Storage},
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::TryChunksError};
use std::{io::Write, pin::pin};

/// Objects registered in one transaction. Other signers wait for it.
const BATCH: usize = 200;
/// Objects looked at together.
const AT_ONCE: usize = 32;
/// Objects that cannot be looked at in a row, after which storage is taken to be away.
const PATIENCE: u32 = 10;

/// An object that is to become a file.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where that was said, for whoever is to mend it.
    pub(super) place: String,
    pub(super) registration: Result<Registration, String>,
}

/// The same, once it was looked at.
enum Looked {
    There(Box<Candidate>),
    Refused(String),
    Unknown(Failure),
}

pub(super) struct Run<'r, O, E> {
    pub(super) catalog: &'r Catalog,
    pub(super) storage: &'r Storage,
    pub(super) report: Report<O, E>,
    pub(super) is_rehearsal: bool,
    /// Objects in a row that could not be looked at.
    pub(super) failures: u32,
}

impl<O: Write, E: Write> Run<'_, O, E> {
    /// What was asked for before something went wrong is registered.
    pub(super) async fn all(&mut self, asked: impl Stream<Item = Result<Asked, Failed>>) -> Result<(), Failed> {
        let mut batches = pin!(asked.try_chunks(BATCH));
        while let Some(batch) = batches.next().await {
            let (batch, failed) = match batch {
                Ok(batch) => (batch, None),
                Err(TryChunksError(batch, failed)) => (batch, Some(failed)),
            };
            self.batch(batch).await?;
            self.report.flush()?;
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        Ok(())
    }

    async fn batch(&mut self, batch: Vec<Asked>) -> Result<(), Failed> {
        let now = clock::unix_millis();
        let looking = stream::iter(batch).map(|asked| look(self.storage, asked, now)).buffered(AT_ONCE);
        let looked: Vec<_> = looking.collect().await;
        let (mut places, mut candidates) = (Vec::new(), Vec::new());
        let mut stopped = None;
        for (place, looked) in looked {
            match looked {
                Looked::There(candidate) => {
                    self.failures = 0;
                    places.push(place);
                    candidates.push(*candidate);
                }
                Looked::Refused(why) => self.report.refused(&place, &why)?,
                Looked::Unknown(failure) => {
                    self.failures += 1;
                    self.report.refused(&place, &format!("it cannot be looked at: {failure}"))?;
                    if self.failures >= PATIENCE {
                        stopped = Some(failure);
                    }
                }
            }
        }
        let registered = self.catalog.register_all(&candidates, now, !self.is_rehearsal).await.map_err(Error::from)?;
        for ((place, candidate), registered) in places.iter().zip(&candidates).zip(registered) {
            self.tell(place, candidate, registered)?;
        }
        stopped.map_or(Ok(()), |failure| Err(Failed::Stopped(failure.into())))
    }

    fn tell(&mut self, place: &str, candidate: &Candidate, registered: Registered) -> Result<(), Failed> {
        let why = match registered {
            Registered::File { row, is_new } => {
                return Ok(self.report.file(&candidate.file.object_key, &row.id, is_new)?);
            }
            Registered::Taken => "the object is another user's file, or one that is being deleted".to_owned(),
            Registered::IdTaken => format!("the file id {} is another object's", candidate.file.id),
            Registered::Known(id) => format!("the object is the file {id} already"),
            Registered::Barred => "its owner is blocked or deleted".to_owned(),
        };
        Ok(self.report.refused(place, &why)?)
    }
}

async fn look(storage: &Storage, asked: Asked, now: i64) -> (String, Looked) {
    let Asked { place, registration } = asked;
    let registration = match registration {
        Ok(registration) => registration,
        Err(why) => return (place, Looked::Refused(why)),
    };
    let looked = match storage.look(&registration.path).await {
        Ok(Some(stored)) => {
            let (file, keeps_id) = (registration.row(&stored, now), registration.id.is_some());
            Looked::There(Box::new(Candidate { file, given: registration.given, keeps_id }))
        }
        Ok(None) => Looked::Refused("no object lies there".to_owned()),
        Err(failure) => Looked::Unknown(failure),
    };
    (place, looked)
}
