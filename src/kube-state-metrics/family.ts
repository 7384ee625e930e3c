/** Metric families: what each says about one object, and how the exposition writes it. */
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { formatGoFloat } from "./format-go-float.ts";
import { prometheusLabels } from "./label-allow-list.ts";
import type { LabelPairs, Sample } from "./sample.ts";

/** The Kubernetes labels and annotations that become labels of a kind's samples; absent: none, no series at all. */
export interface AllowedKeys {
  labels?: string[];
  annotations?: string[];
}

/** One family of a kind. `samples` leaves out the labels that all families of the kind share. */
export interface Family<T extends KubernetesObject = KubernetesObject> {
  name: string;
  help: string;
  type: "gauge" | "counter" | "info" | "stateset";
  stable: boolean;
  /** Only with `--metric-opt-in-list`. */
  optIn?: boolean;
  samples(object: T, allowed: AllowedKeys): Sample[];
}

type Samples<T extends KubernetesObject> = Family<T>["samples"];

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

export const optInGauge = <T extends KubernetesObject>(
  name: string,
  help: string,
  samples: Samples<T>,
): Family<T> => ({ ...alphaGauge(name, help, samples), optIn: true });

export const counter = <T extends KubernetesObject>(
  name: string,
  help: string,
  samples: Samples<T>,
): Family<T> => ({
  ...gauge(name, help, samples),
  type: "counter",
});

// ---- families that most kinds have; `make` says how stable they are there ----

type Make = typeof gauge;

/** `kube_<kind>_labels`: no series unless the allow list has the resource. */
export const labelsFamily = (kind: string, make: Make = gauge): Family =>
  make(
    `kube_${kind}_labels`,
    "Kubernetes labels converted to Prometheus labels.",
    ({ metadata }, { labels }) => keysSample("label", metadata.labels, labels),
  );

/** `kube_<kind>_annotations`: likewise. */
export const annotationsFamily = (kind: string, make: Make = alphaGauge): Family =>
  make(
    `kube_${kind}_annotations`,
    "Kubernetes annotations converted to Prometheus labels.",
    ({ metadata }, { annotations }) => keysSample("annotation", metadata.annotations, annotations),
  );

function keysSample(prefix: string, data: Record<string, string> | undefined, allowed?: string[]): Sample[] {
  return allowed === undefined || allowed.length === 0
    ? []
    : [{ labels: prometheusLabels(prefix, data, allowed), value: 1 }];
}

export const createdFamily = (kind: string, make: Make = gauge): Family =>
  make(`kube_${kind}_created`, "Unix creation timestamp", ({ metadata }) =>
    unixTime(metadata.creationTimestamp),
  );

export const deletionFamily = (kind: string, make: Make = alphaGauge): Family =>
  make(`kube_${kind}_deletion_timestamp`, "Unix deletion timestamp", ({ metadata }) =>
    unixTime(metadata.deletionTimestamp),
  );

/** `what` completes "… a specific version of": `the configmap`. */
export const resourceVersionFamily = (kind: string, what: string, make: Make = alphaGauge): Family =>
  make(
    `kube_${kind}_metadata_resource_version`,
    `Resource version representing a specific version of ${what}.`,
    ({ metadata: { resourceVersion } }) =>
      resourceVersion === undefined || !/^\d+$/.test(resourceVersion) ? [] : one(Number(resourceVersion)),
  );

/** `what` completes "Information about the … owner": `Job's`. */
export const ownerFamily = (kind: string, what: string, make: Make = gauge): Family =>
  make(`kube_${kind}_owner`, `Information about the ${what} owner.`, ({ metadata }) => {
    const owners = metadata.ownerReferences ?? [];
    if (owners.length === 0) return [info({ owner_kind: "", owner_name: "", owner_is_controller: "" })];
    return owners.map((owner) =>
      info({
        owner_kind: owner.kind,
        owner_name: owner.name,
        owner_is_controller: String(owner.controller ?? false),
      }),
    );
  });

