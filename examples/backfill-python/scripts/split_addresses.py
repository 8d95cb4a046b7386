"""Takes addresses apart for migrations/20261110093000_split_addresses.sql.

One row comes as a JSON object on each line of the standard input. Each is answered
with one line on the standard output: what is written for it; or that it is passed
over; or why it cannot be done. What is said on the standard error is shown.
"""
import json
import re
import sys

LAST = re.compile(r"^(?P<code>[0-9]{4,5})\s+(?P<city>\S.*)$")

print("taking addresses apart", file=sys.stderr)
for line in sys.stdin:
    row = json.loads(line)
    address = row["address"].strip()
    found = LAST.match(address.split(",")[-1].strip())
    if found:
        answer = {"id": row["id"], "city": found["city"], "code": found["code"]}
    elif not address:
        answer = {"id": row["id"], "skip": True}
    else:
        answer = {"id": row["id"], "error": "no postal code and city at its end"}
    print(json.dumps(answer))
    if row["bellows_left"] == 0:  # the last row of a chunk: it waits for the answers
        sys.stdout.flush()
