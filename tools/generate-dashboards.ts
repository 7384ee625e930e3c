/**
 * Writes `k8s/test-topology/manifests/grafana-dashboards.yaml` out of `dashboards/`. With `--check` it only says whether
 * the file is up to date.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { DASHBOARDS } from "../dashboards/mod.ts";
import { ROOT } from "./source-files.ts";

export const MANIFEST = join(ROOT, "k8s/test-topology/manifests/grafana-dashboards.yaml");

const HEADER = `# The dashboards, generated from dashboards/ by \`node tools/generate-dashboards.ts\`: change them there.
`;

export function dashboardsManifest(): string {
  const data = Object.fromEntries(
    Object.entries(DASHBOARDS).map(([name, json]) => [name, `${JSON.stringify(json, null, 1)}\n`]),
  );
  const manifest = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "grafana-dashboards", namespace: "percolate-test", labels: { app: "grafana" } },
    data,
  };
  return HEADER + stringify(manifest, { lineWidth: 0, blockQuote: "literal" });
}

/** What is wrong with the file, undefined when nothing is. */
export function staleness(): string | undefined {
  const isCurrent = existsSync(MANIFEST) && readFileSync(MANIFEST, "utf8") === dashboardsManifest();
  return isCurrent ? undefined : `${MANIFEST} is out of date: run node tools/generate-dashboards.ts`;
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const problem = staleness();
    if (problem !== undefined) console.error(problem);
    process.exitCode = problem === undefined ? 0 : 1;
  } else writeFileSync(MANIFEST, dashboardsManifest());
}
