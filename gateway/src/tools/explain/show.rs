//! Findings for people and for programs. No link is in them, no signature, and no control character.

use super::findings::{Check, Ended, Findings, Said};
use crate::tools::{verdict::Verdict, words::moment};
use proto::{log_line::Format, refusal::Refusal};
use serde_json::{Value, json};

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "NO",
            Self::Unknown => "?",
        }
    }
}

impl Findings {
    /// A page for whoever is on call.
    pub(super) fn page(&self, now: u64) -> String {
        let (status, _, code, message) = self.verdict.answer();
        let headline = match self.verdict {
            Verdict::Opens(_) => format!("opens: {message}"),
            Verdict::Unproven => format!("not proven: {message}"),
            _ => format!("refused with {status} {code}: {message}"),
        };
        let mut lines = vec![headline];
        if let Some(said) = &self.said {
            lines.extend(["".into(), "what it says".into()]);
            lines.extend(said.rows(now).into_iter().map(|(name, value)| format!("  {name:<11} {value}")));
            lines.push(format!("  {:<11} {}", "the clock", moment(now, now)));
        }
        if !self.checks.is_empty() {
            lines.extend(["".into(), "checks, in their order".into()]);
            lines.extend(
                self.checks.iter().map(|check| format!("  {:<2} {}: {}", check.ended.mark(), check.name, check.why)),
            );
        }
        if let Some(said) = &self.said {
            lines.extend(["".into(), "the string to sign, between the marks".into(), "  >>>".into()]);
            lines.extend(said.text.split('\n').map(|line| format!("  {line}")));
            lines.push("  <<<".into());
        }
        if !self.reasons.is_empty() {
            lines.extend(["".into(), "why".into()]);
            lines.extend(self.reasons.iter().map(|reason| format!("  - {reason}")));
        }
        lines.iter().map(|line| Format::Text.tame(line).into_owned() + "\n").collect()
    }

    pub(super) fn json(&self, now: u64) -> Value {
        let (status, error, code, message) = self.verdict.answer();
        let status = Some(status).filter(|status| *status != 0);
        let expired_seconds_ago = match self.verdict {
            Verdict::Refused(Refusal::Expired { seconds_ago }) => Some(seconds_ago),
            _ => None,
        };
        json!({
            "opens": self.verdict.opens(),
            "status": status,
            "error": error,
            "code": code,
            "message": message,
            "expired_seconds_ago": expired_seconds_ago,
            "server_time": now,
            "says": self.said.as_ref().map(Said::json),
            "string_to_sign": self.said.as_ref().map(|said| &said.text),
            "checks": self.checks.iter().map(Check::json).collect::<Vec<_>>(),
            "reasons": self.reasons,
        })
    }
}

impl Check {
    fn json(&self) -> Value {
        json!({ "check": self.name, "ended": self.ended.name(), "why": self.why })
    }
}

impl Said {
    fn rows(&self, now: u64) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("version", self.version.to_string()),
            ("file", self.file.to_string()),
            ("user", self.user.to_string()),
            ("expires", moment(self.expires, now)),
        ];
        rows.extend(self.key.clone().map(|key| ("key", key)));
        rows.extend(self.issued_at.map(|then| ("issued", moment(then, now))));
        rows.extend(self.not_before.map(|then| ("not before", moment(then, now))));
        rows
    }

    fn json(&self) -> Value {
        json!({
            "version": self.version,
            "file_id": self.file.as_str(),
            "user_id": self.user.as_str(),
            "kid": self.key,
            "expires": self.expires,
            "issued_at": self.issued_at,
            "not_before": self.not_before,
        })
    }
}
