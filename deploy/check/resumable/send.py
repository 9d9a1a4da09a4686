"""Sends a file with tuspy, and prints the upload's URL and the id of the file that it became.

python send.py <endpoint> <file with an Authorization header> <file>
"""

import sys
from pathlib import Path

from tusclient.client import TusClient

endpoint, header, file = sys.argv[1:]
name, value = Path(header).read_text().strip().split(": ", 1)
sender = TusClient(endpoint, headers={name: value}).uploader(
    file,
    metadata={"filename": "été 🎬.bin", "title": "by tuspy"},
    # Of all chunks together, as they are one.
    retries=200,
    retry_delay=0.2,
)
sender.upload()
print(sender.url, sender.request.response_headers["upload-file-id"])
