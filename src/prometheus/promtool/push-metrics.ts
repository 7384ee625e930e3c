/** `promtool push metrics`: sends the text format by remote write (`cmd/promtool/metrics.go` of Prometheus 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { Labels } from "../../model/labels.ts";
import { formatG } from "../../model/number-format.ts";
import { ExpositionError } from "../../wire/exposition/exposition-error.ts";
import { TextParser } from "../../wire/exposition/text-parser.ts";
import {
  CONTENT_TYPE_V1,
  CONTENT_TYPE_V2,
  type WriteRequest,
  type WriteSeries,
} from "../../wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { encodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import { statusLine } from "../../wire/status-line.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { parseToolArguments, requireFiles, UsageProblem } from "./arguments.ts";
import { keyValues } from "./create-blocks.ts";
import { readInput } from "./input.ts";
import { type MetricFamily, MetricTextError, readMetricFamilies } from "./metric-families.ts";
import { HTTP_CONFIG_FLAG, networkProblem, type ServerClient, serverClient } from "./server-client.ts";

const V1 = "prometheus.WriteRequest";
const V2 = "io.prometheus.write.v2.Request";
const MAX_ANSWER_BYTES = 1024 * 1024;
/** A server that is busy or out of order is asked so often again, after waits that double between these two. */
const MAX_RETRIES = 10;
const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 10_000;

interface Push {
  client: ServerClient;
  url: string;
  headers: Record<string, string>;
  timeoutMs: number;
  isV2: boolean;
  labels: Record<string, string>;
}

export const pushMetrics: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [HTTP_CONFIG_FLAG, "label", "timeout", "header", "protobuf_message", "remote-write.path"],
    repeated: ["label", "header"],
    required: ["remote-write-url"],
    optional: Number.POSITIVE_INFINITY,
  });
  const [server, ...files] = given.rest;
  await requireFiles(files, machine);
  const labels = keyValues(given.has("label") ? given.list("label") : ["job=promtool"]);
  const headers = keyValues(given.list("header"));
  const timeoutMs = timeoutOf(given.text("timeout", "30s"));
  const client = await serverClient(server, given, machine);
  const message = given.text("protobuf_message", V1);
  if (message !== V1 && message !== V2) {
    const problem = `invalid protobuf message ${quoteString(message)}, must be ${V1} or ${V2}`;
    throw new ConfigError(`  FAILED: ${problem}`);
  }
  const url = `${client.base}/${given.text("remote-write.path", "/api/v1/write").replace(/^\/+/, "")}`;
  const push = { client, url, headers, timeoutMs, isV2: message === V2, labels };
  let failed = false;
  for (const file of files.length === 0 ? [undefined] : files) {
    const what = file === undefined ? "metrics" : `metrics file ${file}`;
    machine.print(file === undefined ? "Parsing standard input\n" : `Parsing metrics file ${file}\n`);
    const problem = await pushFile(await readInput(machine, file), push, machine);
    if (problem === undefined) machine.print(`  SUCCESS: ${what} pushed to remote write.\n`);
    else machine.printError(`  FAILED: ${problem}\n`);
    failed ||= problem !== undefined;
  }
  return failed ? 1 : 0;
};

function timeoutOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

/** What went wrong, if anything. */
async function pushFile(bytes: Uint8Array, push: Push, machine: Machine): Promise<string | undefined> {
  let request: WriteRequest;
  try {
    request = writeRequestOf(bytes, push.labels, machine.clock.now());
  } catch (error) {
    if (!(error instanceof MetricTextError || error instanceof ExpositionError)) throw error;
    return error.message;
  }
  const body = snappyCompress(push.isV2 ? encodeWriteRequestV2(request) : encodeWriteRequestV1(request));
  for (let attempt = 0, waitMs = MIN_BACKOFF_MS; ; attempt++) {
    const { problem, isFinal } = await send(body, attempt, push);
    if (isFinal || attempt >= MAX_RETRIES) return problem;
    await machine.clock.sleep(waitMs, machine.signal);
    waitMs = Math.min(2 * waitMs, MAX_BACKOFF_MS);
  }
}

