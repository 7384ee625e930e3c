/** A request's body that can be sent again, as long as it is small. */
import type { HttpBody } from "../base/network.ts";
import type { ByteBudget } from "./byte-budget.ts";

/** A body up to this size is kept for another try; a longer one is passed through, once. */
export const MAX_REPLAYED_BYTES = 1024 * 1024;

export class Replayable {
  /** The write's identity over all its tries. */
  requestId: string | undefined;
  readonly #whole: Uint8Array | undefined;
  readonly #stream: (() => HttpBody) | undefined;
  readonly #release: () => void;
  #streamed = false;

  private constructor(
    whole: Uint8Array | undefined,
    stream: (() => HttpBody) | undefined,
    release: () => void,
  ) {
    this.#whole = whole;
    this.#stream = stream;
    this.#release = release;
  }

  /** Reads up to the limit. Undefined when the budget is used up. */
  static async read(
    body: HttpBody,
    budget: ByteBudget,
    limitBytes = MAX_REPLAYED_BYTES,
  ): Promise<Replayable | undefined> {
    const iterator = body[Symbol.asyncIterator]();
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      while (length <= limitBytes) {
        const next = await iterator.next();
        if (next.done) {
          const whole = chunks.length === 0 ? undefined : Buffer.concat(chunks);
          return new Replayable(whole, undefined, () => budget.give(length));
        }
        if (!budget.take(next.value.length)) {
          budget.give(length);
          return undefined;
        }
        chunks.push(next.value);
        length += next.value.length;
      }
    } catch (error) {
      budget.give(length);
      throw error;
    }
    return new Replayable(
      undefined,
      () => rest(chunks, iterator),
      () => budget.give(length),
    );
  }

  /** Gives its bytes back to the budget. Once. */
  release(): void {
    this.#release();
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
