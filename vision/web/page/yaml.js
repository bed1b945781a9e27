// What to write into vision.yaml for a zone or line.

const NAME = /^[a-z0-9]+(?:[_-][a-z0-9]+)*$/;
const LONGEST = 63;

/** Whether the configuration takes this name. */
export const isName = (name) => name.length <= LONGEST && NAME.test(name);

/** The block of a camera's settings that defines what was drawn. */
export function yamlOf(camera, { kind, points }, name) {
  const list = points.map((point) => `[${point.join(", ")}]`).join(", ");
  return [
    "cameras:",
    `  ${camera}:`,
    "    events:",
    `      ${kind}s:`,
    // Quoted: a name may look like a number or a word of YAML.
    `        "${isName(name) ? name : `my-${kind}`}": [${list}]`,
    "",
  ].join("\n");
}
