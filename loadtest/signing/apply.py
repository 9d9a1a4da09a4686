"""Runs SQL on a SQLite file: apply.py <catalog> <statements>"""
import sqlite3
import sys
from pathlib import Path

sqlite3.connect(sys.argv[1], isolation_level=None).executescript(Path(sys.argv[2]).read_text())
