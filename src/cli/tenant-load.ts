/**
 * Tenants as load: each writes resources and reads them back through the router, and everything that was acknowledged
 * is read once more at the end. An open loop: a slow answer does not slow the next request down.
 */
import type { Clock } from "../base/clock.ts";
import type { Network } from "../base/network.ts";
import { type Random, randomHex, randomInteger } from "../base/random.ts";

export interface LoadOptions {
  network: Network;
  clock: Clock;
  random: Random;
  /** The router's URL without a path. */
  url: string;
  tenants: number;
  /** Requests per second, all tenants together. */
  rate: number;
  durationMs: number;
  signal: AbortSignal;
  /** A tenant is answered by another pod than before. */
  onMove?(tenant: string, from: string, to: string): void;
  /** A request got no answer, or one other than 2xx. */
  onFailure?(tenant: string, problem: string): void;
}

export interface TenantReport {
  tenant: string;
  requests: number;
  failures: number;
  /** The pods that answered, in the order in which they took over. */
  pods: string[];
  written: number;
  /** Acknowledged writes that could not be read back at the end. */
  lost: number;
}

export interface LoadReport {
  tenants: TenantReport[];
  /** Ascending, milliseconds, of all answered requests. */
  latenciesMs: number[];
}

/** The header by which the answering pod names itself. */
export const POD_HEADER = "x-topology-pod";
/** Requests under way at once; above it requests are counted as failures and not sent. */
export const MAX_IN_FLIGHT = 1_000;
/** The router may hold a request while its tenant moves or its tier wakes. */
const REQUEST_TIMEOUT_MS = 60_000;
/** One in so many requests reads what an earlier one wrote. */
const READ_EVERY = 3;

interface Tenant extends TenantReport {
  /** Id → text of every acknowledged write. */
  acknowledged: Map<string, string>;
}

/** Runs the load to its end, or until the signal aborts, and reads everything back. */
export async function runTenantLoad(options: LoadOptions): Promise<LoadReport> {
  const { clock, tenants: count, rate, durationMs, signal } = options;
  const tenants = Array.from({ length: count }, (_, index) =>
    newTenant(`tenant-${String(index + 1).padStart(3, "0")}`),
  );
  const latenciesMs: number[] = [];
  const inFlight = new Set<Promise<void>>();
  const startMs = clock.monotonic();
  for (let sent = 0; sent * 1_000 < durationMs * rate && !signal.aborted; sent++) {
    const waitMs = startMs + (sent * 1_000) / rate - clock.monotonic();
    if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => {});
    if (signal.aborted) break;
    const tenant = tenants[sent % count];
    if (inFlight.size >= MAX_IN_FLIGHT)
      fail(options, tenant, `more than ${MAX_IN_FLIGHT} requests without an answer`);
    else {
      const request = sendOne(options, tenant, latenciesMs).finally(() => inFlight.delete(request));
      inFlight.add(request);
    }
  }
  await Promise.all(inFlight);
  for (const tenant of tenants) await readBack(options, tenant);
  return {
    tenants: tenants.map(({ acknowledged: _, ...report }) => report),
    latenciesMs: latenciesMs.sort((a, b) => a - b),
  };
}

function newTenant(tenant: string): Tenant {
  return { tenant, requests: 0, failures: 0, pods: [], written: 0, lost: 0, acknowledged: new Map() };
}

async function sendOne(options: LoadOptions, tenant: Tenant, latenciesMs: number[]): Promise<void> {
  const { clock, random } = options;
  const startMs = clock.monotonic();
  tenant.requests++;
  const ids = [...tenant.acknowledged.keys()];
  const reads = ids.length > 0 && tenant.requests % READ_EVERY === 0;
  const done = reads
    ? await read(options, tenant, ids[randomInteger(random, ids.length)])
    : await write(options, tenant, `note ${randomHex(random, 8)} of ${tenant.tenant}`);
  if (done) latenciesMs.push(clock.monotonic() - startMs);
}

async function write(options: LoadOptions, tenant: Tenant, content: string): Promise<boolean> {
  const answer = await send(options, tenant, "POST", "/api/v1/resources", JSON.stringify({ content }));
  if (answer === undefined) return false;
  tenant.acknowledged.set((JSON.parse(answer) as { id: string }).id, content);
  tenant.written++;
  return true;
}

async function read(options: LoadOptions, tenant: Tenant, id: string): Promise<boolean> {
  const answer = await send(options, tenant, "GET", `/api/v1/entities/${encodeURIComponent(id)}`);
  if (answer === undefined) return false;
  if ((JSON.parse(answer) as { content: string }).content === tenant.acknowledged.get(id)) return true;
  fail(options, tenant, `${id} is not what was written`);
  return false;
}

async function readBack(options: LoadOptions, tenant: Tenant): Promise<void> {
  for (const id of tenant.acknowledged.keys()) {
    if (!(await read(options, tenant, id))) tenant.lost++;
  }
}

/** The body of a 2xx answer; undefined for everything else, which is counted and told. */
async function send(
  options: LoadOptions,
  tenant: Tenant,
  method: string,
  path: string,
  body?: string,
): Promise<string | undefined> {
  try {
    const response = await options.network.fetch(options.url + path, {
      method,
      body,
      headers: {
        "x-tenant-id": tenant.tenant,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    const text = await response.text();
    if (response.status < 200 || response.status > 299) {
      fail(options, tenant, `${method} ${path}: status ${response.status}: ${text.slice(0, 200)}`);
      return undefined;
    }
    notePod(options, tenant, response.headers[POD_HEADER] ?? "");
    return text;
  } catch (error) {
    fail(options, tenant, `${method} ${path}: ${(error as Error).message}`);
    return undefined;
  }
}

function notePod(options: LoadOptions, tenant: Tenant, pod: string): void {
  const before = tenant.pods.at(-1);
  if (pod === before) return;
  tenant.pods.push(pod);
  if (before !== undefined) options.onMove?.(tenant.tenant, before, pod);
}

function fail(options: LoadOptions, tenant: Tenant, problem: string): void {
  tenant.failures++;
  options.onFailure?.(tenant.tenant, problem);
}
