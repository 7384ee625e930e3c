/**
 * Takes each request to the pod that owns its tenant, and keeps it while there is none: during scaling, a restart or a
 * hand-over a request waits and is tried again, within a time and a number; beyond them it gets 503 with Retry-After.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import {
  type FetchResponse,
  type HttpBody,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Network,
} from "../base/network.ts";
import { type Random, randomUuid } from "../base/random.ts";
import { TENANT_HEADER, tenantIdProblem } from "../model/tenant.ts";
import {
  EPOCH_HEADER,
  ownerOf,
  REQUEST_ID_HEADER,
  RETRY_HEADER,
  type TierMembership,
} from "../model/tier-membership.ts";
import { ByteBudget } from "./byte-budget.ts";
import { Replayable } from "./replayable.ts";
import type { RetryReason, RouterMetrics } from "./router-metrics.ts";

/** A request is kept this long. */
export const MAX_WAIT_MS = 30_000;
/** Requests that are kept at a time; the next one is refused at once. */
export const MAX_PENDING = 1_000;
/** Bodies of all requests together, those that wait and those on their way; the next one is refused at once. */
export const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** A pod that has not begun to answer by then is tried again. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/** An answer up to this size is read whole before it is passed on, so that a pod's death in between costs nothing. */
export const MAX_HELD_ANSWER_BYTES = 256 * 1024;
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 500;

export interface MembershipFeed {
  readonly current: TierMembership;
  onChange(listener: (membership: TierMembership) => void): () => void;
  refresh(): Promise<TierMembership>;
}

export interface RouterOptions {
  clock: Clock;
  random: Random;
  log: Logger;
  network: Network;
  membership: MembershipFeed;
  metrics: RouterMetrics;
  /** @default `MAX_WAIT_MS` */
  maxWaitMs?: number;
  /** @default `MAX_PENDING` */
  maxPending?: number;
  /** @default `MAX_HELD_BYTES` */
  maxHeldBytes?: number;
  /** @default `ATTEMPT_TIMEOUT_MS` */
  attemptTimeoutMs?: number;
}

type Try = { response: HttpResponse } | { retry: RetryReason; epoch?: number };

