// Makes slugs for migrations/20261110093000_fill_slugs.sql: one row as JSON on each
// line of the standard input, one answer on each line of the standard output.
import { createInterface } from "node:readline";
import { slugOf } from "./slug.mjs";

let out = "";
for await (const line of createInterface({ input: process.stdin })) {
  const { id, title, bellows_left } = JSON.parse(line);
  out += JSON.stringify({ id, slug: slugOf(title) }) + "\n";
  if (bellows_left === 0 || out.length > 1 << 16) {
    process.stdout.write(out);
    out = "";
  }
}
