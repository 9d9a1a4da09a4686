//! A `multipart/form-data` body, well formed or not.

pub(crate) const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

/// The parts so far.
pub(crate) struct Form(Vec<u8>);

/// An empty form.
pub(crate) fn form() -> Form {
    Form(Vec::new())
}

impl Form {
    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\""), bytes)
    }

    pub(crate) fn typed_file(self, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let disposition = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
        self.part(&format!("{disposition}\r\nContent-Type: {media_type}"), bytes)
    }

    /// A part with this header, whatever it says.
    pub(crate) fn part(mut self, header: &str, content: &[u8]) -> Self {
        self.0.extend_from_slice(format!("--{BOUNDARY}\r\n{header}\r\n\r\n").as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// The media type and the body.
    pub(crate) fn finish(mut self) -> (String, Vec<u8>) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (media_type(), self.0)
    }

    /// The body without its closing boundary.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }
}

pub(crate) fn media_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}
