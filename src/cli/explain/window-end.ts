/** When the HPA's window for scaling down lets go, as far as the triggers' queries tell what was asked for in it. */
import type { Network } from "../../base/network.ts";
import { hpaMaxReplicas, hpaMinReplicas, type ScaledObject, usesModifiers } from "../../keda/mod.ts";
import { DOWNSCALE_STABILIZATION_SECONDS, type HorizontalPodAutoscaler } from "../../kubernetes/mod.ts";

/** The HPA's turns. */
const STEP_SECONDS = 15;
const QUERY_TIMEOUT_MS = 5_000;

interface Window {
  network: Pick<Network, "fetch">;
  prometheusUrl: string;
  object: ScaledObject;
  hpa: HorizontalPodAutoscaler;
  replicas: number;
  nowMs: number;
}

/** A sentence; undefined where nothing is held, or the queries alone do not tell. */
export async function windowEnd(window: Window): Promise<string | undefined> {
  const { object, hpa, replicas, nowMs } = window;
  const able = hpa.status?.conditions?.find(({ type }) => type === "AbleToScale");
  if (able?.reason !== "ScaleDownStabilized" || usesModifiers(object)) return undefined;
  const seconds = hpa.spec.behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const asked = await askedFor(window, seconds).catch(() => undefined);
  if (asked === undefined) return undefined;
  const last = asked.findLastIndex((each) => each.replicas >= replicas);
  if (last === -1) return undefined;
  const after = asked.slice(last + 1);
  if (after.length === 0) return undefined;
  const next = Math.max(...after.map((each) => each.replicas));
  const leftSeconds = Math.max(Math.ceil(asked[last].atMs / 1000 + seconds - nowMs / 1000), 0);
  const at = new Date(asked[last].atMs).toISOString().slice(11, 19);
  return `held for ${leftSeconds} s more: ${asked[last].replicas} were asked for until ${at} UTC; then down to ${next}, at the next turn`;
}

/** Replicas that the Prometheus triggers asked for at each turn of the window, the highest of them. */
async function askedFor(window: Window, seconds: number) {
  const { object, nowMs } = window;
  const [min, max] = [hpaMinReplicas(object.spec), hpaMaxReplicas(object.spec)];
  const byTime = new Map<number, number>();
  for (const { type, metadata, metricType = "AverageValue" } of object.spec.triggers) {
    if (type !== "prometheus" || metricType !== "AverageValue") continue;
    for (const [atSeconds, value] of await valuesOf(window, metadata.query, seconds)) {
      const replicas = Math.min(Math.max(Math.ceil(value / Number(metadata.threshold) - 1e-9), min), max);
      if (Number.isFinite(replicas)) byTime.set(atSeconds, Math.max(byTime.get(atSeconds) ?? min, replicas));
    }
  }
  return [...byTime]
    .map(([atSeconds, replicas]) => ({ atMs: atSeconds * 1000, replicas }))
    .filter(({ atMs }) => atMs <= nowMs)
    .sort((a, b) => a.atMs - b.atMs);
}

async function valuesOf({ network, prometheusUrl, nowMs }: Window, query: string, seconds: number) {
  const end = Math.floor(nowMs / 1000);
  const parameters = new URLSearchParams({
    query,
    start: String(end - seconds),
    end: String(end),
    step: String(STEP_SECONDS),
  });
  const url = `${prometheusUrl.replace(/\/$/, "")}/api/v1/query_range?${parameters}`;
  const response = await network.fetch(url, { timeoutMs: QUERY_TIMEOUT_MS });
  const { data } = JSON.parse(await response.text()) as {
    data: { result: { values: [number, string][] }[] };
  };
  // More than one series is an error to KEDA.
  const values = data.result.length === 1 ? data.result[0].values : [];
  return values.map(([at, value]): [number, number] => [at, Number(value)]);
}
