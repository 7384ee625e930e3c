/** A metric's type and unit as labels of its series (`schema/labels.go`, `type-and-unit-labels`). */
const TYPE = "__type__";
const UNIT = "__unit__";

/**
 * What the metadata says takes the place of labels of the same name; an unknown type and no unit say nothing.
 *
 * @param flat `["__name__", name, label0, value0, …]`
 */
export function withMetadataLabels(flat: readonly string[], type: string, unit: string): string[] {
  const known = new Map<string, string>();
  if (type !== "" && type !== "unknown") known.set(TYPE, type);
  if (unit !== "") known.set(UNIT, unit);
  const labels = flat.slice(0, 2);
  for (const [name, value] of known) labels.push(name, value);
  for (let i = 2; i < flat.length; i += 2) {
    if (flat[i] !== "__name__" && !known.has(flat[i])) labels.push(flat[i], flat[i + 1]);
  }
  return labels;
}
