// Small steps on the document that change it only where it differs.

import { colourOf } from "./colours.js";

export function byId(id) {
  return document.getElementById(id);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setTone(pill, { word, tone }) {
  setText(pill, word);
  pill.dataset.tone = tone;
}

/** Make an element of a tag, a class and children. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** A spot in a label's colour. */
export function dot(label) {
  const spot = make("span", "dot");
  spot.style.setProperty("--dot", colourOf(label));
  return spot;
}

/** Show `[term, value]` pairs in a description list. */
export function setRows(list, pairs, nothing) {
  const shown = pairs.length > 0 ? pairs : [[nothing, ""]];
  while (list.children.length > shown.length) list.lastElementChild.remove();
  while (list.children.length < shown.length) {
    list.append(make("div", "", make("dt"), make("dd")));
  }
  shown.forEach(([term, value], index) => {
    setText(list.children[index].children[0], term);
    setText(list.children[index].children[1], value);
  });
}

/** Put elements into this order without touching those that are in place. */
export function arrange(parent, elements) {
  const focused = document.activeElement;
  elements.forEach((element, index) => {
    if (parent.children[index] !== element)
      parent.insertBefore(element, parent.children[index] ?? null);
  });
  // Moving an element takes the focus from it.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus();
}
