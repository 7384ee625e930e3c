/** From what discovery found to the Alertmanagers that are sent to (`notifier/alertmanager.go`). */

import type { AlertmanagerConfig } from "../config/alerting-config.ts";
import { checkTargetAddress } from "../config/discovery-config.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type RelabelConfig, relabelInPlace } from "../relabel/relabel.ts";
import { urlText } from "../scrape/target-url.ts";

export interface AlertmanagerTarget {
  url: string;
  /** False where relabelling drops it; the URL is then the one that it had before. */
  isKept: boolean;
}

/** @throws ConfigError for an address that is none */
export function alertmanagersOf(group: TargetGroup, config: AlertmanagerConfig): AlertmanagerTarget[] {
  return group.targets.map((target) => {
    const labels = new Map(Object.entries(target));
    labels.set("__scheme__", config.scheme);
    labels.set("__alerts_path__", alertsPath(config.path_prefix ?? ""));
    for (const [name, value] of Object.entries(group.labels)) if (!(name in target)) labels.set(name, value);
    const urlBefore = urlOf(labels);
    if (!relabelInPlace(labels, (config.relabel_configs ?? []) as RelabelConfig[]))
      return { url: urlBefore, isKept: false };
    checkTargetAddress(labels.get("__address__") ?? "");
    return { url: urlOf(labels), isKept: true };
  });
}

/** The API's path below a prefix that may have slashes where it likes. */
export function alertsPath(prefix: string): string {
  const parts = prefix.split("/").filter((part) => part !== "" && part !== ".");
  return `/${[...parts, "api/v2/alerts"].join("/")}`;
}

function urlOf(labels: ReadonlyMap<string, string>): string {
  const of = (name: string) => labels.get(name) ?? "";
  return urlText({
    scheme: of("__scheme__"),
    host: of("__address__"),
    path: of("__alerts_path__"),
    query: "",
  });
}
