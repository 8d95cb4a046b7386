"""Works out rows for tests; the first argument says how it goes wrong, the second for
which row, the third names a file that makes it go wrong only once."""
import json
import os
import sys
import time

how = sys.argv[1] if len(sys.argv) > 1 else "well"
which = int(sys.argv[2]) if len(sys.argv) > 2 else 0
if len(sys.argv) > 3:
    if os.path.exists(sys.argv[3]):
        how = "well"
    elif how != "well":
        open(sys.argv[3], "w").close()


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")


if how == "at once":
    sys.exit(3)
if how == "environment":
    names = ["BELLOWS_RUN", "BELLOWS_REVISION", "BELLOWS_DIRECTION", "BELLOWS_TABLE", "BELLOWS_WORKER", "BELLOWS_URL", "DATABASE_URL"]
    print(os.getcwd(), [os.environ.get(n) for n in names], file=sys.stderr, flush=True)
if how == "deaf":
    time.sleep(600)

held = []
for line in sys.stdin:
    row = json.loads(line)
    answer = {"id": row["id"], "b": row["a"] * 2}
    if row["id"] == which:
        if how == "midway":
            sys.stdout.flush()
            print("cannot go on", file=sys.stderr, flush=True)
            sys.exit(9)
        if how == "hangs":
            sys.stdout.flush()
            time.sleep(600)
        if how == "closes":
            sys.stdout.flush()
            os.close(1)
            time.sleep(600)
        if how == "junk":
            answer = "not a row"
            sys.stdout.write("{]\n")
        if how == "list":
            answer = [1]
        if how == "other":
            answer["id"] = 999999
        if how == "twice":
            say(answer)
        if how == "missing":
            del answer["b"]
        if how == "unknown":
            answer["bb"] = answer.pop("b")
        if how == "nobody":
            answer = {"b": 1}
        if how == "value":
            answer["b"] = {"x": 1}
        if how == "long":
            chunk = "x" * (1 << 20)
            sys.stdout.write('{"b": "')
            for _ in range(100):
                sys.stdout.write(chunk)
            sys.stdout.write('"}\n')
            continue
        if how == "refuses":
            answer = {"error": "no such place", "id": row["id"]}
        if how == "skips":
            answer = {"skip": True, "id": row["id"]}
    if how == "wide":
        answer["a"] = "x" * 20000
    if how == "backwards":
        held.append(answer)
        if row["bellows_left"] == 0:
            for a in reversed(held):
                say(a)
            held = []
        else:
            continue
    elif how == "by key":
        say({"bellows_key": row["bellows_key"], **answer})
    elif how == "echo":
        say({**row, **answer})
    else:
        say(answer)
    if row["bellows_left"] == 0:
        sys.stdout.flush()
