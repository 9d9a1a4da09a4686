//! One range of an open file, in the one version that was opened.

use super::{OpenFile, Version};
use crate::store::{Part, ReadError, pages::Pages};
use rustix::fs::fstat;
use std::{
    ops::Range,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// One range of an open file.
pub(crate) struct Reader {
    file: OpenFile,
    pages: Pages,
}

impl Reader {
    pub(crate) fn new(file: OpenFile, range: Range<u64>) -> Self {
        Self { pages: Pages::new(Arc::clone(&file.fd), range), file }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        let part = ready!(self.pages.poll_next(cx, most));
        Poll::Ready(part.map(|part| {
            let part = part.map_err(|error| ReadError::Failed(error.to_string()))?;
            self.refuse_changed()?;
            Ok(part)
        }))
    }

    /// A file written in place under our open descriptor shows in its times: what would be sent now may be of two
    /// versions.
    fn refuse_changed(&self) -> Result<(), ReadError> {
        let stat = fstat(&*self.file.fd).map_err(|error| ReadError::Failed(error.to_string()))?;
        if Version::of(&stat) == self.file.version { Ok(()) } else { Err(ReadError::Changed) }
    }
}
