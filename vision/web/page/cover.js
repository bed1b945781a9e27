// The note over a picture that is not live: what is wrong, since when, and what helps.

import { setText } from "./elements.js";
import { clock, duration, sees, sentence, stateOf } from "./wording.js";

/** Show or hide the cover and the picture's time in one picture frame. */
export function setCover(frame, camera, nodeNow) {
  const { view, picture } = camera;
  const cover = frame.querySelector(".cover");
  const isLive = sees(view) && picture !== null;
  cover.hidden = isLive;
  frame.dataset.live = isLive;
  if (!isLive) {
    const state = stateOf(view);
    cover.dataset.tone = state.tone;
    setText(cover.querySelector(".cover-title"), state.title);
    setText(cover.querySelector(".cover-text"), explanation(camera, state));
    setText(cover.querySelector(".cover-since"), times(camera, nodeNow));
  }
  const still = frame.querySelector(".still");
  still.hidden = !(isLive && view.is_still);
  setText(still, view.is_asleep ? "Still, decoder asleep" : "Still");
  const stamp = frame.querySelector(".stamp");
  stamp.hidden = picture === null;
  if (picture !== null) {
    const time = clock(picture.message.time.captured);
    setText(stamp, isLive ? time : `Last picture ${time}`);
  }
}

function explanation({ name, view }, state) {
  if (sees(view)) return "";
  return [sentence(view.reason), state.remedy?.(name)].filter(Boolean).join(" ");
}

function times({ view, retryAt }, nodeNow) {
  if (sees(view) || view.state === "unknown") return "";
  const parts = [
    `Since ${clock(view.since)}, ${duration(Math.max(0, nodeNow - Date.parse(view.since)) / 1000)}`,
  ];
  const wait = retryAt === null ? 0 : Date.parse(retryAt) - nodeNow;
  if (wait > 0) parts.push(`next try in ${Math.ceil(wait / 1000)} s`);
  return parts.join(" · ");
}
