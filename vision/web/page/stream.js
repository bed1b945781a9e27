// The event stream of the node: reconnects by itself, rests while the page is hidden.

const SILENCE_MS = 5000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 8000;

export class Stream {
  #source = null;
  #retry = 0;
  #silence = 0;
  #wait = FIRST_WAIT_MS;
  #handlers;

  /** handlers: cameras, detections, event, status (each with the parsed message), lost, rest. */
  constructor(handlers) {
    this.#handlers = handlers;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        this.#close();
        this.#handlers.rest();
      } else {
        this.open();
      }
    });
  }

  open() {
    this.#close();
    if (document.hidden) return;
    this.#source = new EventSource("api/events");
    this.#source.onerror = () => this.#lose();
    for (const kind of ["cameras", "detections", "event", "status"]) {
      this.#source.addEventListener(kind, (event) => {
        if (kind === "cameras") this.#alive();
        this.#handlers[kind](JSON.parse(event.data));
      });
    }
    this.#listen();
  }

  #alive() {
    this.#wait = FIRST_WAIT_MS;
    this.#listen();
  }

  // The overview comes each second: a longer silence is a node that hangs or a dead link.
  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS);
  }

  #lose() {
    this.#close();
    this.#handlers.lost();
    this.#retry = setTimeout(() => this.open(), this.#wait * (0.8 + 0.4 * Math.random()));
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
  }

  #close() {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }
}
