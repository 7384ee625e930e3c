/** The page in a real browser. Skipped where there is no Chromium. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { seededRandom } from "../../base/random.ts";
import { parseFlags } from "../flags.ts";
import { startServer } from "../server.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const HOST = "127.13.4.1";

test("the page completes, runs, draws and explains an expression, and shows targets", {
  skip: CHROMIUM === undefined && "no Chromium on this machine",
  timeout: 120_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "prometheus-page-"));
  const config = join(directory, "prometheus.yml");
  // The server scrapes itself, on whatever port it gets: the file is written again when that is known.
  await writeFile(config, "");
  const system = {
    clock: systemClock,
    random: seededRandom(1),
    disk: systemDisk,
    network: createNodeNetwork(() => {}),
    log: silentLogger,
    env: {},
    signal: new AbortController().signal,
    onHangup: () => {},
    print: () => {},
  };
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, "data")}`,
    `--web.listen-address=${HOST}:0`,
  ];
  const server = await startServer(parseFlags(args), system, () => {});
  const { port } = server.addresses[0];
  await writeFile(
    config,
    `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: self, static_configs: [{targets: ["${HOST}:${port}"]}]}]`,
  );
  await server.reload();
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`http://${HOST}:${port}/targets`);
    await page.getByText("1/1 up").waitFor();
    await page.goto(`http://${HOST}:${port}/query`);
    await page.getByLabel("Expression").click();
    await page.keyboard.type("count by (job) (u");
    await page.locator(".cm-completionLabel", { hasText: "up" }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.type("p)");
    await page.getByRole("button", { name: "Execute" }).click();
    // Whatever the answer is shown as, so that a failure says what came instead of a graph.
    const shown = page.locator(".legend, main .error, main .empty").first();
    assert.equal(await shown.textContent(), '{job="self"}');
    await page.getByRole("tab", { name: "Table" }).click();
    assert.equal(await page.locator("td.value").first().textContent(), "1");
    await page.getByRole("tab", { name: "Explain" }).click();
    assert.equal(await page.locator(".tree code").nth(1).textContent(), "up");
    await page.getByText("1 series").nth(1).waitFor();
    await page.goto(`http://${HOST}:${port}/query?g0.expr=up&g0.tab=1&g0.moment_input=2001-01-01%2000:00:00`);
    assert.equal(await page.locator("td.value, main .empty").first().textContent(), "No data.");
    await page.goto(`http://${HOST}:${port}/service-discovery`);
    await page.getByText("1 of 1 targets active").waitFor();
    await page.goto(`http://${HOST}:${port}/alertmanager-discovery`);
    await page.getByText("Active Alertmanagers").waitFor();
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await server.stop();
    await rm(directory, { recursive: true });
  }
});
