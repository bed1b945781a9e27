// Which detections are drawn; a matter of this page only, messages are not touched.

import { byId, dot, make, setText } from "./elements.js";
import { percent } from "./wording.js";

const MOST_LABELS = 10;

export class Filter {
  #hidden = new Set();
  #confidence = 0;
  #buttons = new Map();
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
    const slider = byId("filter-confidence");
    slider.addEventListener("input", () => {
      this.#confidence = Number(slider.value);
      setText(
        byId("filter-confidence-text"),
        this.#confidence > 0 ? percent(this.#confidence) : "any",
      );
      onChange();
    });
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
  }

  admits({ label, confidence }) {
    return confidence >= this.#confidence && !this.#hidden.has(label);
  }

  /** Offer a switch for each of the labels seen most. */
  update(views) {
    const counts = new Map();
    for (const view of views) {
      for (const [label, count] of Object.entries(view.labels)) {
        counts.set(label, (counts.get(label) ?? 0) + count);
      }
    }
    byId("filters").hidden = counts.size === 0 && byId("filter-layers").hidden;
    const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_LABELS);
    for (const [label] of most) this.#button(label);
  }

  // A switch that has been offered stays where it is: nothing moves under a finger.
  #button(label) {
    if (this.#buttons.has(label) || this.#buttons.size >= MOST_LABELS) return;
    const button = make("button", "chip present", dot(label), label);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const isShown = this.#hidden.delete(label);
      if (!isShown) this.#hidden.add(label);
      button.setAttribute("aria-pressed", String(isShown));
      button.classList.toggle("present", isShown);
      this.#onChange();
    });
    this.#buttons.set(label, button);
    byId("filter-labels").append(button);
  }
}