export class Router {
  readonly #options: RouterOptions;
  readonly #budget: ByteBudget;
  #pending = 0;
  readonly #pendingListeners = new Set<(pending: number) => void>();

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#budget = new ByteBudget(options.maxHeldBytes ?? MAX_HELD_BYTES);
  }

  /** Requests that wait for their tenant's pod. */
  get pending(): number {
    return this.#pending;
  }

  /** Called whenever the number that waits changes. Returns the call that ends it. */
  onPending(listener: (pending: number) => void): () => void {
    this.#pendingListeners.add(listener);
    return () => this.#pendingListeners.delete(listener);
  }

  #addPending(amount: number): void {
    this.#pending += amount;
    for (const listener of [...this.#pendingListeners]) listener(this.#pending);
  }

  async handle(request: HttpRequest): Promise<HttpResponse> {
    const { clock, metrics } = this.#options;
    const tenant = request.headers[TENANT_HEADER];
    const problem = tenantIdProblem(tenant);
    if (problem !== undefined) return errorOf(400, "invalid_tenant", problem);
    const startMs = clock.monotonic();
    const body = await Replayable.read(request.body, this.#budget);
    const response =
      body === undefined
        ? overloaded(`requests hold ${this.#budget.limit} bytes already`)
        : await this.#answer(request, tenant, body).finally(() => body.release());
    metrics.answered(response.status, (clock.monotonic() - startMs) / 1000);
    return response;
  }

  async #answer(request: HttpRequest, tenant: string, body: Replayable): Promise<HttpResponse> {
    const first = await this.#try(request, tenant, body);
    return "response" in first ? first.response : this.#wait(request, tenant, body, first);
  }

  /** Tries again until there is an answer or no more time. */
  async #wait(request: HttpRequest, tenant: string, body: Replayable, first: Try): Promise<HttpResponse> {
    const { clock, metrics, maxPending = MAX_PENDING, maxWaitMs = MAX_WAIT_MS } = this.#options;
    if (this.#pending >= maxPending) return overloaded(`${maxPending} requests are waiting already`);
    const deadlineMs = clock.monotonic() + maxWaitMs;
    this.#addPending(1);
    try {
      let delayMs = RETRY_MIN_MS;
      for (let last = first; ; ) {
        if ("response" in last) return last.response;
        metrics.retried(last.retry);
        if (!body.canReplay)
          return errorOf(502, "bad_gateway", "the pod went away while it took a large request");
        if (request.signal.aborted) return errorOf(499, "client_closed_request", "the client went away");
        const leftMs = deadlineMs - clock.monotonic();
        if (leftMs <= 0) return overloaded(`tenant ${tenant} could not be reached within ${maxWaitMs} ms`);
        await this.#pause(last, Math.min(delayMs, leftMs), request.signal);
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
        last = await this.#try(request, tenant, body);
      }
    } finally {
      this.#addPending(-1);
    }
  }

  /** Until the membership changes, or for the delay. A pod that knows a later epoch makes it look at once. */
  async #pause(
    last: Extract<Try, { retry: RetryReason }>,
    delayMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { membership, clock, log } = this.#options;
    if ((last.epoch ?? 0) > membership.current.epoch) {
      await membership.refresh().catch((error) => log.warn("cannot ask for the membership", { error }));
      if ((last.epoch ?? 0) <= membership.current.epoch) return;
    }
    await new Promise<void>((resolve) => {
      const done = () => {
        stop();
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const stop = membership.onChange(done);
      const timer = clock.after(delayMs, done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  async #try(request: HttpRequest, tenant: string, body: Replayable): Promise<Try> {
    const { clock, membership, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS } = this.#options;
    const { current } = membership;
    const owner = ownerOf(current, tenant);
    if (owner?.address === undefined) return { retry: "no_owner" };
    const attempt = new AbortController();
    const onGone = () => attempt.abort(request.signal.reason);
    request.signal.addEventListener("abort", onGone, { once: true });
    // Until the answer has begun, or has been read where it is held.
    const timer = clock.after(attemptTimeoutMs, () => attempt.abort(new Error("the pod does not answer")));
    try {
      const answer = await this.#send(request, owner.address, current.epoch, body, attempt);
      if (answer.status === 421) {
        await answer.bytes(MAX_HELD_ANSWER_BYTES);
        return { retry: "misdirected", epoch: Number(answer.headers[EPOCH_HEADER] ?? 0) || 0 };
      }
      if (answer.status === 503 && answer.headers[RETRY_HEADER] !== undefined) {
        await answer.bytes(MAX_HELD_ANSWER_BYTES);
        return { retry: "unavailable" };
      }
      return { response: await passOn(answer) };
    } catch (error) {
      this.#options.log.debug("a pod did not answer", { pod: owner.name, error });
      return { retry: "unreachable" };
    } finally {
      timer.cancel();
      request.signal.removeEventListener("abort", onGone);
    }
  }

  #send(
    request: HttpRequest,
    address: string,
    epoch: number,
    body: Replayable,
    attempt: AbortController,
  ): Promise<FetchResponse> {
    const { network, random } = this.#options;
    body.requestId ??= randomUuid(random);
    const headers: HttpHeaders = {
      "x-forwarded-for": request.remoteAddress,
      ...forwarded(request.headers),
      [EPOCH_HEADER]: String(epoch),
      [REQUEST_ID_HEADER]: body.requestId,
    };
    return network.fetch(address + request.target, {
      method: request.method,
      headers,
      body: body.body(),
      signal: attempt.signal,
    });
  }
}

/** Headers that speak of one connection (RFC 9110, 7.6.1), and those that are set anew. */
const NOT_FORWARDED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "expect",
]);

function forwarded(headers: Readonly<Record<string, string>>): Record<string, string> {
  const named = (headers["connection"] ?? "").split(",").map((name) => name.trim().toLowerCase());
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_FORWARDED.has(name) && !named.includes(name)),
  );
}

async function passOn(answer: FetchResponse): Promise<HttpResponse> {
  const headers = forwarded(answer.headers);
  const length = Number(answer.headers["content-length"] ?? Number.NaN);
  const body: Uint8Array | HttpBody =
    length <= MAX_HELD_ANSWER_BYTES ? await answer.bytes(MAX_HELD_ANSWER_BYTES) : answer.body;
  return { status: answer.status, headers, body };
}

function overloaded(message: string): HttpResponse {
  return jsonResponse(503, { error: { code: "unavailable", message } }, { "retry-after": "1" });
}

function errorOf(status: number, code: string, message: string): HttpResponse {
  return jsonResponse(status, { error: { code, message } });
}
