// Words and numbers as people read them.

export const STATES = {
  starting: { word: "Starting", tone: "wait", rank: 1, title: "Connecting to the camera" },
  online: { word: "Online", tone: "good", rank: 3, title: "Waiting for the first picture" },
  stalled: { word: "Stalled", tone: "bad", rank: 0, title: "The camera sends no frames" },
  reconnecting: { word: "Reconnecting", tone: "bad", rank: 0, title: "The connection is lost" },
  auth_failed: {
    word: "Login refused",
    tone: "bad",
    rank: 0,
    title: "The camera refuses the login",
    remedy: (name) => `Check the secret files camera_${name}_username and camera_${name}_password.`,
  },
  not_found: {
    word: "Not found",
    tone: "bad",
    rank: 0,
    title: "The camera has no such stream",
    remedy: (name) => `Check the path in cameras.${name}.url.`,
  },
  decode_error: {
    word: "Cannot decode",
    tone: "bad",
    rank: 0,
    title: "The pictures cannot be decoded",
  },
  frozen: { word: "Frozen", tone: "wait", rank: 2, title: "The picture does not change" },
  clock_step: {
    word: "Clock jumped",
    tone: "wait",
    rank: 2,
    title: "Waiting for the first picture",
  },
  // Somebody wanted it so: it is blind, and nothing to look after.
  stopped: { word: "Stopped", tone: "quiet", rank: 4, title: "The camera is stopped" },
  disabled: { word: "Off", tone: "quiet", rank: 4, title: "The camera is switched off" },
  removed: { word: "Removed", tone: "quiet", rank: 4, title: "The camera was removed" },
  unknown: { word: "No contact", tone: "quiet", rank: 0, title: "No contact with the node" },
};

// Ranks are the order of the tiles; in these a picture is live.
const SEEING = [2, 3];
const UNKNOWN = STATES.unknown;
const count = new Intl.NumberFormat("en");

export const stateOf = (view) => STATES[view.state] ?? UNKNOWN;

export const sees = (view) => SEEING.includes(stateOf(view).rank);

/** Why a camera that sees is not plainly online; of one that does not the cover tells. */
export const warning = (view) =>
  sees(view) && view.state !== "online" ? sentence(view.reason) : "";

export function sentence(text) {
  if (!text) return "";
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

export const number = (value) => count.format(value);

export const percent = (share) => `${Math.round(share * 100)} %`;

export const rate = (perSecond) => `${perSecond.toFixed(perSecond < 9.95 ? 1 : 0)} fps`;

export function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 0.9995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 5940) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** A latency; seconds from ten of them on. */
export const milliseconds = (value) =>
  value < 9950 ? `${Math.round(value)} ms` : duration(value / 1000);

export function span(seconds) {
  return seconds < 1 ? "just now" : `for ${duration(Math.floor(seconds))}`;
}

export function latency(view) {
  if (view.latency_ms === null) return "–";
  const { p50, p99 } = view.latency_ms;
  return p99 < 9950
    ? `${Math.round(p50)} / ${Math.round(p99)} ms`
    : `${duration(p50 / 1000)} / ${duration(p99 / 1000)}`;
}

export function clock(text) {
  return new Date(text).toLocaleTimeString([], { hour12: false });
}

export function moment(text) {
  return new Date(text).toLocaleString([], { hour12: false });
}
