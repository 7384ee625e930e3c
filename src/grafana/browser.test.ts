/** The page in a real browser, on made-up data. Skipped where there is no Chromium. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { stringify } from "yaml";
import { DASHBOARDS } from "../../dashboards/mod.ts";
import { systemClock } from "../base/clock.ts";
import { systemDisk } from "../base/disk.ts";
import { silentLogger } from "../base/log.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, readBody } from "../base/network.ts";
import { createNodeNetwork } from "../base/node-network.ts";
import { seededRandom } from "../base/random.ts";
import {
  Authentication,
  DashboardStore,
  handleRequest,
  loadDataSources,
  settingsFrom,
  WebAssets,
} from "./mod.ts";

const HOST = "127.17.2.1";
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const skip = CHROMIUM === undefined ? "no Chromium on this machine" : false;
const SCREENSHOTS = process.env["SCREENSHOTS"];

const LABEL_VALUES: Record<string, string[]> = {
  tenant_id: ["acme", "globex", "initech", "umbrella", "wayne"],
  pod: ["test-db-small-0", "test-db-small-1", "test-db-small-2"],
  tier: ["small"],
  node: ["node-a", "node-b", "node-c"],
  code: ["200", "503"],
  job: ["kubernetes-pods", "kube-state-metrics", "prometheus"],
  exporter: ["prometheusremotewrite", "otlp_http/traces"],
};

/** Answers every query with waves, a series for each combination of the labels that it groups by. */
async function fakePrometheus(request: HttpRequest): Promise<HttpResponse> {
  const url = new URL(request.target, "http://x");
  const body = new TextDecoder().decode(await readBody(request.body));
  const parameters = new URLSearchParams(body === "" ? url.search : body);
  const success = (data: unknown) => jsonResponse(200, { status: "success", data });
  const [, label] = /\/label\/([^/]+)\/values$/.exec(url.pathname) ?? [];
  if (label !== undefined) return success(LABEL_VALUES[label] ?? []);
  if (url.pathname.endsWith("/query_exemplars")) return success([]);
  const query = parameters.get("query") ?? "";
  const series = seriesOf(query);
  if (url.pathname.endsWith("/query")) {
    const time = Number(parameters.get("time"));
    const result = series.map(({ metric, at }) => ({ metric, value: [time, String(at(time))] }));
    return success({ resultType: "vector", result });
  }
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(parameters.get(name)));
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step);
  const result = series.map(({ metric, at }) => ({
    metric,
    values: times.map((time) => [time, String(at(time))]),
  }));
  return success({ resultType: "matrix", result });
}

function seriesOf(query: string): { metric: Record<string, string>; at: (time: number) => number }[] {
  const names =
    /by \(([^)]*)\)/
      .exec(query)?.[1]
      .split(",")
      .map((name) => name.trim()) ?? [];
  let metrics: Record<string, string>[] = [{}];
  for (const name of names) {
    metrics = metrics.flatMap((metric) =>
      (LABEL_VALUES[name] ?? [name]).map((value) => ({ ...metric, [name]: value })),
    );
  }
  const isShare = query.includes("/ sum");
  const isCount = /replicas|ready|phase|up\)|active_tenants/.test(query);
  return metrics.map((metric, i) => ({
    metric,
    at: (time) => {
      const wave = (Math.sin(time / 300 + i) + 1) / 2;
      if (isShare) return 0.95 + wave / 20;
      return isCount
        ? Math.round(1 + wave * (query.includes("condition") || query.includes("up)") ? 0.4 : 4))
        : 1 + wave * (i + 2);
    },
  }));
}

