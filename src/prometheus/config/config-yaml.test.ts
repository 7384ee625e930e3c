import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { configYaml } from "./config-yaml.ts";
import { parseConfig } from "./load-config.ts";

/** The lines of a section, as upstream's server shows it. */
function shown(yaml: string, section: string): string[] {
  const lines = configYaml(parseConfig(yaml, { env: {}, log: silentLogger })).split("\n");
  const from = lines.indexOf(`${section}:`);
  const length = lines.slice(from + 1).findIndex((line) => /^[a-z]/.test(line));
  return lines.slice(from + 1, length < 0 ? -1 : from + 1 + length).map((line) => line.trimEnd());
}

test("configYaml() lists discovery by mechanism, targets last, fields in upstream's order", () => {
  const lines = shown(
    `scrape_configs:
- job_name: a
  static_configs: [{}]
  kubernetes_sd_configs: [{role: pod, api_server: "http://10.0.0.1"}]
  http_sd_configs: [{url: "http://10.0.0.2/"}]
  dns_sd_configs: [{names: [b]}]`,
    "scrape_configs",
  );
  assert.deepEqual(lines.slice(lines.indexOf("  dns_sd_configs:")), [
    "  dns_sd_configs:",
    "  - names:",
    "    - b",
    "    refresh_interval: 30s",
    "    type: SRV",
    "    port: 0",
    "  http_sd_configs:",
    "  - follow_redirects: true",
    "    enable_http2: true",
    "    refresh_interval: 1m",
    "    url: http://10.0.0.2/",
    "  kubernetes_sd_configs:",
    "  - api_server: http://10.0.0.1",
    "    role: pod",
    '    kubeconfig_file: ""',
    "    follow_redirects: true",
    "    enable_http2: true",
    "  static_configs:",
    "  - targets: []",
  ]);
});

test("configYaml() shows a regex that was written, also where it is the default", () => {
  const rules = (rule: string) => shown(`alerting:\n  alert_relabel_configs:\n  - ${rule}`, "alerting");
  assert.deepEqual(rules("{target_label: a}"), [
    "  alert_relabel_configs:",
    "  - separator: ;",
    "    target_label: a",
    "    replacement: $1",
    "    action: replace",
  ]);
  assert.ok(rules("{target_label: a, regex: (.*)}").includes("    regex: (.*)"));
});

test("configYaml() quotes what would be read as another type, and sorts labels, empty ones too", () => {
  assert.deepEqual(
    shown(
      'global:\n  external_labels: {z: "", b: "yes", c: "12:30", a: "%x", d: 5m, e: "x: y"}',
      "global",
    ).slice(3, 10),
    [
      "  external_labels:",
      "    a: '%x'",
      '    b: "yes"',
      '    c: "12:30"',
      "    d: 5m",
      "    e: 'x: y'",
      '    z: ""',
    ],
  );
});

test("configYaml() leaves false histogram settings out of the global section", () => {
  const lines = shown("global: {always_scrape_classic_histograms: false}", "global");
  assert.ok(!lines.some((line) => line.includes("always_scrape_classic_histograms")));
});
