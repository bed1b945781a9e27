// A zone or line that is being drawn: its points as shares 0 to 1 of the picture.

const LEAST = { zone: 3, line: 2 };
const DECIMALS = 1000;

export class Draft {
  kind = "zone";
  points = [];

  /** How many points are still missing. */
  get missing() {
    return Math.max(0, LEAST[this.kind] - this.points.length);
  }

  /** A line has two ends; a further point moves the second one. */
  add(point) {
    if (this.kind === "line" && this.points.length === 2) this.points.pop();
    this.points.push(inside(point));
  }

  move(index, point) {
    this.points[index] = inside(point);
  }

  remove(index = this.points.length - 1) {
    this.points.splice(index, 1);
  }

  become(kind) {
    this.kind = kind;
    if (kind === "line") this.points.splice(2);
  }

  /** The index of the point within `reach` of `point`, in the picture's own proportions; -1: none. */
  near(point, reach, aspect) {
    return this.points.findIndex(
      ([x, y]) => Math.hypot(x - point[0], (y - point[1]) / aspect) <= reach,
    );
  }

  /** Whether an object stands in the zone: the middle of its box's lower edge. */
  holds({ box: [left, , right, bottom] }) {
    return contains(this.points, [(left + right) / 2, bottom]);
  }
}

function inside([x, y]) {
  const share = (value) => Math.round(Math.min(1, Math.max(0, value)) * DECIMALS) / DECIMALS;
  return [share(x), share(y)];
}

/** Even-odd rule: a ray to the right crosses the outline an odd number of times. */
function contains(points, [x, y]) {
  let isInside = false;
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[(index + 1) % points.length];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) isInside = !isInside;
  });
  return isInside;
}
