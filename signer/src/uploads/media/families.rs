//! Kinds of bytes that can be told apart for certain, and the media types that name each of them.

/// Bytes of one kind, under all their names.
pub(super) struct Family {
    /// What people are told it is.
    pub(super) name: &'static str,
    /// What the sniffer calls it.
    pub(super) sniffed: &'static [&'static str],
    /// Types that may be declared for it. Bytes of another family contradict them.
    pub(super) types: &'static [&'static str],
    /// What its other types begin with: one that stands nowhere in this table may be of it.
    pub(super) kinds: &'static [&'static str],
}

pub(super) const ISO: &str = "an MP4 container";
pub(super) const MATROSKA: &str = "a Matroska container";
pub(super) const SVG: &str = "SVG";

/// Office documents are in no list: a `.doc` may hold RTF, HTML, OLE or ZIP, and all of them open.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: ISO,
        sniffed: &["video/mp4", "video/x-m4v", "video/quicktime", "audio/m4a", "image/heif", "image/avif"],
        types: &[
            "application/mp4",
            "audio/3gpp",
            "audio/3gpp2",
            "audio/aac",
            "audio/m4a",
            "audio/mp4",
            "audio/x-m4a",
            "audio/x-m4b",
            "image/avif",
            "image/heic",
            "image/heic-sequence",
            "image/heif",
            "image/heif-sequence",
            "video/3gpp",
            "video/3gpp2",
            "video/iso.segment",
            "video/mp4",
            "video/quicktime",
            "video/x-m4v",
        ],
        kinds: &["audio", "image", "video"],
    },
    Family {
        name: MATROSKA,
        sniffed: &["video/x-matroska", "video/webm"],
        types: &[
            "application/x-matroska",
            "audio/matroska",
            "audio/webm",
            "audio/x-matroska",
            "video/matroska",
            "video/webm",
            "video/x-matroska",
        ],
        kinds: &["audio", "video"],
    },
    Family {
        name: "an Ogg container",
        sniffed: &["audio/ogg", "audio/opus"],
        types: &[
            "application/ogg",
            "audio/flac",
            "audio/ogg",
            "audio/opus",
            "audio/vorbis",
            "audio/x-flac",
            "video/ogg",
        ],
        kinds: &["audio", "video"],
    },
    Family {
        name: "AVI",
        sniffed: &["video/x-msvideo"],
        types: &["video/avi", "video/msvideo", "video/vnd.avi", "video/x-msvideo"],
        kinds: &["audio", "video"],
    },
    Family {
        name: "Windows Media",
        sniffed: &["video/x-ms-wmv"],
        types: &["application/vnd.ms-asf", "audio/x-ms-wma", "video/x-ms-asf", "video/x-ms-wmv"],
        kinds: &["audio", "video"],
    },
    Family {
        name: "MPEG video",
        sniffed: &["video/mpeg"],
        types: &["video/mpeg", "video/x-mpeg", "video/mp2p"],
        kinds: &["audio", "video"],
    },
    Family { name: "Flash video", sniffed: &["video/x-flv"], types: &["video/flv", "video/x-flv"], kinds: &["video"] },
    Family {
        // A tag of ID3 may stand in front of other audio too.
        name: "MPEG audio",
        sniffed: &["audio/mpeg", "audio/aac"],
        types: &["audio/aac", "audio/aacp", "audio/flac", "audio/mp3", "audio/mpeg", "audio/x-aac", "audio/x-flac"],
        kinds: &["audio"],
    },
    Family { name: "FLAC", sniffed: &["audio/x-flac"], types: &["audio/flac", "audio/x-flac"], kinds: &["audio"] },
    Family {
        name: "WAVE audio",
        sniffed: &["audio/x-wav"],
        types: &["audio/vnd.wave", "audio/wav", "audio/wave", "audio/x-wav"],
        kinds: &["audio"],
    },
    Family {
        name: "a JPEG image",
        sniffed: &["image/jpeg"],
        types: &["image/jpeg", "image/jpg", "image/pjpeg", "video/mjpeg", "video/x-mjpeg", "video/x-motion-jpeg"],
        kinds: &["image"],
    },
    Family {
        name: "a PNG image",
        sniffed: &["image/png"],
        types: &["image/apng", "image/png", "image/vnd.mozilla.apng", "image/x-png"],
        kinds: &["image"],
    },
    Family { name: "a GIF image", sniffed: &["image/gif"], types: &["image/gif"], kinds: &["image"] },
    Family { name: "a WebP image", sniffed: &["image/webp"], types: &["image/webp"], kinds: &["image"] },
    Family {
        name: "a TIFF image",
        sniffed: &["image/tiff", "image/x-canon-cr2"],
        types: &["image/tiff", "image/tiff-fx"],
        kinds: &["image"],
    },
    Family {
        name: "a bitmap image",
        sniffed: &["image/bmp"],
        types: &["image/bmp", "image/x-bmp", "image/x-ms-bmp"],
        kinds: &["image"],
    },
    Family {
        name: "a font",
        sniffed: &["application/font-woff", "application/font-sfnt"],
        types: &[],
        kinds: &["font"],
    },
    Family { name: "PDF", sniffed: &["application/pdf"], types: &["application/pdf", "application/x-pdf"], kinds: &[] },
    Family {
        name: "a ZIP archive",
        sniffed: &[
            "application/epub+zip",
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/zip",
            "image/openraster",
        ],
        types: &["application/zip", "application/x-zip-compressed", "image/openraster"],
        kinds: &[],
    },
    Family {
        // A compressed drawing is declared as the drawing.
        name: "gzip",
        sniffed: &["application/gzip"],
        types: &["application/gzip", "application/x-gzip", "image/svg+xml"],
        kinds: &[],
    },
    Family {
        name: "HTML",
        sniffed: &["text/html"],
        types: &["application/xhtml+xml", "image/svg+xml", "text/html"],
        kinds: &["text"],
    },
    Family {
        name: "XML",
        sniffed: &["text/xml"],
        types: &["application/xhtml+xml", "image/svg+xml", "text/html"],
        kinds: &["text"],
    },
    Family { name: SVG, sniffed: &[], types: &["image/svg+xml", "text/html"], kinds: &["text"] },
    Family { name: "a script", sniffed: &["text/x-shellscript"], types: &[], kinds: &["text"] },
    Family { name: "RTF", sniffed: &["application/rtf"], types: &["application/rtf", "text/rtf"], kinds: &["text"] },
    // Nothing is known for certain by these, but something else is not this.
    Family {
        name: "a playlist",
        sniffed: &[],
        types: &["application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"],
        kinds: &["text"],
    },
];

/// Types beside `text/...`, `...+json` and `...+xml` whose bytes are text.
pub(super) const TEXTS: [&str; 11] = [
    "application/ecmascript",
    "application/javascript",
    "application/json",
    "application/sql",
    "application/toml",
    "application/x-javascript",
    "application/x-sh",
    "application/x-subrip",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
];

/// What the sniffer takes for certain by two or three bytes that any file may begin with, by its extensions, and what it
/// finds anywhere near the beginning.
pub(super) const GUESSES: [&str; 10] = ["Z", "bc", "cpio", "der", "eot", "mobi", "obj", "pem", "ps", "swf"];