/** Grafana on files and data of its own. */
async function startGrafana(dashboards: Readonly<Record<string, object>>, anonymous = true) {
  const network = createNodeNetwork((error) => console.error(error));
  const prometheus = await network.serve({ host: HOST, port: 0 }, fakePrometheus);
  const folder = await mkdtemp(join(tmpdir(), "grafana-"));
  const provisioningPath = join(folder, "provisioning");
  for (const name of ["provisioning/datasources", "provisioning/dashboards", "json"])
    await systemDisk.makeDirectory(join(folder, name));
  const url = `http://${HOST}:${prometheus.port}`;
  const datasources = [{ name: "Prometheus", uid: "prometheus", type: "prometheus", url, isDefault: true }];
  await systemDisk.writeFile(
    join(provisioningPath, "datasources/a.yaml"),
    stringify({ apiVersion: 1, datasources }),
  );
  const providers = [
    { name: "p", folder: "Percolate", type: "file", options: { path: join(folder, "json") } },
  ];
  await systemDisk.writeFile(
    join(provisioningPath, "dashboards/a.yaml"),
    stringify({ apiVersion: 1, providers }),
  );
  for (const [name, json] of Object.entries(dashboards)) {
    await systemDisk.writeFile(join(folder, "json", name), JSON.stringify(json));
  }
  const settings = { ...settingsFrom({}), provisioningPath, dataPath: join(folder, "data"), anonymous };
  const context = {
    network,
    authentication: new Authentication(settings, systemClock, seededRandom(1)),
    dataSources: await loadDataSources(systemDisk, provisioningPath, {}),
    dashboards: await DashboardStore.open(systemDisk, silentLogger, settings, {}),
  };
  const assets = new WebAssets();
  const server = await network.serve({ host: HOST, port: 0 }, (request) =>
    handleRequest(request, context, assets),
  );
  return {
    url: `http://${HOST}:${server.port}`,
    async close() {
      await Promise.all([server.close(), prometheus.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

async function openPage(browser: Browser): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return { page, errors };
}

async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

async function shoot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS !== undefined)
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

test("the browser lists the dashboards and draws their data", { skip }, async (t) => {
  const grafana = await startGrafana(DASHBOARDS);
  t.after(() => grafana.close());
  const browser = await launch();
  t.after(() => browser.close());
  const { page, errors } = await openPage(browser);
  await page.goto(grafana.url);
  await page.getByText("Tenants", { exact: true }).waitFor();
  await page
    .locator(".card")
    .nth(Object.keys(DASHBOARDS).length - 1)
    .waitFor();
  assert.equal(await page.locator(".card").count(), Object.keys(DASHBOARDS).length);
  await shoot(page, "list");
  await page.getByText("Tenants", { exact: true }).click();
  await page.locator("article[aria-label='Request rate by tenant'] .legend").getByText("acme").waitFor();
  assert.match(page.url(), /\/d\/percolate-tenants\//);
  await page.locator("article[data-panel=stat] .stat-value").first().waitFor();
  await page.locator("article[data-panel=heatmap] canvas").waitFor();
  assert.equal(await page.locator(".no-data").count(), 0);
  await shoot(page, "tenants");
  for (const name of ["scaling", "pipelines"]) {
    await page.goto(`${grafana.url}/d/percolate-${name}`);
    await page.locator("article .u-over").first().waitFor();
    await page.waitForLoadState("networkidle");
    await shoot(page, name);
  }
  assert.deepEqual(errors, []);
});

const conformance = ["../../../shared", "../../../../shared"]
  .map((path) => new URL(`${path}/conformance/dashboards/`, import.meta.url))
  .find((url) => existsSync(url));

test("dashboards of other projects load without an error", {
  skip: skip || (conformance === undefined ? "no conformance data beside the repository" : false),
}, async (t) => {
  const names = readdirSync(conformance!).filter((name) => name.endsWith(".json"));
  const dashboards = names.map((name) => [
    name,
    JSON.parse(readFileSync(new URL(name, conformance), "utf8")),
  ]);
  const grafana = await startGrafana(Object.fromEntries(dashboards));
  t.after(() => grafana.close());
  const browser = await launch();
  t.after(() => browser.close());
  const { page, errors } = await openPage(browser);
  await page.goto(grafana.url);
  await page
    .locator(".card")
    .nth(names.length - 1)
    .waitFor();
  const links = await page
    .locator(".card")
    .evaluateAll((cards) => cards.map((card) => card.getAttribute("href")!));
  assert.equal(links.length, names.length);
  for (const link of links) {
    await page.goto(grafana.url + link);
    await page.locator("article, .row-title").first().waitFor();
    await page.waitForLoadState("networkidle");
    await shoot(page, link.split("/").at(-1)!);
    const failures = await page.locator(".no-data.error, .panel-title .warn").allTextContents();
    assert.deepEqual(failures, [], link);
    const unknown = await page.getByText("are not drawn here").count();
    assert.equal(unknown, 0, link);
  }
  assert.deepEqual(errors, []);
});

test("without anonymous access one has to log in, as admin with the password admin", { skip }, async (t) => {
  const grafana = await startGrafana(DASHBOARDS, false);
  t.after(() => grafana.close());
  const browser = await launch();
  t.after(() => browser.close());
  const { page } = await openPage(browser);
  await page.goto(grafana.url);
  await page.getByLabel("Username").fill("admin");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("Invalid username or password").waitFor();
  await page.getByLabel("Password").fill("admin");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("Tenants", { exact: true }).waitFor();
  await page.getByText("Log out admin").waitFor();
});
