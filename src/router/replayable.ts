/** A request's body that can be sent again, as long as it is small. */
import type { HttpBody } from "../base/network.ts";

/** A body up to this size is kept for another try; a longer one is passed through, once. */
export const MAX_REPLAYED_BYTES = 1024 * 1024;

export class Replayable {
  /** The write's identity over all its tries. */
  requestId: string | undefined;
  readonly #whole: Uint8Array | undefined;
  readonly #stream: (() => HttpBody) | undefined;
  #streamed = false;

  private constructor(whole: Uint8Array | undefined, stream: (() => HttpBody) | undefined) {
    this.#whole = whole;
    this.#stream = stream;
  }

  /** Reads up to the limit. */
  static async read(body: HttpBody, limitBytes = MAX_REPLAYED_BYTES): Promise<Replayable> {
    const iterator = body[Symbol.asyncIterator]();
    const chunks: Uint8Array[] = [];
    let length = 0;
    while (length <= limitBytes) {
      const next = await iterator.next();
      if (next.done)
        return new Replayable(chunks.length === 0 ? undefined : Buffer.concat(chunks), undefined);
      chunks.push(next.value);
      length += next.value.length;
    }
    return new Replayable(undefined, () => rest(chunks, iterator));
  }

  /** Whether another try can send the same bytes. */
  get canReplay(): boolean {
    return !this.#streamed;
  }

  /** What to send; undefined when there is nothing. */
  body(): Uint8Array | HttpBody | undefined {
    if (this.#stream === undefined) return this.#whole;
    this.#streamed = true;
    return this.#stream();
  }
}

async function* rest(chunks: Uint8Array[], iterator: AsyncIterator<Uint8Array>): HttpBody {
  yield* chunks;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}
