/** Cluster IPs: given out when a Service is created, kept until it is removed. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { deepEqual } from "../deep-equal.ts";
import type { StrategyContext } from "./kind-strategy.ts";

/** Which addresses Services may have. */
export interface ServiceAddresses {
  isServiceAddress(address: string): boolean;
  /** The nth address, from 0; undefined past the end. */
  serviceAddress(index: number): string | undefined;
}

export function assignServiceAddress(service: KubernetesObject, context: StrategyContext): void {
  const { spec } = service;
  if (spec === undefined || spec.type === "ExternalName") return;
  if (!spec.clusterIP && Array.isArray(spec.clusterIPs)) spec.clusterIP = spec.clusterIPs[0];
  if (!spec.clusterIP && context.serviceAddresses !== undefined) spec.clusterIP = freeAddress(context);
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

function freeAddress(context: StrategyContext): string | undefined {
  const { store, serviceAddresses } = context;
  const taken = new Set<string>();
  for (const other of store.scan("/services")) if (other.spec?.clusterIP) taken.add(other.spec.clusterIP);
  for (let index = 0; ; index++) {
    const address = serviceAddresses!.serviceAddress(index);
    if (address === undefined || !taken.has(address)) return address;
  }
}
