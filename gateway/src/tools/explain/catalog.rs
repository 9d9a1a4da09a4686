//! What the catalog says of a link's file and user.

use super::findings::{Check, Ended, Said};
use crate::tools::{verdict::Verdict, words::moment};
use proto::{
    catalog::{FileEntry, UserStanding, admit},
    refusal::Refusal,
    signed_url::Grant,
};

/// What was found.
pub(super) struct Found {
    pub(super) file: Option<FileEntry>,
    pub(super) user: UserStanding,
}

impl Found {
    /// The catalog's part of the verdict: for a link that was granted, the gateway's own.
    ///
    /// # Errors
    /// Why it opens nothing all the same.
    pub(super) fn admit(&self, grant: &Grant, now: u64) -> Result<(), Refusal> {
        admit(grant, self.file.as_ref(), self.user, now).map(|_| ())
    }

    pub(super) fn checks(&self, said: &Said, verdict: &Verdict, now: u64) -> Vec<Check> {
        let ended = |fails: Refusal| match verdict {
            Verdict::Refused(refusal) if *refusal == fails => Ended::Failed,
            Verdict::Opens(_) => Ended::Passed,
            Verdict::Refused(Refusal::NotFound) if fails == Refusal::Revoked => Ended::Passed,
            _ => Ended::Unknown,
        };
        vec![
            Check::new("not revoked", ended(Refusal::Revoked), self.standing(now).join("; ")),
            Check::new("there, and the user's own", ended(Refusal::NotFound), self.place(said, now).join("; ")),
        ]
    }

    fn standing(&self, now: u64) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.user.blocked.then(|| "the user is blocked".to_owned()));
        let revoked = |whose: &str, before: Option<u64>| {
            before.map(|before| {
                format!("URLs of the {whose} issued before {} are revoked, and all of version 1", moment(before, now))
            })
        };
        words.extend(revoked("user", self.user.urls_revoked_before));
        words.extend(revoked("file", self.file.as_ref().and_then(|file| file.urls_revoked_before)));
        if words.is_empty() {
            words.push("neither the user's URLs nor the file's were ever revoked".into());
        }
        words
    }

    fn place(&self, said: &Said, now: u64) -> Vec<String> {
        let Some(file) = &self.file else { return vec!["there is no file of this id".into()] };
        let mut words =
            vec![if file.ready { "there".into() } else { "deleted, and its object is still to go".to_owned() }];
        words.push(match file.owner == said.user {
            true => "the user's own".into(),
            false => format!("not the user's: its owner is {}", file.owner),
        });
        words.extend(file.expires_at.map(|end| format!("kept until {}", moment(end, now))));
        words.extend(self.user.deleted.then(|| "the user is deleted".to_owned()));
        words.push(format!("{} bytes of {}", file.size, file.content_type));
        words
    }
}
