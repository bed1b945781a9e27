// The live page: the node's overview each second, and each camera's newest picture.

import { Camera } from "./camera.js";
import { arrange, byId, make, setText, setTone } from "./elements.js";
import { Editor } from "./editor.js";
import { EventBook } from "./eventbook.js";
import { EventList } from "./eventlist.js";
import { Filter } from "./filter.js";
import { Large } from "./large.js";
import { Layers } from "./layers.js";
import { Stream } from "./stream.js";
import { Tile } from "./tile.js";
import { clock, sees, stateOf } from "./wording.js";
import { Zones } from "./zones.js";

const MOST_REASONS = 4;
const MOST_EVENTS = 30;

const tiles = new Map();
const hidden = new Set();
let configured = [];
let clockOffset = 0;
let lastContact = null;
let nextDraw = null;

const nodeNow = () => Date.now() + clockOffset;
const filter = new Filter(redraw);
const book = new EventBook();
const zones = new Zones();
const layers = new Layers(book, zones, filter, nodeNow, redraw);
const events = new EventList(byId("event-list"), (name) => enlarge(name));
const editor = new Editor(filter, zones);
const large = new Large(filter, layers, book, { step, edit: (camera) => editor.show(camera) });

const stream = new Stream({
  cameras: showOverview,
  detections: (message) => tiles.get(message.camera)?.camera.offer(message),
  event: takeEvent,
  status: announce,
  lost: showLost,
  rest: () => tiles.forEach(({ camera }) => camera.rest()),
});

byId("show-hidden").addEventListener("click", showHidden);
byId("retry").addEventListener("click", () => stream.open());
stream.open();

function showOverview(overview) {
  clockOffset = Date.parse(overview.time) - Date.now();
  lastContact = new Date().toISOString();
  if (document.body.dataset.link !== "live") zones.load().then(showLayers);
  document.body.dataset.link = "live";
  byId("lost").hidden = true;
  byId("waiting").hidden = true;
  byId("no-cameras").hidden = overview.cameras.length > 0;
  showNode(overview);
  filter.update(overview.cameras);
  showCameras(overview.cameras);
}

function showNode({ ready, reasons, model, redis, version, cameras }) {
  setTone(
    byId("node-state"),
    ready ? { word: "Ready", tone: "good" } : { word: "Not ready", tone: "bad" },
  );
  byId("facts").hidden = false;
  const rate = cameras.reduce((sum, view) => sum + view.fps_inferred, 0);
  setText(byId("fact-online"), `${cameras.filter(sees).length} of ${cameras.length}`);
  setText(byId("fact-rate"), `${rate.toFixed(1)} per second`);
  setText(byId("fact-model"), model);
  setText(byId("fact-redis"), redis);
  setText(byId("version"), `Ariia Vision ${version}`);
  const section = byId("reasons");
  section.hidden = reasons.length === 0;
  section.dataset.tone = ready ? "wait" : "bad";
  const list = section.firstElementChild;
  const lines = reasons.slice(0, MOST_REASONS);
  if (reasons.length > lines.length) lines.push(`and ${reasons.length - lines.length} more`);
  if (list.textContent !== lines.join(""))
    list.replaceChildren(...lines.map((line) => make("li", "", line)));
}

function showCameras(views) {
  const names = new Set(views.map(({ name }) => name));
  for (const [name, tile] of tiles) {
    if (names.has(name)) continue;
    if (editor.camera === tile.camera) editor.close();
    if (large.camera === tile.camera) large.close();
    tile.camera.rest();
    tile.remove();
    tiles.delete(name);
  }
  const isFirst = tiles.size === 0;
  for (const view of views) {
    if (!tiles.has(view.name)) addTile(view.name);
    const { camera } = tiles.get(view.name);
    camera.view = view;
    if (sees(view)) camera.retryAt = null;
  }
  configured = views.map(({ name }) => name);
  order();
  updateTiles();
  if (isFirst) openFromAddress();
}

// Cameras that are off, or whose role has ended, can be put aside.
function hide(name) {
  hidden.add(name);
  order();
  byId("show-hidden").focus();
}

function showHidden() {
  hidden.clear();
  order();
  byId("cameras").focus();
}

/** Those that see nothing come first; sorting keeps the configuration's order otherwise. */
function order() {
  const rank = (tile) => stateOf(tile.camera.view).rank;
  for (const name of hidden)
    if (!["stopped", "disabled", "removed", "unknown"].includes(tiles.get(name)?.camera.view.state)) hidden.delete(name);
  const shown = configured.filter((name) => !hidden.has(name));
  for (const name of hidden) tiles.get(name).element.remove();
  byId("hidden-cameras").hidden = hidden.size === 0;
  setText(
    byId("hidden-cameras-text"),
    hidden.size === 1 ? "1 camera is hidden." : `${hidden.size} cameras are hidden.`,
  );
  const ordered = shown.map((name) => tiles.get(name)).sort((a, b) => rank(a) - rank(b));
  arrange(
    byId("cameras"),
    ordered.map(({ element }) => element),
  );
}

function addTile(name) {
  const camera = new Camera(name, (changed) => {
    tiles.get(name)?.redraw();
    if (large.camera === changed) large.redraw();
    if (editor.camera === changed) editor.redraw();
  });
  tiles.set(
    name,
    new Tile(camera, filter, layers, {
      onEnlarge: () => enlarge(name),
      onHide: () => hide(name),
    }),
  );
}

function step(name, by) {
  const names = [...byId("cameras").children].map((element) => element.tile.camera.name);
  enlarge(names[(names.indexOf(name) + by + names.length) % names.length]);
}

function enlarge(name) {
  const tile = tiles.get(name);
  if (tile !== undefined) large.show(tile.camera, nodeNow());
}

// A page that opens gets many at once: they are shown together.
function takeEvent(event) {
  if (book.offer(event)) nextDraw ??= requestAnimationFrame(showNews);
}

function showNews() {
  nextDraw = null;
  showEvents();
  redraw();
}

function showEvents() {
  byId("events").hidden = book.size === 0;
  events.update(book.newest(MOST_EVENTS, null, nodeNow()), nodeNow());
  layers.update();
}

function showLayers() {
  layers.update();
  redraw();
}

function openFromAddress() {
  enlarge(decodeURIComponent(location.hash.slice(1)));
}

function announce(status) {
  const camera = tiles.get(status.camera)?.camera;
  if (camera === undefined) return;
  camera.retryAt = status.retry_at;
  if (camera.view.state !== status.state) {
    setText(byId("announcer"), `${status.camera}: ${stateOf(status).word}. ${status.reason}`);
  }
  camera.view = { ...camera.view, state: status.state, reason: status.reason, since: status.since };
  order();
  updateTiles();
}

function showLost() {
  document.body.dataset.link = "lost";
  byId("waiting").hidden = true;
  byId("lost").hidden = false;
  setText(
    byId("lost-text"),
    lastContact === null
      ? "Trying again until it answers."
      : `It last answered at ${clock(lastContact)}; what stands below is from then. Trying again until it answers.`,
  );
  setTone(byId("node-state"), { word: "No contact", tone: "quiet" });
  byId("reasons").hidden = true;
  for (const { camera } of tiles.values()) {
    camera.rest();
    camera.view = { ...camera.view, state: "unknown", reason: "", since: lastContact };
  }
  updateTiles();
}

function updateTiles() {
  showEvents();
  for (const tile of tiles.values()) tile.update(nodeNow());
  large.update(nodeNow());
  large.redraw();
}

function redraw() {
  for (const tile of tiles.values()) tile.redraw();
  large.redraw();
}
