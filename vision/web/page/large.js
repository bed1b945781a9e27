// One camera as large as the window allows, with all that is known of it.

import { draw } from "./canvas.js";
import { setCover } from "./cover.js";
import { byId, dot, make, setRows, setText, setTone } from "./elements.js";
import { EventList } from "./eventlist.js";
import { drawSpark } from "./spark.js";
import { duration, latency, moment, number, percent, rate, sees, stateOf } from "./wording.js";

const MOST_EVENTS = 10;

export class Large {
  #dialog = byId("large");
  #canvas = byId("large-canvas");
  #camera = null;
  #filter;
  #layers;
  #book;
  #events = new EventList(byId("large-events"));
  #step;

  /** step(name, by) goes `by` cameras further in the grid, edit(camera) draws its zones. */
  constructor(filter, layers, book, { step, edit }) {
    byId("large-edit").addEventListener("click", () => edit(this.#camera));
    this.#filter = filter;
    this.#layers = layers;
    this.#book = book;
    this.#step = step;
    byId("large-close").addEventListener("click", () => this.#dialog.close());
    byId("large-previous").addEventListener("click", () => this.#go(-1));
    byId("large-next").addEventListener("click", () => this.#go(1));
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.#go(-1);
      if (event.key === "ArrowRight") this.#go(1);
    });
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#leave());
    new ResizeObserver(() => this.redraw()).observe(this.#canvas);
  }

  get camera() {
    return this.#camera;
  }

  show(camera, nodeNow) {
    this.#camera?.want("large", false);
    this.#camera = camera;
    camera.want("large", true);
    if (!this.#dialog.open) this.#dialog.showModal();
    history.replaceState(null, "", `#${encodeURIComponent(camera.name)}`);
    this.update(nodeNow);
    this.redraw();
  }

  close() {
    this.#dialog.close();
  }

  update(nodeNow) {
    if (this.#camera === null) return;
    const { name, view } = this.#camera;
    setText(byId("large-name"), name);
    setTone(byId("large-state"), stateOf(view));
    setRows(byId("large-rows"), [
      ["State since", moment(view.since)],
      ...(view.reason ? [["Reason", view.reason]] : []),
      ["Source", view.source_size === null ? "–" : view.source_size.join(" × ")],
      ["Frames in", rate(view.fps_in) + (view.is_asleep ? ", decoder asleep" : "")],
      ["Frames inferred", rate(view.fps_inferred)],
      ["Newest frame", duration(view.frame_age_s)],
      ["Latency p50 / p99", latency(view)],
      ["Messages", number(view.messages)],
    ]);
    setRows(byId("large-gate"), counts(view.gate), "Off");
    setRows(byId("large-skipped"), counts(view.skipped), "None");
    setRows(byId("large-labels"), counts(view.labels), "Nothing yet");
    const events = this.#book.newest(MOST_EVENTS, name, nodeNow);
    this.#events.update(events, nodeNow);
    byId("large-no-events").hidden = events.length > 0;
    setText(byId("large-zones"), this.#layers.describe(name));
    setCover(byId("large-picture"), this.#camera, nodeNow);
    drawSpark(byId("large-spark"), this.#camera.latencies, nodeNow);
  }

  redraw() {
    if (this.#camera === null) return;
    const { name, view, picture } = this.#camera;
    draw(this.#canvas, picture, this.#filter, (...onto) => this.#layers.draw(name, ...onto));
    const isLive = picture !== null && sees(view);
    const seen = isLive ? picture.message.detections.filter((one) => this.#filter.admits(one)) : [];
    this.#canvas.setAttribute("aria-label", `${name}: ${seen.length} objects`);
    const rows = seen.map(({ label, confidence }) =>
      make(
        "li",
        "",
        dot(label),
        make("span", "", label),
        make("span", "count", percent(confidence)),
      ),
    );
    if (rows.length === 0) rows.push(make("li", "quiet", isLive ? "Nothing" : "No picture"));
    byId("large-seen").replaceChildren(...rows);
  }

  #go(by) {
    this.#step(this.#camera.name, by);
  }

  #leave() {
    this.#camera?.want("large", false);
    this.#camera = null;
    history.replaceState(null, "", location.pathname);
  }
}

function counts(record) {
  return Object.entries(record)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => [word.replaceAll("_", " "), number(count)]);
}
