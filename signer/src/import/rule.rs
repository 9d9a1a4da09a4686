//! A rule that tells from an object's path whose file it is: `users/{user_id}/{filename}`.

use std::str::FromStr;

/// Text that stands in a path as it is, and the parts between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Part(Part),
}

/// What a part of a path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    Filename,
    Job,
    File,
    /// Nothing.
    Any,
    /// Nothing, over as many segments as there are.
    Rest,
}

/// What a path says of its object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told<'p> {
    pub(super) user_id: &'p str,
    pub(super) filename: Option<&'p str>,
    pub(super) job_id: Option<&'p str>,
    pub(super) file_id: Option<&'p str>,
}

impl Rule {
    /// `None` for a path that does not fit. Each part is as short as it can be, and at least one character long.
    pub(super) fn read<'p>(&self, path: &'p str) -> Option<Told<'p>> {
        let (mut told, mut rest) = (Told::default(), path);
        for (place, piece) in self.0.iter().enumerate() {
            let part = match piece {
                Piece::Text(text) => {
                    rest = rest.strip_prefix(text.as_str())?;
                    continue;
                }
                Piece::Part(part) => *part,
            };
            let end = match &self.0[place + 1..] {
                [] => rest.len(),
                [Piece::Text(last)] => rest.strip_suffix(last.as_str())?.len(),
                [Piece::Text(next), ..] => rest.char_indices().skip(1).find(|(at, _)| rest[*at..].starts_with(next))?.0,
                [Piece::Part(_), ..] => unreachable!("text stands between two parts"),
            };
            let (value, behind) = rest.split_at(end);
            if value.is_empty() || (part != Part::Rest && value.contains('/')) {
                return None;
            }
            told.take(part, value);
            rest = behind;
        }
        rest.is_empty().then_some(told)
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Part(part) => Some(*part),
            Piece::Text(_) => None,
        })
    }

    fn count(&self, wanted: Part) -> usize {
        self.parts().filter(|part| *part == wanted).count()
    }
}

impl<'p> Told<'p> {
    fn take(&mut self, part: Part, value: &'p str) {
        match part {
            Part::User => self.user_id = value,
            Part::Filename => self.filename = Some(value),
            Part::Job => self.job_id = Some(value),
            Part::File => self.file_id = Some(value),
            Part::Any | Part::Rest => {}
        }
    }
}

impl Part {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "user_id" => Self::User,
            "filename" => Self::Filename,
            "job_id" => Self::Job,
            "file_id" => Self::File,
            "any" => Self::Any,
            "rest" => Self::Rest,
            _ => return None,
        })
    }
}

impl FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PARTS: &str = "must be made of text and {user_id}, {filename}, {job_id}, {file_id}, {any} and {rest}";
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}').ok_or(PARTS)?;
            pieces.extend((!before.is_empty()).then(|| Piece::Text(before.into())));
            pieces.push(Piece::Part(Part::named(name).ok_or(PARTS)?));
            rest = behind;
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.into())));
        let rule = Self(pieces);
        let is_part = |piece: &Piece| matches!(piece, Piece::Part(_));
        if rule.0.windows(2).any(|pair| pair.iter().all(is_part)) {
            return Err("must have text between two parts");
        }
        if rule.count(Part::User) != 1 {
            return Err("must hold {user_id}, once");
        }
        if [Part::Filename, Part::Job, Part::File].into_iter().any(|part| rule.count(part) > 1) {
            return Err("must hold each part once, but for {any}");
        }
        let is_behind = rule.0.last() == Some(&Piece::Part(Part::Rest));
        if rule.count(Part::Rest) > usize::from(is_behind) {
            return Err("may have {rest} at its end only");
        }
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'p>(rule: &str, path: &'p str) -> Option<[&'p str; 4]> {
        let rule: Rule = rule.parse().unwrap();
        let Told { user_id, filename, job_id, file_id } = rule.read(path)?;
        Some([user_id, filename.unwrap_or("-"), job_id.unwrap_or("-"), file_id.unwrap_or("-")])
    }

    #[test]
    fn a_path_says_whose_file_it_is_and_what_it_is_called() {
        for (rule, path, expected) in [
            ("users/{user_id}/{filename}", "users/user_1/a b é.mp4", ["user_1", "a b é.mp4", "-", "-"]),
            ("u/{user_id}/jobs/{job_id}/{any}.{any}", "u/user_1/jobs/7/out.mp4", ["user_1", "-", "7", "-"]),
            ("{user_id}/{file_id}.mp4", "user_1/a-1.mp4", ["user_1", "-", "-", "a-1"]),
            ("{user_id}/{file_id}.{any}", "user_1/a.tar.gz", ["user_1", "-", "-", "a"]),
            ("{user_id}-{filename}", "é-a-b", ["é", "a-b", "-", "-"]),
            ("{any}/{user_id}/{rest}", "x/user_1/a/b/c.mp4", ["user_1", "-", "-", "-"]),
            ("{user_id}.mp4", "a.mp4.mp4", ["a.mp4", "-", "-", "-"]),
        ] {
            assert_eq!(told(rule, path), Some(expected), "{rule} {path}");
        }
    }

    #[test]
    fn a_path_that_does_not_fit_says_nothing() {
        for (rule, path) in [
            ("users/{user_id}/{filename}", "users/user_1"),
            ("users/{user_id}/{filename}", "users/user_1/"),
            ("users/{user_id}/{filename}", "users//a"),
            ("users/{user_id}/{filename}", "users/user_1/thumbs/a"),
            ("users/{user_id}/{filename}", "other/user_1/a"),
            ("{user_id}/{file_id}.mp4", "user_1/a.mov"),
            ("{user_id}/{file_id}.mp4", "user_1/.mp4"),
            ("{user_id}/{rest}", "user_1/"),
            ("{user_id}/a", ""),
        ] {
            assert_eq!(told(rule, path), None, "{rule} {path}");
        }
    }

    #[test]
    fn a_rule_names_the_owner_once_and_has_one_reading() {
        for bad in [
            "",
            "users/a",
            "{filename}",
            "{user_id}/{user_id}",
            "{user_id}{filename}",
            "{user_id}/{filename}/{filename}",
            "{user_id}/{rest}/a",
            "{user_id}/{rest}/{rest}",
            "{user_id",
            "{user_id}/{}",
            "{user_id}/{size}",
            "{USER_ID}/a",
        ] {
            assert!(bad.parse::<Rule>().is_err(), "{bad}");
        }
    }
}
