import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { loadConfigFile, parseConfig, scrapeConfigsOf } from "./load-config.ts";

const options = { disk: systemDisk, env: {}, log: silentLogger };
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const DATA = ["../shared", "../../shared"]
  .map((path) => join(ROOT, path, "conformance/prometheus-config"))
  .find(existsSync);

const parse = (text: string) => parseConfig(text, options);

test("upstream's configuration files get upstream's verdict", {
  skip: DATA === undefined && "no conformance data beside the repository",
}, async (t) => {
  for (const name of readdirSync(DATA!).filter((each) => each.endsWith(".yml"))) {
    await t.test(name, async () => {
      const path = join(DATA!, name);
      // Two files need others that they name; upstream's own test gives these another folder.
      const load = async () => {
        const config = await loadConfigFile(path, options);
        await scrapeConfigsOf(config, systemDisk);
      };
      if (/\.bad\.yml$|\.incompatible\.yml$/.test(name)) await assert.rejects(load, { name: "ConfigError" });
      else await load();
    });
  }
});

test("parseConfig() says what is wrong in upstream's words", () => {
  const scrape = (yaml: string) => `scrape_configs:\n- job_name: a\n${yaml.replace(/^/gm, "  ")}`;
  const cases: [yaml: string, message: string][] = [
    ["remote_write: [{url: a, queue_config: }]", "remote write queue max_shards must be positive"],
    [
      "global:\n  nonsense: 1",
      "yaml: unmarshal errors:\n  line 2: field nonsense not found in type config.plain",
    ],
    [
      "scrape_configs: []\nscrape_configs: []",
      "line 2: field scrape_configs already set in type config.plain",
    ],
    ["global: [a]", "line 1: cannot unmarshal !!seq into config.plain"],
    ["global:\n  sample_limit: many things", "line 2: cannot unmarshal !!str `many th...` into uint"],
    ["global:\n  scrape_interval: 5x", 'unknown unit "x" in duration "5x"'],
    [
      "global:\n  scrape_interval: 5s\n  scrape_timeout: 6s",
      "global scrape timeout greater than scrape interval",
    ],
    ["global:\n  external_labels:\n    a: !!binary /w==", '"\\xff" is not a valid label value'],
    [
      scrape("scrape_timeout: 2m"),
      'scrape timeout greater than scrape interval for scrape config with job name "a"',
    ],
    [scrape("body_size_limit: 100"), "units: unknown unit  in 100"],
    [scrape("consult_sd_configs: []"), "field consult_sd_configs not found in type config.ScrapeConfig"],
    [
      scrape("consul_sd_configs: []"),
      "consul_sd_configs: this Prometheus has no consul discovery; it has dns_sd_configs, file_sd_configs, http_sd_configs, kubernetes_sd_configs, static_configs",
    ],
    [
      scrape("relabel_configs: [{regex: 'a(', target_label: b}]"),
      "error parsing regexp: missing closing ): `^(?s:a()$`",
    ],
    [
      scrape("relabel_configs: [{regex: '(?=a)'}]"),
      "error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
    ],
    [scrape("relabel_configs: [{action: explode}]"), 'unknown relabel action "explode"'],
    [scrape("static_configs: [{targets: ['http://x']}]"), '"http://x" is not a valid hostname'],
    [
      scrape("kubernetes_sd_configs: [{namespaces: {names: [a]}}]"),
      "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)",
    ],
    [scrape("kubernetes_sd_configs: [{role: cat}]"), 'unknown Kubernetes SD role "cat"'],
    [
      scrape("basic_auth: {username: a}\n  bearer_token: b").replace("    bearer", "  bearer"),
      "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
    ],
    [
      "remote_write: [{url: http://x, headers: {Authorization: x}}]",
      "authorization header must be changed via the basic_auth",
    ],
    [
      "remote_write: [{url: http://x, queue_config: {max_shards: 0}}]",
      "remote write queue max_shards must be positive",
    ],
    [
      "otlp: {promote_resource_attributes: ['']}",
      "invalid 'promote_resource_attributes': empty promoted OTel resource attribute",
    ],
    ["a: [", "yaml: line 1: "],
  ];
  for (const [yaml, message] of cases) {
    assert.throws(
      () => parse(yaml),
      (error: Error) => {
        assert.ok(error.message.includes(message), `${yaml}\n${error.message}`);
        return true;
      },
    );
  }
});

test("parseConfig() fills in what a scrape configuration leaves to global", () => {
  const config = parse(
    "global: {scrape_interval: 15s, scrape_timeout: 4s, sample_limit: 7}\nscrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 3s}]",
  );
  const [a, b] = config.scrape_configs!;
  assert.deepEqual([a!.scrape_interval, a!.scrape_timeout, a!.sample_limit], [15_000, 4_000, 7]);
  assert.deepEqual([b!.scrape_interval, b!.scrape_timeout], [3_000, 3_000]);
});

test("parseConfig() reads scalars as Go's YAML does", () => {
  const yaml =
    "scrape_configs: [{job_name: 1, honor_labels: yes, relabel_configs: [{source_labels: [a], regex: true, action: keep}, {regex:, target_label: x}]}]";
  const scrape = parse(yaml).scrape_configs![0]!;
  assert.equal(scrape.job_name, "1");
  assert.equal(scrape.honor_labels, true);
  assert.equal(scrape.relabel_configs![0]!.regex, "true");
  assert.equal(scrape.relabel_configs![1]!.regex, "");
});

test("parseConfig() expands variables in external labels only", () => {
  const yaml = ["global: {external_labels: {a: 'x$", "{V}y$$V$V'}}"].join("");
  const config = parseConfig(yaml, {
    ...options,
    env: { V: "1" },
  });
  assert.equal(config.global.external_labels!.a, "x1y$V1");
});

test("an empty file is the default configuration", () => {
  assert.equal(parse("").global.scrape_interval, 60_000);
  assert.equal(parse("global:").global.scrape_timeout, 10_000);
});

test("parseConfig() refuses an alias bomb", () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (let i = 1; i < 9; i++)
    bomb.push(
      `${"abcdefghij"[i]}: &${"abcdefghij"[i]} [${Array(9)
        .fill(`*${"abcdefghij"[i - 1]}`)
        .join(",")}]`,
    );
  assert.throws(() => parse(`rule_files: *i\n${bomb.join("\n")}`), { name: "ConfigError" });
  const yaml = readFileSync(fileURLToPath(import.meta.url), "utf8");
  assert.throws(() => parse(yaml), { name: "ConfigError" });
});
