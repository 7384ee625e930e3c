/** Families of PodDisruptionBudgets, ResourceQuotas and LimitRanges (upstream `poddisruptionbudget.go`, `resourcequota.go`, `limitrange.go`). */
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  deletionFamily,
  type Family,
  gauge,
  labelled,
  labelsFamily,
  numberFamily,
} from "../family.ts";
import type { Sample } from "../sample.ts";
import { type ResourceList, thousandths } from "./resource-samples.ts";

export const POD_DISRUPTION_BUDGET_FAMILIES: Family[] = [
  annotationsFamily("poddisruptionbudget"),
  labelsFamily("poddisruptionbudget", alphaGauge),
  createdFamily("poddisruptionbudget"),
  numberFamily(
    "kube_poddisruptionbudget_status_current_healthy",
    "Current number of healthy pods",
    ({ status }) => status?.currentHealthy,
  ),
  numberFamily(
    "kube_poddisruptionbudget_status_desired_healthy",
    "Minimum desired number of healthy pods",
    ({ status }) => status?.desiredHealthy,
  ),
  numberFamily(
    "kube_poddisruptionbudget_status_pod_disruptions_allowed",
    "Number of pod disruptions that are currently allowed",
    ({ status }) => status?.disruptionsAllowed,
  ),
  numberFamily(
    "kube_poddisruptionbudget_status_expected_pods",
    "Total number of pods counted by this disruption budget",
    ({ status }) => status?.expectedPods,
  ),
  numberFamily(
    "kube_poddisruptionbudget_status_observed_generation",
    "Most recent generation observed when updating this PDB status",
    ({ status }) => status?.observedGeneration,
  ),
  deletionFamily("poddisruptionbudget"),
];

const quantities = (
  list: ResourceList | undefined,
  labels: (resource: string) => Record<string, string>,
): Sample[] =>
  Object.entries(list ?? {}).map(([resource, quantity]) => labelled(labels(resource), thousandths(quantity)));

export const RESOURCE_QUOTA_FAMILIES: Family[] = [
  createdFamily("resourcequota"),
  gauge("kube_resourcequota", "Information about resource quota.", ({ status }) => [
    ...quantities(status?.hard, (resource) => ({ resource, type: "hard" })),
    ...quantities(status?.used, (resource) => ({ resource, type: "used" })),
  ]),
  annotationsFamily("resourcequota"),
  labelsFamily("resourcequota"),
];

const CONSTRAINTS = ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

type Limit = { type: string } & Partial<Record<(typeof CONSTRAINTS)[number], ResourceList>>;

export const LIMIT_RANGE_FAMILIES: Family[] = [
  gauge("kube_limitrange", "Information about limit range.", ({ spec }) =>
    ((spec.limits ?? []) as Limit[]).flatMap((limit) =>
      CONSTRAINTS.flatMap((constraint) =>
        quantities(limit[constraint], (resource) => ({ resource, type: limit.type, constraint })),
      ),
    ),
  ),
  createdFamily("limitrange"),
];
