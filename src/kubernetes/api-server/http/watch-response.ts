/** A watch on the wire: one JSON document a line, until the timeout, the client or the server ends it. */
import type { Clock } from "../../../base/clock.ts";
import type { HttpBody, HttpResponse } from "../../../base/network.ts";
import type { WatchEvent } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { jsonOf } from "./response.ts";

/** Without `timeoutSeconds`, a watch ends after 30 to 60 minutes, so that clients spread out. */
export const MIN_WATCH_TIMEOUT_SECONDS = 1800;
/** Lines are sent together up to this many bytes. */
const BATCH_BYTES = 64 * 1024;

export interface WatchResponseOptions {
  clock: Clock;
  timeoutSeconds: number;
  /** Aborts when the client goes away or the server stops. */
  stop: AbortController;
  /** The object of an event in the form that the client asked for. @default its JSON */
  encode?: (event: WatchEvent) => string;
}

export function watchResponse(
  events: AsyncIterable<WatchEvent>,
  options: WatchResponseOptions,
): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
    body: lines(events, options),
  };
}

async function* lines(events: AsyncIterable<WatchEvent>, options: WatchResponseOptions): HttpBody {
  const { clock, timeoutSeconds, stop, encode = (event) => jsonOf(event.object) } = options;
  const timer = clock.after(timeoutSeconds * 1000, () => stop.abort());
  try {
    for await (const batch of batched(events, encode)) yield Buffer.from(batch);
  } catch (error) {
    if (!isStatus(error)) throw error;
    yield Buffer.from(`{"type":"ERROR","object":${JSON.stringify(error.status)}}\n`);
  } finally {
    timer.cancel();
    stop.abort();
  }
}

/** Puts the events that are there already into one text, so that a burst is one write. */
async function* batched(
  events: AsyncIterable<WatchEvent>,
  encode: (event: WatchEvent) => string,
): AsyncGenerator<string> {
  const iterator = events[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<WatchEvent>> | undefined;
  try {
    for (;;) {
      let result = await (pending ?? iterator.next());
      pending = undefined;
      let text = "";
      while (!result.done) {
        text += `{"type":"${result.value.type}","object":${encode(result.value)}}\n`;
        if (text.length >= BATCH_BYTES) break;
        pending = iterator.next();
        // It may fail while we wait for the client to take the text.
        pending.catch(() => {});
        const ready = await Promise.race([pending, NOTHING]);
        if (ready === undefined) break;
        pending = undefined;
        result = ready;
      }
      if (text !== "") yield text;
      if (result.done) return;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Loses a race against everything that is settled or about to be in this turn. */
const NOTHING = Promise.resolve().then(() => undefined);
