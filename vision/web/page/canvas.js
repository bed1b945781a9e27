// Draws a picture and its boxes, sharp at any size.

import { INK, colourOf } from "./colours.js";

const FONT = "ui-sans-serif, system-ui, sans-serif";

/**
 * Draw picture and boxes into the canvas, whole and centred.
 *
 * drawBehind(context, area, ratio) draws what lies between the two.
 */
export function draw(canvas, picture, filter, drawBehind = () => {}) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (picture === null) return;

  const { bitmap, message } = picture;
  const source = message.frame;
  const scale = Math.min(width / source.width, height / source.height);
  const area = { width: source.width * scale, height: source.height * scale };
  area.left = (width - area.width) / 2;
  area.top = (height - area.height) / 2;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, area.left, area.top, area.width, area.height);
  drawBehind(context, area, ratio);

  // Surest first: they get the places for tags, and their outlines are drawn last, on top.
  const seen = message.detections.filter((detection) => filter.admits(detection));
  const boxes = seen.map((detection) => place(detection, area));
  for (const box of boxes.toReversed()) outline(context, box, ratio);
  drawTags(context, boxes, (canvas.clientWidth < 480 ? 11 : 13) * ratio, { width, height });
}

function place(detection, area) {
  const [left, top, right, bottom] = detection.box;
  return {
    left: area.left + left * area.width,
    top: area.top + top * area.height,
    width: (right - left) * area.width,
    height: (bottom - top) * area.height,
    colour: colourOf(detection.label),
    text: `${detection.label} ${Math.round(detection.confidence * 100)}%`,
  };
}

function outline(context, box, ratio) {
  const radius = Math.min(4 * ratio, box.width / 4, box.height / 4);
  context.beginPath();
  context.roundRect(box.left, box.top, box.width, box.height, radius);
  // A dark seam keeps the line visible on a bright picture.
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = 3.5 * ratio;
  context.stroke();
  context.strokeStyle = box.colour;
  context.lineWidth = 1.75 * ratio;
  context.stroke();
}

function drawTags(context, boxes, size, limits) {
  const padding = size * 0.4;
  const height = size * 1.45;
  const taken = [];
  context.font = `600 ${size}px ${FONT}`;
  context.textBaseline = "middle";
  for (const box of boxes) {
    const width = context.measureText(box.text).width + 2 * padding;
    const left = Math.max(0, Math.min(box.left, limits.width - width));
    // In a crowd a box goes without a tag rather than with an unreadable one.
    const tag = [box.top - height, box.top + box.height, box.top]
      .map((top) => ({ left, top, right: left + width, bottom: top + height }))
      .find(
        (spot) =>
          spot.top >= 0 &&
          spot.bottom <= limits.height &&
          !taken.some((other) => overlap(spot, other)),
      );
    if (tag === undefined) continue;
    taken.push(tag);
    context.fillStyle = box.colour;
    context.beginPath();
    context.roundRect(tag.left, tag.top, width, height, size * 0.25);
    context.fill();
    context.fillStyle = INK;
    context.fillText(box.text, tag.left + padding, tag.top + height / 2);
  }
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
