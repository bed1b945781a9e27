// Zones and lines of the cameras, as they stand in the configuration.

const NONE = { zones: [], lines: [] };

export class Zones {
  #cameras = new Map();

  get size() {
    return this.#cameras.size;
  }

  /** `{ zones, lines }` of a camera, each with its name and points. */
  of(camera) {
    return this.#cameras.get(camera) ?? NONE;
  }

  /** Ask for them; they change only with a restart, so once for each contact is enough. */
  async load() {
    try {
      const response = await fetch("api/zones");
      if (!response.ok) return;
      const { cameras } = await response.json();
      this.#cameras = new Map(Object.entries(cameras));
    } catch {
      // The event stream tells when the node is gone.
    }
  }
}
