// Prints who came and who left, and for how long of it nobody looked.
import { readFileSync } from "node:fs";
import { createClient } from "redis";

const file = process.env.REDIS_PASSWORD_FILE;
const password = file ? readFileSync(file, "utf8").trim() : undefined;
const client = createClient({ url: process.env.REDIS_URL, password });
client.on("error", (error) => console.error(error.message));
await client.connect();
await client.pSubscribe("vision:events:{*}", (text) => {
  const event = JSON.parse(text);
  if (event.type === "update") return;
  console.log(event.camera, event.type, event.label, "gaps", event.gaps.length);
});
