/** Cluster IPs: given out when a Service is created, kept until it is removed. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import type { StrategyContext } from "./kind-strategy.ts";

export function assignServiceAddress(service: KubernetesObject, context: StrategyContext): void {
  const { spec } = service;
  if (spec === undefined || spec.type === "ExternalName") return;
  if (!spec.clusterIP && Array.isArray(spec.clusterIPs)) spec.clusterIP = spec.clusterIPs[0];
  if (spec.clusterIP) checkAddress(service, context);
  else if (context.serviceAddresses !== undefined) spec.clusterIP = freeAddress(context);
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
}

/** What a Service has no more that is only a name. */
const ADDRESS_FIELDS = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"];

/** Clients need not repeat the address in an update; becoming a name gives it back. */
export function keepServiceAddress(
  service: KubernetesObject,
  previous: KubernetesObject,
  context: StrategyContext,
): void {
  const { spec } = service;
  if (spec === undefined) return;
  if (spec.type === "ExternalName") {
    for (const field of ADDRESS_FIELDS) delete spec[field];
    return;
  }
  if (!spec.clusterIP && previous.spec?.clusterIP) spec.clusterIP = previous.spec.clusterIP;
  // Clients that only know the one field change only that.
  const isOnlyOne =
    spec.clusterIP !== previous.spec?.clusterIP && deepEqual(spec.clusterIPs, previous.spec?.clusterIPs);
  if (spec.clusterIP) spec.clusterIPs = isOnlyOne ? [spec.clusterIP] : (spec.clusterIPs ?? [spec.clusterIP]);
  else assignServiceAddress(service, context);
}

/** @throws KubernetesError 422 when a Service can't have the address that it asks for */
function checkAddress({ metadata, spec }: KubernetesObject, context: StrategyContext): void {
  const address: string = spec.clusterIP;
  if (context.serviceAddresses === undefined || !/^\d+\.\d+\.\d+\.\d+$/.test(address)) return;
  const problem = !context.serviceAddresses.isServiceAddress(address)
    ? "the provided network does not match the current range"
    : takenAddresses(context).has(address)
      ? "provided IP is already allocated"
      : undefined;
  if (problem === undefined) return;
  const value = spec.clusterIPs ?? [address];
  const detail = `failed to allocate IP ${address}: ${problem}`;
  throw invalid({ kind: "Service", group: "" }, metadata.name, [
    invalidValue("spec.clusterIPs", value, detail),
  ]);
}

function takenAddresses({ store }: StrategyContext): Set<string> {
  const taken = new Set<string>();
  for (const other of store.scan("/services")) if (other.spec?.clusterIP) taken.add(other.spec.clusterIP);
  return taken;
}

function freeAddress(context: StrategyContext): string | undefined {
  const { serviceAddresses } = context;
  const taken = takenAddresses(context);
  for (let index = 0; ; index++) {
    const address = serviceAddresses!.serviceAddress(index);
    if (address === undefined || !taken.has(address)) return address;
  }
}
