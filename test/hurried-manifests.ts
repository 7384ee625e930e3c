/**
 * The topology's YAML with every wait made short, for tests: what takes minutes in real life takes seconds, and nothing
 * else is different.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./cli-process.ts";

/** Each has to occur in the file, so that a change there is noticed here. */
const EDITS: Record<string, [from: RegExp, to: string][]> = {
  "manifests/prometheus.yaml": [
    [/scrape_interval: 15s/, "scrape_interval: 1s"],
    [/scrape_timeout: 10s/, "scrape_timeout: 1s"],
  ],
  "manifests/otel-collector.yaml": [[/timeout: 10s/g, "timeout: 1s"]],
  "manifests/test-db.yaml": [
    [/(\n +)imagePullPolicy: IfNotPresent/, '$1imagePullPolicy: IfNotPresent$1args: ["--active-window=12"]'],
    [/value: "15000"/, 'value: "1000"'],
  ],
  "manifests/scaledobject.yaml": [
    [/pollingInterval: \d+/, "pollingInterval: 1"],
    [/cooldownPeriod: \d+/, "cooldownPeriod: 5"],
    [/stabilizationWindowSeconds: [1-9]\d*/g, "stabilizationWindowSeconds: 5"],
    [/periodSeconds: \d+/g, "periodSeconds: 1"],
  ],
};

/** Writes the hurried YAML below `directory` and answers the folder for `--manifests`. */
export function writeHurriedManifests(directory: string): string {
  const source = join(ROOT, "k8s/test-topology");
  for (const folder of ["manifests", "embedded"]) {
    mkdirSync(join(directory, folder), { recursive: true });
    for (const name of readdirSync(join(source, folder))) {
      const path = `${folder}/${name}`;
      let text = readFileSync(join(source, path), "utf8");
      for (const [from, to] of EDITS[path] ?? []) {
        const hurried = text.replace(from, to);
        if (hurried === text) throw new Error(`${path} has no ${from}`);
        text = hurried;
      }
      writeFileSync(join(directory, path), text);
    }
  }
  return directory;
}
