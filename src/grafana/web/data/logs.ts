/** Loki's answers as lines, and as the frame that panels get. */
import { arrayOf, objectOf } from "../dashboard/json.ts";
import type { Frame } from "./frame.ts";

export interface LogLine {
  unixMs: number;
  text: string;
  labels: Record<string, string>;
}

/** Newest first. */
export function readLines(answer: unknown): LogLine[] {
  const streams = arrayOf(objectOf(objectOf(answer)["data"])["result"]);
  const lines = streams.flatMap((stream) => {
    const labels = objectOf(objectOf(stream)["stream"]) as Record<string, string>;
    return arrayOf(objectOf(stream)["values"]).map((value) => {
      const [nanos, text] = value as [string, string];
      return { nanos: BigInt(nanos), unixMs: Number(BigInt(nanos) / 1_000_000n), text, labels };
    });
  });
  return lines.sort((a, b) => (a.nanos < b.nanos ? 1 : a.nanos > b.nanos ? -1 : 0));
}

/** Lines as a table: what a panel's transformations can work on. */
export function linesFrame(lines: readonly LogLine[], refId: string): Frame {
  return {
    refId,
    fields: [
      { name: "Time", type: "time", values: lines.map(({ unixMs }) => unixMs), config: {} },
      { name: "Line", type: "string", values: lines.map(({ text }) => text), config: {} },
      { name: "labels", type: "other", values: lines.map(({ labels }) => labels), config: {} },
    ],
  };
}

/** The opposite. Frames that are no logs have no lines. */
export function linesOf(frame: Frame): LogLine[] {
  const field = (name: string) => frame.fields.find((one) => one.name === name)?.values;
  const [times, texts, labels] = [field("Time"), field("Line"), field("labels")];
  if (times === undefined || texts === undefined) return [];
  return texts.map((text, i) => ({
    unixMs: Number(times[i]),
    text: String(text ?? ""),
    labels: objectOf(labels?.[i]) as Record<string, string>,
  }));
}
