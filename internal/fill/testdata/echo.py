"""Answers each row as it came."""
import json
import sys

for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps(row))
    if row["bellows_left"] == 0:
        sys.stdout.flush()
