//! What there is to say of a link: the verdict, each check, the string to sign, what explains a refusal. Pure.

use super::repairs::repaired;
use crate::tools::{
    link::{Link, MAX_HEAD, Target},
    words::{distance, span},
};
use proto::{
    id::{FileId, UserId},
    keys::KeyRing,
    refusal::Refusal,
    signed_url::{CLOCK_SKEW, Claims, likely, verify},
};

/// What a link is judged by.
pub(super) struct Judge {
    /// `None`: there is no secret here.
    pub(super) keys: Option<KeyRing>,
    /// `FILE_SIGNING_SECRET` and `FILE_SIGNING_KEYS`, to see what an issuer may have made of them.
    pub(super) secrets: [Option<String>; 2],
    pub(super) now: u64,
    pub(super) max_seconds: u64,
}

/// What becomes of a request for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Opens,
    Refused(Refusal),
    /// No route leads there.
    NoRoute,
    /// Longer than a head may be.
    TooLong,
    /// With characters that no request can hold.
    Unsendable,
    /// As far as that can be told without the secret.
    Unproven,
}

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Passed,
    Failed,
    /// Something is not at hand.
    Unknown,
}

/// One check in the order of the contract.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) ended: Ended,
    pub(super) why: String,
}

/// What the URL says of itself.
pub(super) struct Said {
    pub(super) version: u8,
    pub(super) file: FileId,
    pub(super) user: UserId,
    pub(super) key: Option<String>,
    pub(super) expires: u64,
    pub(super) issued_at: Option<u64>,
    pub(super) not_before: Option<u64>,
    pub(super) text: String,
}

/// Everything.
pub(super) struct Findings {
    pub(super) verdict: Verdict,
    pub(super) said: Option<Said>,
    pub(super) checks: Vec<Check>,
    /// What explains a refusal, or what nothing explains.
    pub(super) reasons: Vec<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, ended: Ended, why: impl Into<String>) -> Self {
        Self { name, ended, why: why.into() }
    }

    fn of(name: &'static str, outcome: Result<(), Refusal>, why: impl Into<String>) -> Self {
        Self::new(name, if outcome.is_ok() { Ended::Passed } else { Ended::Failed }, why)
    }
}

impl Judge {
    pub(super) fn look_at(&self, link: &Link) -> Findings {
        let nothing = |verdict, reasons| Findings { verdict, said: None, checks: Vec::new(), reasons };
        if link.is_too_long() {
            let why = format!("a gateway reads {MAX_HEAD} bytes of a request's head, and this link alone is longer");
            return nothing(Verdict::TooLong, vec![why]);
        }
        if link.has_spaces_or_controls() {
            return nothing(Verdict::Unsendable, self.repairs(link));
        }
        let Some(target) = link.target() else {
            let mut reasons = self.repairs(link);
            reasons.push("files are at /files/secure/<file id>, also below /api and /api/v1".into());
            return nothing(Verdict::NoRoute, reasons);
        };
        let mut reasons = Vec::new();
        if !target.is_served {
            reasons.push(
                "a gateway serves nothing below what stands in front of /files/secure/: a proxy has to cut it off"
                    .into(),
            );
        }
        match Claims::read(target.path, target.query) {
            Ok(claims) => self.look_into(link, &target, &claims, reasons),
            Err(refusal) => {
                reasons.extend(self.repairs(link));
                reasons.extend(cut_by_a_shell(&target));
                let checks = vec![Check::of("can be read", Err(refusal), what_is_malformed(refusal))];
                Findings { checks, ..nothing(self.verdict(&target), reasons) }
            }
        }
    }

    fn look_into(&self, link: &Link, target: &Target<'_>, claims: &Claims<'_>, mut reasons: Vec<String>) -> Findings {
        let checks = self.checks(claims);
        if self.keys.as_ref().is_some_and(|keys| claims.refuse_unsigned(keys).is_err()) {
            let repairs = self.repairs(link);
            let explained = if repairs.is_empty() { self.why_unsigned(target, claims) } else { repairs };
            reasons.extend(explained);
        }
        reasons.extend(self.clocks(claims));
        reasons.extend(looks_like_version_2(claims, target));
        let said = Said {
            version: claims.version(),
            file: claims.file().clone(),
            user: claims.user().clone(),
            key: claims.key().map(Into::into),
            expires: claims.expires(),
            issued_at: claims.issued_at(),
            not_before: claims.not_before(),
            text: String::from_utf8_lossy(&claims.text()).into_owned(),
        };
        Findings { verdict: self.verdict(target), said: Some(said), checks, reasons }
    }

    /// The gateway's own; without a secret what its other checks say.
    fn verdict(&self, target: &Target<'_>) -> Verdict {
        let Target { path, query, .. } = target;
        if !target.is_served {
            return Verdict::NoRoute;
        }
        let judged = match &self.keys {
            Some(keys) => verify(path, query, keys, self.now, self.max_seconds).map(|_| Verdict::Opens),
            None => self.unproven(path, query),
        };
        judged.unwrap_or_else(Verdict::Refused)
    }

