// A list of events, the newest first.

import { arrange, dot, make, setText, setTone } from "./elements.js";
import { isFresh, isOpen, shortId } from "./eventbook.js";
import { clock, duration, moment, percent } from "./wording.js";

// Around the object in its picture, as shares of the picture's sides.
const MARGIN = 0.06;
const LEAST = 0.2;

const GAPS = {
  skipped: "frames were skipped",
  gated: "nothing moved",
  camera: "the camera was away",
  stream: "messages are missing",
};
const IN_SIGHT = { word: "In sight", tone: "good" };
const NO_NEWS = { word: "No news", tone: "wait" };
const LEFT = { word: "Left", tone: "quiet" };
const ENDS = {
  camera: { word: "Camera lost", tone: "wait" },
  run: { word: "Track lost", tone: "wait" },
};

export class EventList {
  #list;
  #items = new Map();
  #onCamera;

  /** onCamera(name): what a click on a camera's name does; without it names are not shown. */
  constructor(list, onCamera = null) {
    this.#list = list;
    this.#onCamera = onCamera;
  }

  update(events, nodeNow) {
    const ids = new Set(events.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (ids.has(id)) continue;
      item.element.remove();
      this.#items.delete(id);
    }
    for (const event of events) {
      if (!this.#items.has(event.id)) this.#items.set(event.id, new Item(event, this.#onCamera));
      this.#items.get(event.id).update(event, nodeNow);
    }
    arrange(
      this.#list,
      events.map(({ id }) => this.#items.get(id).element),
    );
  }
}

class Item {
  #revision = -1;
  #picture = null;
  #thumb = make("span", "thumb none");
  #state = make("span", "pill");
  #what = make("span", "event-label");
  #when = make("time");
  #length = make("span");
  #zones = make("p", "event-zones");
  #gaps = make("p", "event-gaps");

  constructor(event, onCamera) {
    const where = [];
    if (onCamera !== null) {
      const button = make("button", "link", event.camera);
      button.type = "button";
      button.addEventListener("click", () => onCamera(event.camera));
      where.push(button, " · ");
    }
    this.#when.dateTime = event.time.started;
    this.#when.title = moment(event.time.started);
    this.#when.textContent = clock(event.time.started);
    this.element = make(
      "li",
      "event",
      this.#thumb,
      make(
        "div",
        "event-text",
        make("p", "event-head present", dot(event.label), this.#what, this.#state),
        make("p", "event-when", ...where, this.#when, " · ", this.#length),
        this.#zones,
        this.#gaps,
      ),
    );
  }

  update(event, nodeNow) {
    setText(this.#length, length(event, nodeNow));
    const isLost = isOpen(event) && !isFresh(event, nodeNow);
    setTone(this.#state, isLost ? NO_NEWS : isOpen(event) ? IN_SIGHT : (ENDS[event.end] ?? LEFT));
    if (this.#revision === event.revision) return;
    this.#revision = event.revision;
    setText(this.#what, `${event.label} ${shortId(event)}`);
    this.#what.title = `best seen with ${percent(event.best.confidence)}`;
    setText(this.#zones, places(event));
    this.#zones.hidden = this.#zones.textContent === "";
    setText(this.#gaps, gaps(event));
    this.#gaps.hidden = event.gaps.length === 0;
    this.#show(event);
  }

  /** The picture of the event, if there is one, and again when there is a better one. */
  #show(event) {
    const { snapshot, detection, box } = event.best;
    if (snapshot === null || this.#picture === detection) return;
    this.#picture = detection;
    const image = make("img");
    // The name stays while the picture becomes better.
    const source = `${pathOf(event)}?${encodeURIComponent(detection)}`;
    image.loading = "lazy";
    image.alt = `${event.label} on ${event.camera} at ${clock(event.best.at)}, enlarge`;
    image.addEventListener("load", () => crop(image, box));
    // Old pictures make way for new ones.
    image.addEventListener("error", () => this.#replace(make("span", "thumb none")));
    const link = make("a", "thumb", image);
    link.href = source;
    link.target = "_blank";
    link.rel = "noopener";
    image.src = source;
    this.#replace(link);
  }

  #replace(thumb) {
    this.#thumb.replaceWith(thumb);
    this.#thumb = thumb;
  }
}

const pathOf = ({ camera, id }) =>
  `api/cameras/${encodeURIComponent(camera)}/events/${encodeURIComponent(id)}.jpg`;

function length(event, nodeNow) {
  const seconds = event.duration_s;
  if (!isOpen(event)) return duration(seconds);
  const unseen = (nodeNow - Date.parse(event.time.seen)) / 1000;
  const word = event.stationary ? "does not move" : unseen > 5 ? `not seen for ${duration(unseen)}` : "";
  return [`for ${duration(seconds)}`, word].filter(Boolean).join(", ");
}

function places({ zones, lines }) {
  const visited = zones.entered.map((name) => {
    const seconds = zones.dwell_s[name] ?? 0;
    return seconds < 0.1 ? name : `${name} ${duration(seconds)}`;
  });
  const crossed = lines.map(({ line, direction }) => `${line} ${direction}`);
  return [...visited, ...crossed].join(" · ");
}

function gaps(event) {
  if (event.gaps.length === 0) return "";
  const seconds = event.gaps.reduce(
    (sum, gap) => sum + (Date.parse(gap.until) - Date.parse(gap.from)) / 1000,
    0,
  );
  const reasons = [...new Set(event.gaps.map(({ reason }) => GAPS[reason] ?? reason))];
  return `Not looked at for ${duration(seconds)}: ${reasons.join(", ")}`;
}

/** Enlarge the object: its picture shows the whole scene. */
function crop(image, [left, top, right, bottom]) {
  const frame = image.parentElement;
  if (frame === null) return;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const aspect = frame.clientWidth / frame.clientHeight;
  // The part to show in pixels: the box with a margin, in the thumbnail's aspect ratio.
  let [w, h] = [(right - left + 2 * MARGIN) * width, (bottom - top + 2 * MARGIN) * height];
  [w, h] = [Math.max(w, h * aspect, LEAST * width), Math.max(h, w / aspect)];
  w = Math.min(width, height * aspect, Math.max(w, h * aspect));
  h = w / aspect;
  const x = Math.max(0, Math.min(width - w, ((left + right) / 2) * width - w / 2));
  const y = Math.max(0, Math.min(height - h, ((top + bottom) / 2) * height - h / 2));
  image.style.width = `${(100 * width) / w}%`;
  image.style.left = `${(-100 * x) / w}%`;
  image.style.top = `${(-100 * y) / h}%`;
}
