// One camera in the grid.

import { draw } from "./canvas.js";
import { setCover } from "./cover.js";
import { byId, dot, make, setText, setTone } from "./elements.js";
import { drawSpark } from "./spark.js";
import { duration, latency, moment, number, rate, span, stateOf, warning } from "./wording.js";

const MOST_LABELS = 6;

const onScreen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries)
      target.tile.camera.want("tile", isIntersecting);
  },
  { rootMargin: "10%" },
);

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) target.closest(".tile").tile.redraw();
});

export class Tile {
  #filter;
  #layers;
  #canvas;
  #frame;

  constructor(camera, filter, layers, { onEnlarge, onHide }) {
    this.camera = camera;
    this.#filter = filter;
    this.#layers = layers;
    this.element = byId("tile").content.firstElementChild.cloneNode(true);
    this.element.tile = this;
    this.#frame = this.element.querySelector(".picture");
    this.#canvas = this.element.querySelector("canvas");
    setText(this.element.querySelector("h2"), camera.name);
    const enlarge = this.element.querySelector(".enlarge");
    enlarge.setAttribute("aria-label", `Enlarge ${camera.name}`);
    enlarge.addEventListener("click", onEnlarge);
    const hide = this.element.querySelector(".hide");
    hide.setAttribute("aria-label", `Hide ${camera.name}`);
    hide.addEventListener("click", onHide);
    onScreen.observe(this.element);
    resized.observe(this.#canvas);
  }

  remove() {
    onScreen.unobserve(this.element);
    resized.unobserve(this.#canvas);
    this.element.remove();
  }

  update(nodeNow) {
    const { view } = this.camera;
    const part = (selector) => this.element.querySelector(selector);
    setTone(part(".pill"), stateOf(view));
    part(".pill").title = view.reason;
    setText(part(".since"), span((nodeNow - Date.parse(view.since)) / 1000));
    part(".since").title = `since ${moment(view.since)}`;
    setText(part(".reason"), warning(view));
    part(".reason").hidden = warning(view) === "";
    part(".hide").hidden = !["stopped", "disabled"].includes(view.state);
    setText(part(".figure-in"), rate(view.fps_in));
    setText(part(".figure-inferred"), rate(view.fps_inferred));
    setText(part(".figure-age"), duration(view.frame_age_s));
    setText(part(".figure-latency"), latency(view));
    drawSpark(part(".spark"), this.camera.latencies, nodeNow);
    this.#updateLabels(part(".labels"));
    setCover(this.#frame, this.camera, nodeNow);
  }

  redraw() {
    const { name, picture } = this.camera;
    draw(this.#canvas, picture, this.#filter, (...onto) => this.#layers.draw(name, ...onto));
  }

  #updateLabels(list) {
    const { view, picture } = this.camera;
    const present = new Set(picture?.message.detections.map(({ label }) => label));
    const labels = Object.entries(view.labels).sort(([, a], [, b]) => b - a);
    const chips = labels.slice(0, MOST_LABELS).map(([label, count]) => {
      const chip = make(
        "li",
        "chip",
        dot(label),
        `${label} `,
        make("span", "count", number(count)),
      );
      chip.classList.toggle("present", present.has(label));
      return chip;
    });
    if (labels.length > MOST_LABELS) {
      chips.push(make("li", "chip more", `and ${labels.length - MOST_LABELS} more`));
    }
    if (chips.length === 0) chips.push(make("li", "chip more", "nothing seen yet"));
    list.replaceChildren(...chips);
  }
}
