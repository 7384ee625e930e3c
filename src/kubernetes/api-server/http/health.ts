/** `/healthz`, `/livez` and `/readyz` (apiserver `server/healthz`). */
import type { HttpResponse } from "../../../base/network.ts";
import type { RequestInfo } from "./request-info.ts";

/** What is asked of the server's health: that it answers, and that its store's log, which stands for etcd, is written. */
const CHECKS = ["ping", "log", "etcd"];
const PROBES = ["healthz", "livez", "readyz"];

/** All paths below the probes. */
export function healthPaths(): string[] {
  return PROBES.flatMap((probe) => [`/${probe}`, ...CHECKS.map((check) => `/${probe}/${check}`)]);
}

/** @returns undefined for other paths */
export function healthResponse({ path, query }: RequestInfo): HttpResponse | undefined {
  if (!healthPaths().includes(path)) return undefined;
  const [, probe, check] = path.split("/");
  return {
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache, private" },
    body: check === undefined && query.has("verbose") ? verbose(probe, query.getAll("exclude")) : "ok",
  };
}

function verbose(probe: string, excluded: string[]): string {
  const lines = CHECKS.map((check) => `[+]${check} ${excluded.includes(check) ? "excluded: ok" : "ok"}\n`);
  const unknown = excluded.filter((check) => !CHECKS.includes(check)).map((check) => JSON.stringify(check));
  if (unknown.length > 0)
    lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.join(", ")}\n`);
  return `${lines.join("")}${probe} check passed\n`;
}
