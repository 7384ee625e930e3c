/**
 * The rate limit of a client (client-go's token bucket, `QPS` and `Burst`): requests beyond it wait their turn. Reads
 * pass, since upstream's operators answer them from their caches.
 */
import type { Clock } from "../../base/clock.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";

/** KEDA's defaults: `--kube-api-qps`, `--kube-api-burst`. */
export const DEFAULT_QPS = 20;
export const DEFAULT_BURST = 30;

export interface Throttle {
  clock: Clock;
  /** Requests in a second, above 0. */
  qps: number;
  /** Requests that may come at once after a rest. */
  burst: number;
}

/** Tokens that come back at a rate; who finds none takes one that is still to come, and waits for it. */
export class TokenBucket {
  readonly #throttle: Throttle;
  #tokens: number;
  #atMs: number;

  constructor(throttle: Throttle) {
    this.#throttle = throttle;
    this.#tokens = throttle.burst;
    this.#atMs = throttle.clock.monotonic();
  }

  async take(): Promise<void> {
    const { clock, qps, burst } = this.#throttle;
    const nowMs = clock.monotonic();
    this.#tokens = Math.min(this.#tokens + ((nowMs - this.#atMs) * qps) / 1000, burst) - 1;
    this.#atMs = nowMs;
    if (this.#tokens < 0) await clock.sleep((-this.#tokens / qps) * 1000);
  }
}

/** `api` whose writes keep to the limit, in the order in which they were asked for. */
export function throttledApi(api: KubernetesApi, throttle: Throttle): KubernetesApi {
  const bucket = new TokenBucket(throttle);
  const inTurn = async <T>(write: () => Promise<T>): Promise<T> => {
    await bucket.take();
    return write();
  };
  return {
    get: (...args) => api.get(...args),
    list: (...args) => api.list(...args),
    watch: (...args) => api.watch(...args),
    create: (...args) => inTurn(() => api.create(...args)),
    replace: (...args) => inTurn(() => api.replace(...args)),
    updateStatus: (...args) => inTurn(() => api.updateStatus(...args)),
    patch: (...args) => inTurn(() => api.patch(...args)),
    delete: (...args) => inTurn(() => api.delete(...args)),
  };
}
