/** What a pod requests and may use as a whole, exactly (component-helpers `resource.PodRequests`, `PodLimits`). */
import { addQuantities, compareQuantities } from "../../../model/quantity.ts";

export type ResourceList = Record<string, string | number>;

interface Container {
  restartPolicy?: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  overhead?: ResourceList;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

export function podRequests(spec: PodSpec): ResourceList {
  return total(spec, "requests");
}

export function podLimits(spec: PodSpec): ResourceList {
  return total(spec, "limits");
}

/** Init containers run one at a time beside the sidecars that are up by then; what the pod itself says counts alone. */
function total(spec: PodSpec, kind: "requests" | "limits"): ResourceList {
  let sum: ResourceList = {};
  for (const { resources } of spec.containers ?? []) sum = addLists(sum, resources?.[kind]);
  let sidecars: ResourceList = {};
  let starting: ResourceList = {};
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    const own = addLists(sidecars, resources?.[kind]);
    if (restartPolicy === "Always") {
      sum = addLists(sum, resources?.[kind]);
      sidecars = own;
    }
    starting = maxLists(starting, own);
  }
  const whole = { ...maxLists(sum, starting), ...spec.resources?.[kind] };
  return addLists(whole, spec.overhead, kind === "limits");
}

/** @param onlyKnown resources that `a` does not have are left out */
function addLists(a: ResourceList, b: ResourceList = {}, onlyKnown = false): ResourceList {
  const sum = { ...a };
  for (const name of Object.keys(b)) {
    if (sum[name] === undefined && onlyKnown) continue;
    sum[name] = sum[name] === undefined ? b[name] : addQuantities(sum[name], b[name]);
  }
  return sum;
}

function maxLists(a: ResourceList, b: ResourceList): ResourceList {
  const most = { ...a };
  for (const name of Object.keys(b)) {
    if (most[name] === undefined || compareQuantities(b[name], most[name]) > 0) most[name] = b[name];
  }
  return most;
}
