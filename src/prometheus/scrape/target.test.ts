import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { parseConfig } from "../config/load-config.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { targetsOf } from "./target.ts";

function urls(config: string, labels: Record<string, string>): string[] {
  const parsed = parseConfig(`scrape_configs: [{job_name: j, ${config}}]`, { env: {}, log: silentLogger });
  const [job] = parsed.scrape_configs as ScrapeConfig[];
  const groups = [{ source: "s", targets: [{ __address__: "h:1" }], labels }];
  return targetsOf(job, groups).active.map(({ url }) => url);
}

test("targetsOf() takes a query parameter from its label first, and from the configuration without one", () => {
  const params = "params: {x: [one, two], module: [m]}";
  assert.deepEqual(urls(params, {}), ["http://h:1/metrics?module=m&x=one&x=two"]);
  assert.deepEqual(urls(params, { __param_x: "own" }), ["http://h:1/metrics?module=m&x=own&x=two"]);
  assert.deepEqual(urls(params, { __param_y: "more" }), ["http://h:1/metrics?module=m&x=one&x=two&y=more"]);
  const dropped = `${params}, relabel_configs: [{action: labeldrop, regex: __param_x}]`;
  assert.deepEqual(urls(dropped, {}), ["http://h:1/metrics?module=m&x=one&x=two"]);
});
