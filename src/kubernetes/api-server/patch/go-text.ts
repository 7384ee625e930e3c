/** A JSON value as Go prints it with `%+v`: `map[spec:map[replicas:2]]`. Error messages quote patches like this. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([key, member]) => `${key}:${goText(member)}`).join(" ")}]`;
}

const ORDER_DIRECTIVE = "$setElementOrder/";

/** What is left of a strategic merge patch when it has been applied: lists in an order are taken out, with the order. */
export function spentPatch(patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const members = Object.entries(patch);
  const ordered = new Set(
    members
      .filter(([key]) => key.startsWith(ORDER_DIRECTIVE))
      .map(([key]) => key.slice(ORDER_DIRECTIVE.length)),
  );
  return Object.fromEntries(
    members
      .filter(([key]) => !key.startsWith(ORDER_DIRECTIVE) && !ordered.has(key) && key !== "$retainKeys")
      .map(([key, value]) => [key, spentPatch(value)]),
  );
}
