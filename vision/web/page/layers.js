// What is drawn over a picture besides its boxes: zones and lines, and tracks of open events.

import { INK, colourOf } from "./colours.js";
import { shortId } from "./eventbook.js";
import { byId } from "./elements.js";

const ZONE = "#e2e8f0";
const FONT = "ui-sans-serif, system-ui, sans-serif";

export class Layers {
  #book;
  #zones;
  #filter;
  #nodeNow;
  #shown = new Set(["zones", "tracks"]);

  constructor(book, zones, filter, nodeNow, onChange) {
    this.#book = book;
    this.#zones = zones;
    this.#filter = filter;
    this.#nodeNow = nodeNow;
    for (const layer of this.#shown) {
      const button = byId(`layer-${layer}`);
      button.addEventListener("click", () => {
        const isShown = !this.#shown.delete(layer);
        if (isShown) this.#shown.add(layer);
        button.setAttribute("aria-pressed", String(isShown));
        button.classList.toggle("present", isShown);
        onChange();
      });
    }
  }

  /** Offer a switch for what there is. */
  update() {
    byId("layer-zones").hidden = this.#zones.size === 0;
    byId("layer-tracks").hidden = this.#book.size === 0;
    byId("filter-layers").hidden = this.#zones.size === 0 && this.#book.size === 0;
  }

  /** The names of a camera's zones and lines. */
  describe(camera) {
    const { zones, lines } = this.#zones.of(camera);
    return [...zones, ...lines].map(({ name }) => name).join(", ") || "None";
  }

  draw(camera, context, area, ratio) {
    if (this.#shown.has("zones")) drawShapes(context, area, ratio, this.#zones.of(camera));
    if (!this.#shown.has("tracks")) return;
    for (const event of this.#book.inSight(camera, this.#nodeNow()))
      if (this.#filter.admits(event)) drawTrack(context, area, ratio, event);
  }
}

/** Draw `{ zones: [{ name, points }], lines: [{ name, points }] }` in one colour. */
export function drawShapes(context, area, ratio, { zones, lines }, colour = ZONE) {
  for (const { name, points } of zones) {
    trace(context, area, points);
    context.closePath();
    context.fillStyle = `${colour}22`;
    context.fill();
    stroke(context, colour, ratio, [6 * ratio, 4 * ratio]);
    tag(context, name, at(area, topOf(points)), colour, ratio);
  }
  for (const { name, points } of lines) {
    trace(context, area, points);
    stroke(context, colour, ratio);
    drawInside(context, area, points, colour, ratio);
    tag(context, name, at(area, topOf(points)), colour, ratio);
  }
}

function drawTrack(context, area, ratio, event) {
  const colour = colourOf(event.label);
  trace(context, area, event.path);
  stroke(context, colour, ratio);
  const [x, y] = at(area, event.path.at(-1));
  context.beginPath();
  context.arc(x, y, 3.5 * ratio, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  // Within the box, whose own tag stands above or below it.
  tag(context, shortId(event), [x + 4 * ratio, y - 12 * ratio], colour, ratio);
}

/** An arrow at the middle of a line points to where `in` leads: to its right. */
function drawInside(context, area, points, colour, ratio) {
  const [[x1, y1], [x2, y2]] = [at(area, points[0]), at(area, points.at(-1))];
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [right, down] = [-(y2 - y1) / length, (x2 - x1) / length];
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const size = 12 * ratio;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + right * size, y + down * size);
  stroke(context, colour, ratio);
  context.beginPath();
  context.moveTo(x + right * 1.5 * size, y + down * 1.5 * size);
  context.lineTo(x + right * size - (down * size) / 3, y + down * size + (right * size) / 3);
  context.lineTo(x + right * size + (down * size) / 3, y + down * size - (right * size) / 3);
  context.closePath();
  context.fillStyle = colour;
  context.fill();
}

function at(area, [x, y]) {
  return [area.left + x * area.width, area.top + y * area.height];
}

function topOf(points) {
  return points.reduce((top, point) => (point[1] < top[1] ? point : top));
}

function trace(context, area, points) {
  context.beginPath();
  for (const point of points) context.lineTo(...at(area, point));
}

function stroke(context, colour, ratio, dash = []) {
  context.lineJoin = "round";
  context.lineCap = "round";
  context.setLineDash([]);
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = 3.5 * ratio;
  context.stroke();
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = 1.75 * ratio;
  context.stroke();
  context.setLineDash([]);
}

function tag(context, text, [x, y], colour, ratio) {
  const size = 11 * ratio;
  context.font = `600 ${size}px ${FONT}`;
  context.textBaseline = "middle";
  const width = context.measureText(text).width + size * 0.7;
  const left = Math.max(0, Math.min(x, context.canvas.width - width));
  const middle = Math.max(size * 0.7, Math.min(y, context.canvas.height - size * 0.7));
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(left, middle - size * 0.65, width, size * 1.3, size * 0.25);
  context.fill();
  context.fillStyle = INK;
  context.fillText(text, left + size * 0.35, middle);
}
