/** `/federate`: the newest sample of selected series, for another Prometheus to scrape (`web/federate.go`). */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { textResponse } from "../../base/network.ts";
import { compareLabels, compareStrings, type Labels, METRIC_NAME } from "../../model/labels.ts";
import { escapeLabelValue, TEXT_CONTENT_TYPE } from "../../wire/exposition/exposition-writer.ts";
import { formatGoFloat } from "../../wire/exposition/go-float.ts";
import type { PrometheusServer } from "../server-state.ts";
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import { ApiError, readParameters } from "./api-request.ts";
import { methodNotAllowed } from "./http-api.ts";
import { selectorParameters } from "./query-api.ts";

interface Row {
  labels: Labels;
  value: number;
  timestampMs: number;
}

export async function federate(request: HttpRequest, server: PrometheusServer): Promise<HttpResponse> {
  if (request.method !== "GET") return methodNotAllowed(["GET"]);
  const parameters = await readParameters(request);
  const nowMs = server.clock.now();
  const range = { minMs: nowMs - server.flags.duration("query.lookback-delta"), maxMs: nowMs };
  const rows = new Map<string, Row>();
  try {
    for (const matchers of selectorParameters(parameters)) {
      if (matchers.length === 0) continue;
      for (const series of await server.tsdb.select(matchers, range, { signal: request.signal })) {
        const row = newest(series);
        if (row !== undefined) rows.set(row.labels.key, row);
      }
    }
  } catch (error) {
    if (error instanceof ApiError)
      return textResponse(400, `${error.message}\n`, { "x-content-type-options": "nosniff" });
    throw error;
  }
  const headers = { "content-type": `${TEXT_CONTENT_TYPE}; escaping=underscores` };
  return {
    status: 200,
    headers,
    body: textOf([...rows.values()], server.config.global.external_labels ?? {}),
  };
}

/** The last sample, unless it says that the series has ended; the text format has no native histograms. */
function newest({ labels, timestamps, values, histograms }: SeriesSamples): Row | undefined {
  const last = timestamps.length - 1;
  if (last < 0 || histograms?.[last] !== undefined) return undefined;
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  if (isStaleMarker(words, last)) return undefined;
  return { labels, value: values[last], timestampMs: timestamps[last] };
}

function textOf(rows: Row[], externalLabels: Record<string, string>): string {
  rows.sort(
    (a, b) =>
      compareStrings(a.labels.get(METRIC_NAME), b.labels.get(METRIC_NAME)) ||
      compareLabels(a.labels, b.labels),
  );
  const lines: string[] = [];
  // An instance that is not there is told from one that the scraping server would put in.
  const global = Object.entries({ instance: "", ...externalLabels }).sort(([a], [b]) => compareStrings(a, b));
  let lastName = "";
  for (const { labels, value, timestampMs } of rows) {
    const name = labels.get(METRIC_NAME);
    if (name === "") continue;
    if (name !== lastName) lines.push(`# TYPE ${name} untyped`);
    lastName = name;
    const own = [...labels].filter(([label]) => label !== METRIC_NAME);
    const pairs = [...own, ...global.filter(([label]) => !labels.has(label))].map(
      ([label, text]) => `${label}="${escapeLabelValue(text)}"`,
    );
    lines.push(`${name}{${pairs.join(",")}} ${formatGoFloat(value)} ${timestampMs}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
