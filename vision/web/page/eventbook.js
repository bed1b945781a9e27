// What the page knows of events: the newest message of each.

const MOST = 400;
// Of what is in sight there are news every few seconds, of what stands still less often.
const STALE_MS = 10_000;
const STALE_STILL_MS = 120_000;
// More than clocks of several machines differ: what is dated later is from before a clock was put back.
const AHEAD_MS = 60_000;

export class EventBook {
  #events = new Map();

  /** Take a message; false for one that is known or older. */
  offer(message) {
    const known = this.#events.get(message.id);
    if (known !== undefined && known.revision >= message.revision) return false;
    this.#events.delete(message.id);
    this.#events.set(message.id, message);
    if (this.#events.size > MOST) this.#forget();
    return true;
  }

  /** A camera's events, of all where that is null, those that began last first. */
  newest(most, camera, nodeNow) {
    const found = [...this.#events.values()].filter(
      (event) => camera === null || event.camera === camera,
    );
    return found.sort(byStart(nodeNow)).slice(0, most);
  }

  /** Those of a camera whose objects are in sight, as far as anybody has told of late. */
  inSight(camera, nodeNow) {
    return [...this.#events.values()].filter(
      (event) =>
        event.camera === camera && isOpen(event) && isFresh(event, nodeNow),
    );
  }

  get size() {
    return this.#events.size;
  }

  #forget() {
    const ended = [...this.#events.values()].find((event) => !isOpen(event));
    this.#events.delete((ended ?? this.#events.values().next().value).id);
  }
}

export const isOpen = (event) => event.type !== "end";

/** Whether somebody has told of it of late: the worker of an event without an end may be gone. */
export function isFresh({ stationary, time }, nodeNow) {
  const age = nodeNow - Date.parse(time.published);
  return age > -AHEAD_MS && age < (stationary ? STALE_STILL_MS : STALE_MS);
}

/** The part of an event's id that tells it from the others in sight: its first frame. */
export function shortId({ id }) {
  const [, seq, index] = id.slice(id.lastIndexOf(":") + 1).split("-");
  return index === "0" ? `#${seq}` : `#${seq}.${index}`;
}

/** By when they began; those that would begin in the future come after all that is past. */
function byStart(nodeNow) {
  const ahead = ({ time }) => Date.parse(time.started) - nodeNow > AHEAD_MS;
  return (a, b) =>
    ahead(a) - ahead(b) ||
    Date.parse(b.time.started) - Date.parse(a.time.started) ||
    (a.id < b.id ? 1 : -1);
}
