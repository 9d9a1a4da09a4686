"""Tells schemathesis how bodies of resumable uploads are written: as they are."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
