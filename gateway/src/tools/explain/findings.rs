//! What there is to say of a link: each check, the string to sign, what explains a refusal. Pure.

use super::repairs::repaired;
use crate::{
    server::MAX_HEAD,
    tools::{
        link::{Link, Target},
        verdict::{Bounds, Verdict},
        words::{distance, span},
    },
};
use proto::{
    id::{FileId, UserId},
    keys::KeyRing,
    refusal::Refusal,
    signed_url::{CLOCK_SKEW, Claims, likely},
};

/// What a link is judged by.
pub(super) struct Judge {
    /// `None`: there is no secret here.
    pub(super) keys: Option<KeyRing>,
    /// `FILE_SIGNING_SECRET` and `FILE_SIGNING_KEYS`, to see what an issuer may have made of them.
    pub(super) secrets: [Option<String>; 2],
    pub(super) bounds: Bounds,
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

impl Said {
    fn by(claims: &Claims<'_>) -> Self {
        Self {
            version: claims.version(),
            file: claims.file().clone(),
            user: claims.user().clone(),
            key: claims.key().map(Into::into),
            expires: claims.expires(),
            issued_at: claims.issued_at(),
            not_before: claims.not_before(),
            text: String::from_utf8_lossy(&claims.text()).into_owned(),
        }
    }
}

impl Judge {
    pub(super) fn look_at(&self, link: &Link) -> Findings {
        let verdict = Verdict::on(link, self.keys.as_ref(), self.bounds);
        let target = match verdict {
            Verdict::TooLong | Verdict::Unsendable => None,
            _ => link.target(),
        };
        let mut findings = Findings { verdict, said: None, checks: Vec::new(), reasons: Vec::new() };
        match target {
            Some(target) => self.look_into(&mut findings, link, &target),
            None => findings.reasons = self.why_unread(link, &findings.verdict),
        }
        findings
    }

    /// Of what leads to no file, or cannot be sent at all.
    fn why_unread(&self, link: &Link, verdict: &Verdict) -> Vec<String> {
        if matches!(verdict, Verdict::TooLong) {
            return vec![format!(
                "a gateway reads {MAX_HEAD} bytes of a request's head, and this link alone is longer"
            )];
        }
        let mut reasons = self.repairs(link);
        if matches!(verdict, Verdict::NoRoute) {
            reasons.push("files are at /files/secure/<file id>, also below /api and /api/v1".into());
        }
        reasons
    }

    fn look_into(&self, findings: &mut Findings, link: &Link, target: &Target<'_>) {
        if !target.is_served {
            findings.reasons.push(
                "a gateway serves nothing below what stands in front of /files/secure/: a proxy has to cut it off"
                    .into(),
            );
        }
        match Claims::read(target.path, target.query) {
            Ok(claims) => {
                findings.checks = self.checks(&claims);
                findings.reasons.extend(self.why_refused(link, target, &claims));
                findings.said = Some(Said::by(&claims));
            }
            Err(refusal) => {
                findings.reasons.extend(self.repairs(link));
                findings.reasons.extend(cut_by_a_shell(target));
                findings.checks = vec![Check::of("can be read", Err(refusal), what_is_malformed(refusal))];
            }
        }
    }

    fn why_refused(&self, link: &Link, target: &Target<'_>, claims: &Claims<'_>) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.keys.as_ref().is_some_and(|keys| claims.refuse_unsigned(keys).is_err()) {
            let repairs = self.repairs(link);
            let explained = if repairs.is_empty() { self.why_unsigned(target, claims) } else { repairs };
            reasons.extend(explained);
        }
        reasons.extend(self.clocks(claims));
        reasons.extend(looks_like_version_2(claims, target));
        reasons
    }

    fn checks(&self, claims: &Claims<'_>) -> Vec<Check> {
        let Bounds { now, max_seconds: max } = self.bounds;
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
        let (mut reasons, now) = (Vec::new(), self.bounds.now);
        if claims.expires() / 100 > now && claims.expires() / 2_000 < now {
            reasons.push("`expires` looks like milliseconds; it has to be Unix seconds".into());
        }
        let ahead = claims.issued_at().and_then(|issued| issued.checked_sub(now)).unwrap_or(0);
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
