"""Answers each row as it came, with v, which is twice n."""
import json
import sys

for line in sys.stdin:
    row = json.loads(line)
    row["v"] = row["n"] * 2
    print(json.dumps(row))
    if row["bellows_left"] == 0:
        sys.stdout.flush()
