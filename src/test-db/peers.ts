/** What pods of a tier ask of each other, over HTTP on the port that serves requests. */
import { type HttpBody, type Network, readBody } from "../base/network.ts";
import { EPOCH_HEADER } from "../model/tier-membership.ts";
import type { Offer, OfferOutcome } from "./offer.ts";

/** The other pod cannot be reached, or will not now: try again. */
export class PeerError extends Error {
  /** The epoch that the other pod is at, when it said so; 0 otherwise. */
  readonly epoch: number;

  constructor(message: string, epoch = 0) {
    super(message);
    this.name = "PeerError";
    this.epoch = epoch;
  }
}

export interface Peers {
  /**
   * Asks for a tenant. Resolves when the other pod does not have it (any more).
   *
   * @throws PeerError; the signal's reason
   */
  claim(address: string, ask: { tenant: string; epoch: number }, signal: AbortSignal): Promise<void>;
  /**
   * Sends a tenant. Resolves when the other pod has it durably.
   *
   * @throws PeerError: the other pod may have it nevertheless
   */
  offer(address: string, offer: Offer, body: () => HttpBody): Promise<OfferOutcome>;
}

export const OFFER_HEADERS = {
  from: "x-percolate-from",
  generation: "x-percolate-generation",
  digest: "x-percolate-sha256",
  idleMs: "x-percolate-idle-ms",
  inDoubt: "x-percolate-in-doubt",
} as const;

/** An offer may take this long, and longer by a millisecond per `OFFER_BYTES_PER_MS`. */
const OFFER_TIMEOUT_MS = 30_000;
const OFFER_BYTES_PER_MS = 1_000;
const CLAIM_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export function createHttpPeers(network: Network): Peers {
  async function call(url: string, options: Parameters<Network["fetch"]>[1]): Promise<unknown> {
    let status: number;
    let text: string;
    let epoch: number;
    try {
      const response = await network.fetch(url, options);
      status = response.status;
      epoch = Number(response.headers[EPOCH_HEADER] ?? 0) || 0;
      text = new TextDecoder().decode(await readBody(response.body, MAX_ANSWER_BYTES));
    } catch (error) {
      if (options?.signal?.aborted) throw options.signal.reason;
      throw new PeerError((error as Error).message);
    }
    if (status !== 200) throw new PeerError(`status ${status}: ${text.slice(0, 300)}`, epoch);
    try {
      return JSON.parse(text);
    } catch {
      throw new PeerError("the answer is no JSON");
    }
  }
  return {
    async claim(address, { tenant, epoch }, signal) {
      await call(`${address}/internal/tenants/${tenant}/claim`, {
        method: "POST",
        headers: { [EPOCH_HEADER]: String(epoch) },
        signal,
        timeoutMs: CLAIM_TIMEOUT_MS,
      });
    },
    async offer(address, offer, body) {
      const answer = await call(`${address}/internal/tenants/${offer.tenant}`, {
        method: "PUT",
        headers: offerHeaders(offer),
        body: body(),
        timeoutMs: OFFER_TIMEOUT_MS + Math.ceil(offer.bytes / OFFER_BYTES_PER_MS),
      });
      const { outcome } = answer as { outcome?: unknown };
      if (outcome !== "accepted" && outcome !== "superseded")
        throw new PeerError("the answer has no outcome");
      return outcome;
    },
  };
}

function offerHeaders(offer: Offer): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "content-length": String(offer.bytes),
    [EPOCH_HEADER]: String(offer.epoch),
    [OFFER_HEADERS.from]: offer.from,
    [OFFER_HEADERS.generation]: String(offer.generation),
    [OFFER_HEADERS.digest]: offer.digest,
    [OFFER_HEADERS.inDoubt]: String(offer.inDoubt),
    ...(offer.idleMs !== undefined && { [OFFER_HEADERS.idleMs]: String(Math.round(offer.idleMs)) }),
  };
}

/** @throws Error naming the header that makes no sense */
export function parseOffer(tenant: string, headers: Readonly<Record<string, string>>): Offer {
  const count = (name: string) => {
    const value = Number(headers[name] ?? Number.NaN);
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`header ${name} must be a whole number`);
    return value;
  };
  const digest = headers[OFFER_HEADERS.digest] ?? "";
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new Error(`header ${OFFER_HEADERS.digest} must be a SHA-256`);
  const from = headers[OFFER_HEADERS.from] ?? "";
  if (from === "") throw new Error(`header ${OFFER_HEADERS.from} is required`);
  return {
    tenant,
    from,
    digest,
    epoch: count(EPOCH_HEADER),
    generation: count(OFFER_HEADERS.generation),
    bytes: count("content-length"),
    inDoubt: headers[OFFER_HEADERS.inDoubt] === "true",
    ...(headers[OFFER_HEADERS.idleMs] !== undefined && { idleMs: count(OFFER_HEADERS.idleMs) }),
  };
}
