// Draws a zone or line on a camera's picture and says what to write into vision.yaml. It writes
// nothing itself: who may see a camera need not be who may change its configuration.

import { draw } from "./canvas.js";
import { Draft } from "./draft.js";
import { byId, make, setText } from "./elements.js";
import { drawShapes } from "./layers.js";
import { isName, yamlOf } from "./yaml.js";

const DRAFT = "#fbbf24";
const REACH = 0.02;
const STEP = 0.01;
const FAR = 5;
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Editor {
  #dialog = byId("editor");
  #canvas = byId("editor-canvas");
  #camera = null;
  #filter;
  #zones;
  #draft = new Draft();
  #area = null;
  #cursor = [0.5, 0.5];
  #dragged = -1;

  constructor(filter, zones) {
    this.#filter = filter;
    this.#zones = zones;
    byId("editor-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#leave());
    byId("editor-from").addEventListener("change", () => this.#startFrom());
    byId("editor-name").addEventListener("input", () => this.redraw());
    for (const kind of ["zone", "line"])
      byId(`editor-${kind}`).addEventListener("change", () => this.#become(kind));
    byId("editor-add").addEventListener("click", () => this.#add(this.#cursor));
    byId("editor-clear").addEventListener("click", () => this.#clear());
    byId("editor-copy").addEventListener("click", () => this.#copy());
    byId("editor-form").addEventListener("submit", (event) => event.preventDefault());
    this.#canvas.addEventListener("keydown", (event) => this.#onKey(event));
    this.#canvas.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#onMove(event));
    for (const end of ["pointerup", "pointercancel"])
      this.#canvas.addEventListener(end, () => (this.#dragged = -1));
    new ResizeObserver(() => this.redraw()).observe(this.#canvas);
  }

  get camera() {
    return this.#camera;
  }

  show(camera) {
    this.#camera = camera;
    camera.want("editor", true);
    setText(byId("editor-title"), `Zones of ${camera.name}`);
    this.#offerStarts();
    this.#startFrom();
    this.#dialog.showModal();
    this.redraw();
  }

  close() {
    this.#dialog.close();
  }

  redraw() {
    if (this.#camera === null) return;
    const { name, picture } = this.#camera;
    draw(this.#canvas, picture, this.#filter, (...onto) => this.#drawDraft(...onto));
    byId("editor-no-picture").hidden = picture !== null;
    setText(byId("editor-yaml"), yamlOf(name, this.#draft, byId("editor-name").value));
    setText(byId("editor-says"), this.#says());
  }

  #drawDraft(context, area, ratio) {
    this.#area = { ...area, ratio };
    const { zones, lines } = this.#zones.of(this.#camera.name);
    drawShapes(context, area, ratio, { zones, lines });
    const { kind, points } = this.#draft;
    if (points.length > 1) {
      const shape = { name: byId("editor-name").value || kind, points };
      const shapes = kind === "zone" ? { zones: [shape], lines: [] } : { zones: [], lines: [shape] };
      drawShapes(context, area, ratio, shapes, DRAFT);
    }
    context.strokeStyle = DRAFT;
    context.lineWidth = 2 * ratio;
    for (const [x, y] of points) {
      context.beginPath();
      context.arc(area.left + x * area.width, area.top + y * area.height, 5 * ratio, 0, 7);
      context.stroke();
    }
    if (this.#canvas.matches(":focus-visible")) this.#drawCursor(context, area, ratio);
  }

  #drawCursor(context, area, ratio) {
    const x = area.left + this.#cursor[0] * area.width;
    const y = area.top + this.#cursor[1] * area.height;
    context.beginPath();
    for (const [dx, dy] of Object.values(ARROWS)) {
      context.moveTo(x + 3 * dx * ratio, y + 3 * dy * ratio);
      context.lineTo(x + 12 * dx * ratio, y + 12 * dy * ratio);
    }
    context.stroke();
  }

  #says() {
    const { kind, missing } = this.#draft;
    if (!isName(byId("editor-name").value)) return "It needs a name of a-z, 0-9 and single - or _.";
    if (missing > 0) return `${missing} more ${missing === 1 ? "point" : "points"} needed.`;
    if (kind === "line") return "The arrow points to where “in” leads.";
    const seen = this.#camera.picture?.message.detections ?? [];
    const held = seen.filter((detection) => this.#draft.holds(detection)).length;
    return `Objects of this picture that stand in it: ${held} of ${seen.length}.`;
  }

  #offerStarts() {
    const { zones, lines } = this.#zones.of(this.#camera.name);
    const offers = [
      ["A new one", ""],
      ...zones.map(({ name }) => [`Zone ${name}`, `zone ${name}`]),
      ...lines.map(({ name }) => [`Line ${name}`, `line ${name}`]),
    ];
    byId("editor-from").replaceChildren(
      ...offers.map(([text, value]) => new Option(text, value, value === "", value === "")),
    );
  }

  #startFrom() {
    const [kind, name] = byId("editor-from").value.split(" ");
    const shapes = this.#zones.of(this.#camera.name);
    const known = (kind === "line" ? shapes.lines : shapes.zones).find((one) => one.name === name);
    this.#draft.kind = kind === "line" ? "line" : "zone";
    this.#draft.points = (known?.points ?? []).map(([x, y]) => [x, y]);
    byId("editor-name").value = known?.name ?? "";
    byId(`editor-${this.#draft.kind}`).checked = true;
    this.#listPoints();
  }

  #become(kind) {
    this.#draft.become(kind);
    this.#listPoints();
  }

  #clear() {
    this.#draft.points = [];
    this.#listPoints();
  }

  #add(point) {
    this.#draft.add(point);
    this.#listPoints();
    const [x, y] = this.#draft.points.at(-1);
    setText(byId("editor-status"), `Point ${this.#draft.points.length} at ${x}, ${y}.`);
  }

  #listPoints() {
    byId("editor-points").replaceChildren(
      ...this.#draft.points.map((point, index) => this.#row(point, index)),
    );
    this.redraw();
  }

  #row(point, index) {
    const fields = ["x", "y"].map((axis, at) => {
      const field = make("input", "");
      Object.assign(field, { type: "number", min: 0, max: 1, step: 0.001, value: point[at] });
      field.addEventListener("input", () => {
        const moved = [...this.#draft.points[index]];
        moved[at] = Number(field.value);
        this.#draft.move(index, moved);
        this.redraw();
      });
      return make("label", "", `${axis} `, make("span", "hidden-text", `of point ${index + 1}`), field);
    });
    const remove = make("button", "plain", "×");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove point ${index + 1}`);
    remove.addEventListener("click", () => {
      this.#draft.remove(index);
      this.#listPoints();
      // The button that had the focus is gone.
      const rows = byId("editor-points").children;
      (rows[Math.min(index, rows.length - 1)]?.querySelector("button") ?? byId("editor-add")).focus();
    });
    return make("li", "", ...fields, remove);
  }

  #onKey(event) {
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) {
      const step = STEP * (event.shiftKey ? FAR : 1);
      this.#cursor = this.#cursor.map((share, axis) =>
        Math.min(1, Math.max(0, share + arrow[axis] * step)),
      );
      this.redraw();
    } else if (event.key === "Enter" || event.key === " ") {
      this.#add(this.#cursor);
    } else if (event.key === "Backspace" || event.key === "Delete") {
      this.#draft.remove();
      this.#listPoints();
    } else {
      return;
    }
    event.preventDefault();
  }

  #onDown(event) {
    if (this.#area === null || this.#camera.picture === null) return;
    const point = this.#pointOf(event);
    const aspect = this.#area.width / this.#area.height;
    this.#dragged = this.#draft.near(point, REACH, aspect);
    if (this.#dragged < 0) {
      this.#add(point);
      this.#dragged = this.#draft.points.length - 1;
    }
    this.#canvas.setPointerCapture(event.pointerId);
  }

  #onMove(event) {
    if (this.#dragged < 0 || this.#dragged >= this.#draft.points.length) return;
    this.#draft.move(this.#dragged, this.#pointOf(event));
    this.#listPoints();
  }

  #pointOf(event) {
    const { left, top, width, height, ratio } = this.#area;
    return [(event.offsetX * ratio - left) / width, (event.offsetY * ratio - top) / height];
  }

  async #copy() {
    const text = byId("editor-yaml").textContent;
    try {
      await navigator.clipboard.writeText(text);
      setText(byId("editor-status"), "Copied.");
    } catch {
      // Browsers allow it on https and loopback only.
      getSelection().selectAllChildren(byId("editor-yaml"));
      setText(byId("editor-status"), "Selected: copy it with Ctrl-C.");
    }
  }

  #leave() {
    this.#camera?.want("editor", false);
    this.#camera = null;
    this.#draft.points = [];
    setText(byId("editor-status"), "");
  }
}