/** A series of value 1 with no labels of its own. */
export const presenceFamily = (name: string, help: string, make: Make = gauge): Family =>
  make(name, help, () => one(1));

/** A number of the object's that is always there: absent counts as 0, as in Go. */
export const numberFamily = (
  name: string,
  help: string,
  read: (object: KubernetesObject) => number | null | undefined,
  make: Make = gauge,
): Family => make(name, help, (object) => one(read(object) ?? 0));

/** A number that has no series where the object does not say it. */
export const optionalFamily = (
  name: string,
  help: string,
  read: (object: KubernetesObject) => number | null | undefined,
  make: Make = gauge,
): Family => make(name, help, (object) => one(read(object)));

/** `kube_<kind>_status_condition` and the like: three series a condition. */
export const conditionFamily = (name: string, help: string, make: Make = gauge): Family =>
  make(name, help, ({ status }) =>
    (status?.conditions ?? []).flatMap((condition: { type: string; status: string }) =>
      conditionSamples([["condition", condition.type]], "status", condition.status),
    ),
  );

// ---- building samples ----

/** One sample without labels of its own; none when the value is absent. */
export const one = (value: number | null | undefined): Sample[] =>
  value === undefined || value === null ? [] : [{ labels: [], value }];

/** One sample of value 1 that carries its facts as labels. */
export const info = (labels: Record<string, string | null | undefined>): Sample => ({
  labels: Object.entries(labels).map(([name, text]) => [name, text ?? ""]),
  value: 1,
});

export const labelled = (labels: Record<string, string>, value: number): Sample => ({
  labels: Object.entries(labels),
  value,
});

export const flag = (value: boolean | null | undefined): number => (value ? 1 : 0);

/** Seconds since the epoch; nothing for an absent time. */
export const unixTime = (time: string | null | undefined): Sample[] =>
  time === undefined || time === null ? [] : one(unixSeconds(time));

/** Go's zero time in seconds since 1970: what upstream says of a time that is not there. */
const ZERO_TIME_SECONDS = -62_135_596_800;

/** Seconds since the epoch, of Go's zero time where there is none. */
export const unixSeconds = (time: string | null | undefined): number =>
  time === undefined || time === null ? ZERO_TIME_SECONDS : Math.floor(Date.parse(time) / 1_000);

const CONDITION_STATUSES = ["True", "False", "Unknown"];

/** One sample for each status that a condition can have: 1 for the one it has. The status is the last label. */
export const conditionSamples = (labels: LabelPairs, statusLabel: string, status: string): Sample[] =>
  CONDITION_STATUSES.map((candidate) => ({
    labels: [...labels, [statusLabel, candidate.toLowerCase()]],
    value: candidate === status ? 1 : 0,
  }));

/** One sample for each phase: 1 for the one it is; none while it has none. */
export const phaseSamples = (label: string, phases: readonly string[], current?: string): Sample[] =>
  current ? phases.map((phase) => labelled({ [label]: phase }, flag(phase === current))) : [];

// ---- exposition ----

/** `# HELP` and `# TYPE` of a family. Only OpenMetrics knows infos and sets of states: elsewhere they are gauges. */
export function familyHeader(family: Family, isOpenMetrics = false): string {
  const help = family.stable ? `[STABLE] ${family.help}` : family.help;
  const isKnown = isOpenMetrics || family.type === "counter";
  return `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${isKnown ? family.type : "gauge"}\n`;
}

/** The lines of one object in one family. */
export function familyLines(
  family: Family,
  shared: LabelPairs,
  object: KubernetesObject,
  allowed: AllowedKeys,
): string {
  let lines = "";
  for (const { labels, value } of family.samples(object, allowed)) {
    const pairs = [...shared, ...labels].map(([name, text]) => `${name}="${escapeLabelValue(text)}"`);
    lines += `${family.name}{${pairs.join(",")}} ${formatGoFloat(value)}\n`;
  }
  return lines;
}

function escapeLabelValue(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
