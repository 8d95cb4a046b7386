// Doubles a of each row, for the benchmark.
import { createInterface } from "node:readline";

let out = "";
for await (const line of createInterface({ input: process.stdin })) {
  const row = JSON.parse(line);
  out += JSON.stringify({ id: row.id, b: row.a * 2 }) + "\n";
  if (row.bellows_left === 0 || out.length > 65536) {
    process.stdout.write(out);
    out = "";
  }
}
