// Every detection of a camera once, also after a crash; several workers share them.
import { readFileSync } from "node:fs";
import { createClient } from "redis";

const [key, group, me] = ["vision:detections:{front}", "example", "worker-1"];
const file = process.env.REDIS_PASSWORD_FILE;
const password = file ? readFileSync(file, "utf8").trim() : undefined;
const client = await createClient({ url: process.env.REDIS_URL, password }).connect();
await client.xGroupCreate(key, group, "0", { MKSTREAM: true }).catch(() => {}); // it is there
let id = "0"; // what was taken before a crash and not acknowledged; ">" is what is new
for (;;) {
  const read = await client.xReadGroup(group, me, { key, id }, { COUNT: 100, BLOCK: 1000 });
  const entries = read?.[0].messages ?? [];
  if (!entries.length) id = ">";
  for (const entry of entries) {
    const message = JSON.parse(entry.message.message);
    console.log(message.camera, message.seq);
    await client.xAck(key, group, entry.id);
  }
}
