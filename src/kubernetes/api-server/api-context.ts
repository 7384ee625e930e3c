/** What every operation of the API server works on. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import type { Random } from "../../base/random.ts";
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import type { ObjectStore } from "./object-store.ts";
import type { ResourceInfo } from "./resource-info.ts";
import type { ResourceRegistry } from "./resource-registry.ts";
import type { ServiceAccountTokens } from "./service-account-token.ts";
import type { ServiceAddresses } from "./service-addresses.ts";

export interface ApiContext {
  store: ObjectStore;
  registry: ResourceRegistry;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Where cluster IPs come from. Without, Services get none. */
  serviceAddresses?: ServiceAddresses;
  /** Makes tokens of service accounts. */
  tokens?: ServiceAccountTokens;
  /** By which admission webhooks are reached. Without, none are asked. */
  network?: Network;
}

/** @throws KubernetesError 404 `the server could not find the requested resource` */
export function resourceInfo(context: ApiContext, resource: GroupVersionResource): ResourceInfo {
  const info = context.registry.find(resource);
  if (info === undefined) {
    throw statusError("NotFound", "the server could not find the requested resource", {
      group: resource.group || undefined,
      kind: resource.resource,
    });
  }
  return info;
}
