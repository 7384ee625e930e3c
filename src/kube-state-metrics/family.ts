/** Metric families: what each says about one object, and how the exposition writes it. */
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { formatGoFloat } from "./format-go-float.ts";

export type LabelPairs = [name: string, value: string][];

export interface Sample {
  labels: LabelPairs;
  value: number;
}

/** One family of a kind. `samples` leaves out the labels that all families of the kind share. */
export interface Family<T extends KubernetesObject = KubernetesObject> {
  name: string;
  help: string;
  type: "gauge" | "counter";
  stable: boolean;
  samples(object: T): Sample[];
}

type Samples<T extends KubernetesObject> = (object: T) => Sample[];

export const gauge = <T extends KubernetesObject>(
  name: string,
  help: string,
  samples: Samples<T>,
): Family<T> => ({
  name,
  help,
  type: "gauge",
  stable: true,
  samples,
});

export const alphaGauge = <T extends KubernetesObject>(
  name: string,
  help: string,
  samples: Samples<T>,
): Family<T> => ({
  ...gauge(name, help, samples),
  stable: false,
});

export const counter = <T extends KubernetesObject>(
  name: string,
  help: string,
  samples: Samples<T>,
): Family<T> => ({
  ...gauge(name, help, samples),
  type: "counter",
});

// ---- building samples ----

/** One sample without labels of its own; none when the value is absent. */
export const one = (value: number | undefined): Sample[] =>
  value === undefined ? [] : [{ labels: [], value }];

/** One sample of value 1 that carries its facts as labels. */
export const info = (labels: Record<string, string | undefined>): Sample => ({
  labels: Object.entries(labels).map(([name, text]) => [name, text ?? ""]),
  value: 1,
});

export const labelled = (labels: Record<string, string>, value: number): Sample => ({
  labels: Object.entries(labels),
  value,
});

/** Seconds since the epoch; nothing for an absent time. */
export const unixTime = (time: string | undefined): Sample[] =>
  time === undefined ? [] : one(Math.floor(Date.parse(time) / 1_000));

const CONDITION_STATUSES = ["True", "False", "Unknown"];

/** One sample for each status that a condition can have: 1 for the one it has. The status is the last label. */
export const conditionSamples = (labels: LabelPairs, statusLabel: string, status: string): Sample[] =>
  CONDITION_STATUSES.map((candidate) => ({
    labels: [...labels, [statusLabel, candidate.toLowerCase()]],
    value: candidate === status ? 1 : 0,
  }));

// ---- exposition ----

/** `# HELP` and `# TYPE` of a family. */
export function familyHeader(family: Family): string {
  const help = family.stable ? `[STABLE] ${family.help}` : family.help;
  return `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${family.type}\n`;
}

/** The lines of one object in one family. */
export function familyLines(family: Family, shared: LabelPairs, object: KubernetesObject): string {
  let lines = "";
  for (const { labels, value } of family.samples(object)) {
    const pairs = [...shared, ...labels].map(([name, text]) => `${name}="${escapeLabelValue(text)}"`);
    lines += `${family.name}{${pairs.join(",")}} ${formatGoFloat(value)}\n`;
  }
  return lines;
}

function escapeLabelValue(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
