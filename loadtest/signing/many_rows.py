"""SQL that fills a catalog: many_rows.py sqlite|postgres <users> <files of user_0>

Users have 100 files each, `u<user>f<number>`, and user_0 as many as is said. A thousandth of all is audio. Rows that
are there already stay.
"""
import sys

FILES = 100
NUMBERS = {
    "sqlite": "(WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < {count}) SELECT i FROM numbers)",
    "postgres": "(SELECT i FROM generate_series(0, {count} - 1) AS i)",
}
STATEMENT = """INSERT INTO files (id, user_id, job_id, object_key, filename, content_type, size, etag, state, created_at, modified_at_seconds)
SELECT 'u' || u || 'f' || f, 'user_' || u, 'job_' || f, 'managed/u' || u || 'f' || f, 'a.mp4',
  CASE WHEN (u + f) % 1000 = 0 THEN 'audio/mpeg' ELSE 'video/mp4' END, 1, '"a"', 'ready', f * 1000, 1
FROM (SELECT {user} AS u, {file} AS f FROM {numbers} AS numbers) AS named WHERE true ON CONFLICT DO NOTHING;"""

dialect, users, large = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for user, file, count in ((f"i / {FILES}", f"i % {FILES}", users * FILES), ("0", "i", large)):
    print(STATEMENT.format(user=user, file=file, numbers=NUMBERS[dialect].format(count=count)))
print("ANALYZE;")
