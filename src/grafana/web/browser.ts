/** The browser's outside world, in one place: what `System` is to a component. */
export const browser = {
  /** Milliseconds since the Unix epoch. */
  now: Date.now,
  fetch: (url: string, options?: RequestInit) => window.fetch(url, options),
  after(delayMs: number, callback: () => void): () => void {
    const handle = window.setTimeout(callback, delayMs);
    return () => window.clearTimeout(handle);
  },
  every(intervalMs: number, callback: () => void): () => void {
    const handle = window.setInterval(callback, intervalMs);
    return () => window.clearInterval(handle);
  },
};
