/** Times of the server as people read them. */

/** `3.2 s ago`; a time of Go's that stands for none is `never`. */
export function since(time: string): string {
  if (time.startsWith("0001")) return "never";
  const { performance } = window;
  const nowMs = performance.timeOrigin + performance.mark("since").startTime;
  const seconds = Math.max(0, (nowMs - Date.parse(time)) / 1000);
  return `${lengthText(seconds)} ago`;
}

/** `250 ms`, `3.2 s`, `5m 3s`, `2h 5m`. */
export function lengthText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${Math.floor(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}