async function send(
  body: Uint8Array,
  attempt: number,
  { client, url, headers, timeoutMs, isV2 }: Push,
): Promise<{ problem?: string; isFinal: boolean }> {
  try {
    const response = await client.request(url, {
      method: "POST",
      body,
      timeoutMs,
      headers: {
        "content-encoding": "snappy",
        "content-type": isV2 ? CONTENT_TYPE_V2 : CONTENT_TYPE_V1,
        "x-prometheus-remote-write-version": isV2 ? "2.0.0" : "0.1.0",
        ...(attempt > 0 && { "retry-attempt": String(attempt) }),
        ...headers,
      },
    });
    const text = await response.text(MAX_ANSWER_BYTES);
    const { status } = response;
    if (status >= 200 && status < 300) return { isFinal: true };
    const problem = `server returned HTTP status ${statusLine(status)}: ${text}`;
    return { problem, isFinal: status < 500 && status !== 429 };
  } catch (error) {
    return { problem: networkProblem("Post", url, error), isFinal: false };
  }
}

/** What histograms and summaries say besides their buckets and quantiles. */
const TOTALS = ["_sum", "_count"];

/**
 * The samples of the text format, at `now` where it has no times, with more labels: a `job` that a sample has itself
 * becomes `exported_job`.
 *
 * @throws MetricTextError, ExpositionError
 */
export function writeRequestOf(
  bytes: Uint8Array,
  added: Readonly<Record<string, string>>,
  now: number,
): WriteRequest {
  const text = new TextDecoder().decode(bytes);
  const families = [...readMetricFamilies(text)].sort((a, b) => (a.name < b.name ? -1 : 1));
  const familyOf = new Map<string, MetricFamily>();
  for (const family of families) for (const name of sampleNames(family)) familyOf.set(name, family);
  const seriesOf = new Map<MetricFamily, WriteSeries[]>(families.map((family) => [family, []]));
  const parser = new TextParser(bytes, { format: "text" });
  for (let kind = parser.next(); kind !== "end"; kind = parser.next()) {
    if (kind !== "series") continue;
    const labels: Record<string, string> = { ...added };
    const flat = parser.labels();
    const family = familyOf.get(flat[1]);
    for (let i = 0; i < flat.length; i += 2)
      labels[flat[i] === "job" ? "exported_job" : flat[i]] = labelValue(flat[i], flat[i + 1], family);
    const timestampMs = parser.hasTimestamp && parser.timestampMs !== 0 ? parser.timestampMs : now;
    const samples = [{ timestampMs, value: parser.value }];
    const series = { labels: Labels.of(labels), samples, histograms: [], exemplars: [] };
    if (family !== undefined) seriesOf.get(family)!.push(series);
  }
  return {
    series: families.flatMap((family) => seriesOf.get(family)!),
    metadata: families.map(({ name, type, help }) => ({
      metric: name,
      type: type === "untyped" ? "unknown" : type.replace("_", ""),
      help: help ?? "",
      unit: "",
    })),
  };
}

/** Bounds and quantiles are numbers, printed as Go prints them. */
function labelValue(name: string, value: string, family: MetricFamily | undefined): string {
  const bound = family?.type === "summary" ? "quantile" : "le";
  if (name !== bound || family === undefined || !PARTED.has(family.type)) return value;
  return formatG(Number(value.replace("Inf", "Infinity")));
}

const PARTED: ReadonlySet<string> = new Set(["histogram", "gauge_histogram", "summary"]);

function sampleNames({ name, type }: MetricFamily): string[] {
  if (type === "summary") return [name, ...TOTALS.map((suffix) => name + suffix)];
  if (type !== "histogram" && type !== "gauge_histogram") return [name];
  return ["_bucket", ...TOTALS].map((suffix) => name + suffix);
}
