// What the page knows of one camera, and the loading of its pictures.

import { LatencyHistory } from "./spark.js";

export class Camera {
  view = null;
  retryAt = null;
  /** { bitmap, message }: a picture and the message that describes this very picture. */
  picture = null;
  latencies = new LatencyHistory();
  #wantedBy = new Set();
  #next = null;
  #loading = null;
  #onPicture;

  constructor(name, onPicture) {
    this.name = name;
    this.#onPicture = onPicture;
  }

  /** Pictures are loaded while somebody wants them. */
  want(who, wanted) {
    if (wanted) this.#wantedBy.add(who);
    else this.#wantedBy.delete(who);
  }

  /** Take a message; of those that come while a picture loads, the newest is next. */
  offer(message) {
    this.latencies.add(message);
    if (this.#wantedBy.size === 0) return;
    this.#next = message;
    if (this.#loading === null) this.#load();
  }

  rest() {
    this.#next = null;
    this.#loading?.abort();
  }

  async #load() {
    while (this.#next !== null) {
      const message = this.#next;
      this.#next = null;
      this.#loading = new AbortController();
      try {
        const bitmap = await this.#fetch(message, this.#loading.signal);
        if (bitmap !== null) this.#show({ bitmap, message });
      } catch {
        // Cut off, or the node went away: the event stream tells the latter.
      }
    }
    this.#loading = null;
  }

  async #fetch(message, signal) {
    const name = encodeURIComponent(this.name);
    const path = `api/cameras/${name}/frames/${message.run}-${message.seq}.jpg`;
    const response = await fetch(path, { signal });
    // A slow connection finds the frame gone; the next message has another one.
    return response.ok ? createImageBitmap(await response.blob()) : null;
  }

  #show(picture) {
    this.picture?.bitmap.close();
    this.picture = picture;
    this.#onPicture(this);
  }
}
