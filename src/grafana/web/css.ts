/** Styles of an element: numbers are pixels, which Preact leaves to its callers. */
export function css(values: Record<string, string | number | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? `${value}px` : value]),
  );
}
