//! One connection: asks, reads the head of the answer, and lets the body go by unread.

use crate::target::Target;
use rustix::net::{RecvFlags, recv};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
    time::timeout,
};

const MOST_OF_HEAD: usize = 2048;
/// One call lets go at most this.
const MOST_OF_BODY: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The range, whole.
    Answered,
    /// 503 with `Retry-After`.
    Refused,
    /// Anything else: a status that is neither, a cut body, no answer in time, no connection.
    Wrong,
}

/// A request's outcome and its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) asked: Instant,
    /// From asking to the end of the answer.
    pub(crate) whole: Duration,
}

struct Head {
    outcome: Outcome,
    /// Of the body.
    left: usize,
}

/// A connection that is kept from one request to the next.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Asks once. After a wrong answer the connection is of no more use.
    pub(crate) async fn ask(&mut self, target: &Target, request: &[u8]) -> Answer {
        let asked = Instant::now();
        let exchange = timeout(PATIENCE, self.exchange(target, request)).await;
        let outcome = exchange.map_or(Outcome::Wrong, |outcome| outcome.unwrap_or(Outcome::Wrong));
        Answer { outcome, asked, whole: asked.elapsed() }
    }

    async fn exchange(&mut self, target: &Target, request: &[u8]) -> io::Result<Outcome> {
        self.stream.write_all(request).await?;
        let head = self.head(target).await?;
        self.let_go(head.left).await?;
        Ok(head.outcome)
    }

    async fn head(&mut self, target: &Target) -> io::Result<Head> {
        let (mut bytes, mut filled) = ([0; MOST_OF_HEAD], 0);
        loop {
            let read = self.stream.read(&mut bytes[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(head) = judge(&bytes[..filled], target)? {
                return Ok(head);
            }
        }
    }

    /// `MSG_TRUNC`: the kernel throws the bytes away, so that one core takes in what another sends with all it has.
    async fn let_go(&self, mut left: usize) -> io::Result<()> {
        let mut space = vec![0; left.min(MOST_OF_BODY)];
        while left > 0 {
            let most = left.min(MOST_OF_BODY);
            self.stream.readable().await?;
            let taken = self
                .stream
                .try_io(Interest::READABLE, || Ok(recv(&self.stream, &mut space[..most], RecvFlags::TRUNC)?.1));
            match taken {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(taken) => left = left.checked_sub(taken).ok_or(io::ErrorKind::InvalidData)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// `None` while the head is not whole.
fn judge(bytes: &[u8], target: &Target) -> io::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; 48];
    let mut parsed = httparse::Response::new(&mut fields);
    let length = match parsed.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Partial if bytes.len() == MOST_OF_HEAD => return Err(io::ErrorKind::InvalidData.into()),
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let field = |name: &str| {
        let found = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.and_then(|field| std::str::from_utf8(field.value).ok())
    };
    let body = field("content-length").and_then(|text| text.parse::<usize>().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let outcome = match parsed.code {
        Some(206) if body as u64 == target.range_bytes => Outcome::Answered,
        Some(503) if field("retry-after").is_some() => Outcome::Refused,
        _ => Outcome::Wrong,
    };
    let left = body.checked_sub(bytes.len() - length).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Some(Head { outcome, left }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(head: &str) -> Option<Outcome> {
        let target = Target::new("http://127.0.0.1/", 10, 10).unwrap();
        judge(head.as_bytes(), &target).unwrap().map(|head| head.outcome)
    }

    #[test]
    fn an_answer_is_the_range_or_a_refusal_that_says_when_to_come_again() {
        assert_eq!(outcome("HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n"), Some(Outcome::Answered));
        assert_eq!(outcome("HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n\r\n"), Some(Outcome::Wrong));
        assert_eq!(outcome("HTTP/1.1 503 No\r\nretry-after: 2\r\ncontent-length: 3\r\n\r\n"), Some(Outcome::Refused));
        assert_eq!(outcome("HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\n"), Some(Outcome::Wrong));
        assert_eq!(outcome("HTTP/1.1 206 Partial"), None);
    }
}
