"""Makes files cold: nothing of them stays in the page cache. drop_from_memory.py <files>"""
import os
import sys

for path in sys.argv[1:]:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
