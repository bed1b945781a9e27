// One colour per label, the same here and in the server's snapshots (colours.py); dark ink
// reads well on each.

const PALETTE = [
  "#67e8f9",
  "#fde047",
  "#fda4af",
  "#fdba74",
  "#bef264",
  "#86efac",
  "#c4b5fd",
  "#93c5fd",
  "#5eead4",
  "#f0abfc",
];
// FNV-1a, its halves folded, with an offset that keeps people, vehicles, pets and signs apart.
const OFFSET = 48899;
const PRIME = 16777619;

export const INK = "#0f172a";

const encoder = new TextEncoder();

export function colourOf(label) {
  let hash = OFFSET;
  for (const byte of encoder.encode(label)) hash = Math.imul(hash ^ byte, PRIME) >>> 0;
  return PALETTE[((hash ^ (hash >>> 16)) >>> 0) % PALETTE.length];
}
