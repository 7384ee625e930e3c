/** Rows of the kinds that make pods. */
import { formatSelector, type LabelSelector, selectorOf } from "../../../model/label-selector.ts";
import { humanDuration } from "../human-duration.ts";
import {
  ageColumn,
  containersColumn,
  imagesColumn,
  integer,
  labelText,
  nameColumn,
  orNone,
  type Row,
  since,
  type TableColumn,
  text,
  wide,
} from "./table-column.ts";

const template = (object: Row) => object.spec?.template;
const jobTemplate = (object: Row) => object.spec?.jobTemplate?.spec?.template;
const podColumnsOf = [containersColumn(template), imagesColumn(template)];
const selectorColumn = wide("Selector", (object) => selectorText(object.spec?.selector));

export function selectorText(selector: LabelSelector | undefined): string {
  const found = selectorOf(selector);
  return found === undefined || found.length === 0 ? "<none>" : formatSelector(found);
}

export const deploymentColumns: TableColumn[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  text("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
  text("Available", ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...podColumnsOf,
  selectorColumn,
];

export const replicaSetColumns: TableColumn[] = [
  nameColumn,
  integer("Desired", ({ spec }) => spec?.replicas ?? 0),
  integer("Current", ({ status }) => status?.replicas ?? 0),
  integer("Ready", ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...podColumnsOf,
  selectorColumn,
];

export const replicationControllerColumns: TableColumn[] = [
  ...replicaSetColumns.slice(0, -1),
  wide("Selector", ({ spec }) => labelText(spec?.selector)),
];

export const statefulSetColumns: TableColumn[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  ageColumn,
  ...podColumnsOf,
];

export const daemonSetColumns: TableColumn[] = [
  nameColumn,
  integer("Desired", ({ status }) => status?.desiredNumberScheduled ?? 0),
  integer("Current", ({ status }) => status?.currentNumberScheduled ?? 0),
  integer("Ready", ({ status }) => status?.numberReady ?? 0),
  integer("Up-to-date", ({ status }) => status?.updatedNumberScheduled ?? 0),
  integer("Available", ({ status }) => status?.numberAvailable ?? 0),
  text("Node Selector", ({ spec }) => labelText(spec?.template?.spec?.nodeSelector)),
  ageColumn,
  ...podColumnsOf,
  selectorColumn,
];

export const jobColumns: TableColumn[] = [
  nameColumn,
  text("Status", jobStatus),
  text("Completions", jobCompletions),
  text("Duration", ({ status }, now) => {
    if (!status?.startTime) return "";
    const end = status.completionTime ? Date.parse(status.completionTime) : now;
    return humanDuration(end - Date.parse(status.startTime));
  }),
  ageColumn,
  ...podColumnsOf,
  selectorColumn,
];

function jobStatus({ metadata, status }: Row): string {
  const isTrue = (type: string) =>
    (status?.conditions ?? []).some(
      (each: { type: string; status: string }) => each.type === type && each.status === "True",
    );
  if (isTrue("Complete")) return "Complete";
  if (isTrue("Failed")) return "Failed";
  if (metadata.deletionTimestamp) return "Terminating";
  if (isTrue("Suspended")) return "Suspended";
  if (isTrue("FailureTarget")) return "FailureTarget";
  if (isTrue("SuccessCriteriaMet")) return "SuccessCriteriaMet";
  return "Running";
}

function jobCompletions({ spec, status }: Row): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

export const cronJobColumns: TableColumn[] = [
  nameColumn,
  text("Schedule", ({ spec }) => spec?.schedule),
  text("Timezone", ({ spec }) => orNone(spec?.timeZone)),
  { ...text("Suspend", ({ spec }) => (spec?.suspend ? "True" : "False")), type: "boolean" },
  integer("Active", ({ status }) => (status?.active ?? []).length),
  text("Last Schedule", ({ status }, now) =>
    status?.lastScheduleTime ? since(status.lastScheduleTime, now) : "<none>",
  ),
  ageColumn,
  containersColumn(jobTemplate),
  imagesColumn(jobTemplate),
  wide("Selector", ({ spec }) => selectorText(spec?.jobTemplate?.spec?.selector)),
];

export const controllerRevisionColumns: TableColumn[] = [
  nameColumn,
  text("Controller", ({ metadata }) => {
    const owner = metadata.ownerReferences?.find((each) => each.controller);
    if (owner === undefined) return "<none>";
    const group = owner.apiVersion.split("/").length > 1 ? `.${owner.apiVersion.split("/")[0]}` : "";
    return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
  }),
  text("Revision", (object) => object.revision),
  ageColumn,
];

/** What an autoscaler measures: `2/2 (avg)`, `<unknown>/80%`. */
export function autoscalerTargets({ spec, status }: Row): string {
  const metrics: MetricSpec[] = spec?.metrics ?? [];
  if (metrics.length === 0) return "<none>";
  const current: MetricSpec[] = status?.currentMetrics ?? [];
  const shown = metrics.map((metric, index) => targetText(metric, current[index]));
  const list = shown.slice(0, 2).join(", ");
  return shown.length > 2 ? `${list} + ${shown.length - 2} more...` : list;
}

interface MetricTarget {
  type?: string;
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

interface MetricSpec {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: `resource`, `external`, … by the type
  [source: string]: any;
}

function targetText(metric: MetricSpec, current: MetricSpec | undefined): string {
  const source = metric.type === "ContainerResource" ? "containerResource" : metric.type.toLowerCase();
  const target: MetricTarget = metric[source]?.target ?? {};
  const now: MetricTarget = current?.[source]?.current ?? {};
  if (metric.type === "Resource" || metric.type === "ContainerResource") {
    const name = metric[source]?.name;
    if (target.averageValue !== undefined)
      return `${name}: ${now.averageValue ?? "<unknown>"}/${target.averageValue}`;
    const percent = (value: number | undefined, absent: string) =>
      value === undefined ? absent : `${value}%`;
    const used = percent(now.averageUtilization, "<unknown>");
    return `${name}: ${used}/${percent(target.averageUtilization, "<auto>")}`;
  }
  if (target.averageValue !== undefined) {
    const suffix = metric.type === "Pods" ? "" : " (avg)";
    return `${now.averageValue ?? "<unknown>"}/${target.averageValue}${suffix}`;
  }
  return `${now.value ?? "<unknown>"}/${target.value}`;
}

export const autoscalerColumns: TableColumn[] = [
  nameColumn,
  text("Reference", ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`),
  text("Targets", autoscalerTargets),
  text("MinPods", ({ spec }) => String(spec?.minReplicas ?? "<unset>")),
  text("MaxPods", ({ spec }) => spec?.maxReplicas),
  text("Replicas", ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];
