// The latency of a camera's last minute as a line.

import { setText } from "./elements.js";
import { milliseconds } from "./wording.js";

const SPAN_MS = 60_000;
// A longer silence is a gap in the line, not a slope.
const GAP_MS = 3_000;
const LEAST_TOP_MS = 100;
const WIDTH = 240;
const HEIGHT = 32;

/** Capture to publish of a message, reckoned as the node does: a camera's clock may be ahead. */
export function latencyOf({ time }) {
  const published = Date.parse(time.published);
  return published - Math.min(Date.parse(time.captured), Date.parse(time.received));
}

export class LatencyHistory {
  #samples = [];

  add(message) {
    const at = Date.parse(message.time.published);
    this.#samples.push({ at, ms: latencyOf(message) });
    this.#forget(at);
  }

  recent(now) {
    this.#forget(now);
    return this.#samples;
  }

  #forget(now) {
    const first = this.#samples.findIndex(({ at }) => now - at <= SPAN_MS);
    this.#samples.splice(0, first < 0 ? this.#samples.length : first);
  }
}

/** Draw the history into a figure with a `svg` and a caption `.spark-top`. */
export function drawSpark(figure, history, now) {
  const samples = history.recent(now);
  const highest = Math.max(0, ...samples.map(({ ms }) => ms));
  const top = niceTop(highest);
  const x = (at) => (WIDTH * (1 - (now - at) / SPAN_MS)).toFixed(1);
  const y = (ms) => (HEIGHT - 1 - (HEIGHT - 3) * (ms / top)).toFixed(1);
  let line = "";
  let before = null;
  for (const { at, ms } of samples) {
    const isFirst = before === null || at - before > GAP_MS;
    // A lone sample is a dot: a line of no length with round ends.
    line += isFirst ? `M${x(at)} ${y(ms)}h0` : `L${x(at)} ${y(ms)}`;
    before = at;
  }
  const svg = figure.querySelector("svg");
  svg.firstElementChild.setAttribute("d", line);
  const median = samples.map(({ ms }) => ms).sort((a, b) => a - b)[samples.length >> 1];
  svg.setAttribute(
    "aria-label",
    samples.length === 0
      ? "Latency of the last minute: no message"
      : `Latency of the last minute: median ${milliseconds(median)}, at most ${milliseconds(highest)}`,
  );
  setText(figure.querySelector(".spark-top"), samples.length === 0 ? "" : milliseconds(top));
}

/** The next round number: the scale does not jump with each sample. */
function niceTop(highest) {
  for (let decade = LEAST_TOP_MS; ; decade *= 10)
    for (const step of [1, 1.5, 2, 3, 4, 6, 8]) if (highest <= step * decade) return step * decade;
}
