// Prints what the cameras see, as they see it.
import { readFileSync } from "node:fs";
import { createClient } from "redis";

const file = process.env.REDIS_PASSWORD_FILE;
const password = file ? readFileSync(file, "utf8").trim() : undefined;
const client = createClient({ url: process.env.REDIS_URL, password });
client.on("error", (error) => console.error(error.message));
await client.connect();
await client.pSubscribe("vision:detections:{*}", (text) => {
  const message = JSON.parse(text);
  const labels = message.detections.map((found) => found.label);
  console.log(message.camera, message.seq, ...labels);
});
