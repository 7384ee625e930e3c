/** From what discovery found to the Alertmanagers that are sent to (`notifier/util.go`). */
import { checkTargetAddress } from "../config/discovery-config.ts";
import type { AlertmanagerConfig } from "../config/prometheus-config.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type RelabelConfig, relabelInPlace } from "../relabel/relabel.ts";

export interface AlertmanagerTarget {
  url: string;
  /** False where relabelling drops it. */
  isKept: boolean;
}

/** @throws ConfigError for an address that is none */
export function alertmanagersOf(group: TargetGroup, config: AlertmanagerConfig): AlertmanagerTarget[] {
  return group.targets.map((target) => {
    const labels = new Map([...Object.entries(group.labels), ...Object.entries(target)]);
    const { scheme, path_prefix: prefix = "", relabel_configs: rules = [] } = config;
    if (!labels.has("__scheme__")) labels.set("__scheme__", scheme);
    const path = `/${prefix.replace(/^\/|\/$/g, "")}/api/v2/alerts`.replace(/^\/\//, "/");
    labels.set("__alerts_path__", path);
    const isKept = relabelInPlace(labels, rules as RelabelConfig[]);
    const address = labels.get("__address__") ?? "";
    if (isKept) checkTargetAddress(address);
    return { url: `${labels.get("__scheme__")}://${address}${labels.get("__alerts_path__")}`, isKept };
  });
}