    fn unproven(&self, path: &str, query: &str) -> Result<Verdict, Refusal> {
        let claims = Claims::read(path, query)?;
        claims.refuse_expired(self.now)?;
        claims.refuse_early(self.now)?;
        claims.refuse_long(self.now, self.max_seconds)?;
        Ok(Verdict::Unproven)
    }

    fn checks(&self, claims: &Claims<'_>) -> Vec<Check> {
        let (now, max) = (self.now, self.max_seconds);
        let mut checks = vec![
            Check::new("can be read", Ended::Passed, format!("version {}", claims.version())),
            Check::of(
                "not expired",
                claims.refuse_expired(now),
                format!("expires {}", distance(claims.expires(), now)),
            ),
            self.signature(claims),
        ];
        if let Some(issued_at) = claims.issued_at() {
            let begins = claims.not_before().unwrap_or(0).max(issued_at);
            let why = format!("begins {}; {CLOCK_SKEW} s ahead are allowed", distance(begins, now));
            checks.push(Check::of("already valid", claims.refuse_early(now), why));
        }
        let why = match max {
            0 => "GATEWAY_MAX_URL_SECONDS sets no bound".to_owned(),
            max => format!("at most {} ahead, by GATEWAY_MAX_URL_SECONDS", span(max)),
        };
        checks.push(Check::of("not too long", claims.refuse_long(now, max), why));
        checks
    }

    fn signature(&self, claims: &Claims<'_>) -> Check {
        const NAME: &str = "signature";
        let Some(keys) = &self.keys else {
            return Check::new(NAME, Ended::Unknown, "there is no secret here: give FILE_SIGNING_SECRET_FILE");
        };
        let ids = || keys.ids().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let named = claims.key().unwrap_or_default();
        let outcome = claims.refuse_unsigned(keys);
        let why = match (outcome, claims.signer(keys)) {
            (Ok(()), Some(id)) => format!("made with key `{id}`"),
            (Err(Refusal::UnknownKey), _) => format!("`kid` names `{named}`, and the keys here are {}", ids()),
            (_, Some(id)) => format!("made with key `{id}`, and `kid` names `{named}`"),
            (_, None) if claims.version() == 2 => format!("key `{named}` did not make it, nor any other of {}", ids()),
            (_, None) => format!("none of the keys here made it: {}", ids()),
        };
        Check::of(NAME, outcome, why)
    }

    fn why_unsigned(&self, target: &Target<'_>, claims: &Claims<'_>) -> Vec<String> {
        let [secret, list] = self.secrets.each_ref().map(Option::as_deref);
        if let Some(found) = likely(claims, target.mount, secret, list) {
            let words = found.slips.iter().map(|slip| slip.words());
            return words.map(|words| format!("explained, by key `{}`: {words}", found.key)).collect();
        }
        let mut reasons = vec![
            "no known mistake explains the signature: another secret made it, or the link was changed since".to_owned(),
        ];
        let length = claims.signature_len();
        if length != 64 {
            reasons.push(format!("a signature has 64 hexadecimal digits; this one has {length} characters"));
        }
        reasons
    }

    /// What can be said of two clocks.
    fn clocks(&self, claims: &Claims<'_>) -> Vec<String> {
        let mut reasons = Vec::new();
        if claims.expires() / 100 > self.now && claims.expires() / 2_000 < self.now {
            reasons.push("`expires` looks like milliseconds; it has to be Unix seconds".into());
        }
        let ahead = claims.issued_at().and_then(|issued| issued.checked_sub(self.now)).unwrap_or(0);
        if ahead > 0 {
            reasons.push(format!("the issuer's clock is {} ahead of this one", span(ahead)));
        }
        reasons
    }

    /// What happened to the link, if without it the link is a good one.
    fn repairs(&self, link: &Link) -> Vec<String> {
        let is_good = |link: &Link| {
            let claims = link.target().and_then(|target| Claims::read(target.path, target.query).ok());
            claims.is_some_and(|claims| self.keys.as_ref().is_none_or(|keys| claims.refuse_unsigned(keys).is_ok()))
        };
        let good = repaired(link).find(|(_, repaired)| is_good(repaired));
        good.map(|(why, _)| format!("explained: {why}")).into_iter().collect()
    }
}

fn what_is_malformed(refusal: Refusal) -> String {
    match refusal {
        Refusal::Malformed(what) => what.into(),
        other => other.to_string(),
    }
}

/// An unquoted `&` ends a command.
fn cut_by_a_shell(target: &Target<'_>) -> Option<String> {
    let is_cut = !target.query.is_empty() && !target.query.contains('&');
    is_cut.then(|| "there is one parameter only: if a shell cut the rest off, put the link in quotation marks".into())
}

fn looks_like_version_2(claims: &Claims<'_>, target: &Target<'_>) -> Option<String> {
    let names = ["iat=", "nbf=", "kid=", "disposition=", "filename="];
    let has_any = target.query.split('&').any(|pair| names.iter().any(|name| pair.starts_with(name)));
    (claims.version() == 1 && has_any)
        .then(|| "it has parameters of version 2, and is judged as version 1 without both `v=2` and `kid`".into())
}
