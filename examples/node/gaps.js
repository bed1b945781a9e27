// Says which frames nobody looked at, and which messages did not arrive.
import { readFileSync } from "node:fs";
import { createClient } from "redis";

const file = process.env.REDIS_PASSWORD_FILE;
const password = file ? readFileSync(file, "utf8").trim() : undefined;
const client = createClient({ url: process.env.REDIS_URL, password });
client.on("error", (error) => console.error(error.message));
await client.connect();
const last = new Map(); // the newest seq of each camera's run
await client.pSubscribe("vision:detections:{*}", (text) => {
  const { camera, run, seq, skipped } = JSON.parse(text);
  const expected = (last.get(camera + run) ?? seq - 1 - skipped) + 1 + skipped;
  const missing = seq - expected;
  if (missing || skipped) console.log(camera, seq, "skipped", skipped, "missing", missing);
  last.set(camera + run, seq);
});
