/** Durations as tests write them: `5m`, `1h30m`, or plain `0`. */

const UNIT_MS: Record<string, number> = {
  y: 365 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/**
 * In milliseconds.
 *
 * @throws Error with upstream's text
 */
export function parseDurationMs(text: string): number {
  if (text === "0") return 0;
  if (text === "") throw new Error("empty duration string");
  const pattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;
  const match = pattern.exec(text);
  if (match === null) throw new Error(`not a valid duration string: "${text}"`);
  return ["y", "w", "d", "h", "m", "s", "ms"].reduce(
    (total, unit, i) => total + Number(match[i + 1] ?? 0) * UNIT_MS[unit],
    0,
  );
}
