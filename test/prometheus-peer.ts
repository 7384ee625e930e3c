/** The real Prometheus, on a directory of our store. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Labels } from "../src/model/labels.ts";

const ADDRESS = "127.11.0.1";
const FEATURES = [
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
  "native-histograms",
].join(",");

/** The values of a sample: one, or count, sum and buckets of a histogram. */
export type Sample = [timeMs: number, values: number[]];

export interface Answer {
  error: string | undefined;
  /** By the labels' text. */
  series: Map<string, Sample[]>;
  /** Warnings and infos, sorted. */
  remarks: string[];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts Prometheus on a directory and answers how to ask it. */
export async function startPeer(t: TestContext, binary: string, directory: string) {
  const port = await freePort();
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, "");
  const flags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${directory}`,
    "--storage.tsdb.retention.time=100y",
    `--web.listen-address=${ADDRESS}:${port}`,
    `--enable-feature=${FEATURES}`,
  ];
  const child = spawn(binary, flags, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://${ADDRESS}:${port}`;
  for (let attempt = 0; ; attempt++) {
    const isReady = await fetch(`${url}/-/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) break;
    assert.ok(attempt < 300, `${binary} did not become ready`);
    await sleep(100);
  }
  return new Peer(url);
}

interface ApiAnswer {
  error?: string;
  warnings?: string[];
  infos?: string[];
  data?: { resultType: string; result: Row[] };
}

export class Peer {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async range(query: string, startMs: number, endMs: number, stepMs: number): Promise<Answer> {
    const [start, end, step] = [startMs / 1000, endMs / 1000, stepMs / 1000].map(String);
    const answer = await this.#ask("query_range", { query, start, end, step });
    const series = new Map(
      (answer.data?.result ?? []).map(({ metric, values = [], histograms = [] }) => [
        Labels.of(metric).toString(),
        [
          ...values.map(([time, value]): Sample => [Math.round(time * 1000), [parseValue(value)]]),
          ...histograms.map(([time, each]): Sample => [Math.round(time * 1000), histogramValues(each)]),
        ],
      ]),
    );
    const remarks = [...(answer.warnings ?? []), ...(answer.infos ?? [])].sort();
    return { error: answer.error, series, remarks };
  }

  /** The labels of a vector's samples in their order; the error where there is one. */
  async order(query: string, timeMs: number): Promise<string[]> {
    const { error, data } = await this.#ask("query", { query, time: String(timeMs / 1000) });
    return error === undefined ? data!.result.map(({ metric }) => Labels.of(metric).toString()) : [error];
  }

  async #ask(path: string, parameters: Record<string, string>): Promise<ApiAnswer> {
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${this.#url}/api/v1/${path}`, { method: "POST", body });
    return (await response.json()) as ApiAnswer;
  }
}

export interface HistogramJson {
  count: string;
  sum: string;
  buckets?: (number | string)[][];
}

interface Row {
  metric: Record<string, string>;
  values?: [number, string][];
  histograms?: [number, HistogramJson][];
}

export function histogramValues({ count, sum, buckets = [] }: HistogramJson): number[] {
  return [count, sum, ...buckets.flat()].map((value) => parseValue(String(value)));
}

function parseValue(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
