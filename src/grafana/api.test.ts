import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { systemDisk } from "../base/disk.ts";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpHeaders, type HttpRequest, jsonResponse, readBody } from "../base/network.ts";
import { createNodeNetwork } from "../base/node-network.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { MAX_FAILED_LOGINS } from "./authentication.ts";
import {
  type ApiContext,
  Authentication,
  DashboardStore,
  handleRequest,
  loadDataSources,
  settingsFrom,
  WebAssets,
} from "./mod.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, and a wrong shape fails the test anyhow
type Json = any;

const HOST = "127.17.4.1";
const BASIC = `Basic ${Buffer.from("admin:admin").toString("base64")}`;
const network = createNodeNetwork(() => {});

interface World {
  ask(
    method: string,
    target: string,
    body?: unknown,
    headers?: HttpHeaders,
  ): Promise<{ status: number; json: Json; headers: Record<string, string | string[]> }>;
  clock: VirtualClock;
  folder: string;
  /** What came to the data source. */
  seen: HttpRequest[];
}

async function withGrafana(run: (world: World) => Promise<void>, anonymous = false): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "grafana-api-"));
  const seen: HttpRequest[] = [];
  const prometheus = await network.serve({ host: HOST, port: 0 }, async (request) => {
    const body = await readBody(request.body);
    seen.push({ ...request, body: bodyOf(body) });
    if (request.target.includes("bad")) return jsonResponse(400, { status: "error", error: "parse error" });
    const result = [
      {
        metric: { __name__: "up", job: "p" },
        values: [
          [1, "1"],
          [2, "0"],
        ],
        value: [2, "0"],
      },
    ];
    return jsonResponse(200, { status: "success", data: { resultType: "matrix", result } });
  });
  try {
    for (const name of ["datasources", "dashboards", "json/inner"])
      await systemDisk.makeDirectory(join(folder, name));
    const write = (name: string, content: unknown) =>
      systemDisk.writeFile(join(folder, name), stringify(content));
    const datasources = [
      {
        name: "Prometheus",
        uid: "prometheus",
        type: "prometheus",
        url: "$URL/",
        isDefault: true,
        jsonData: { timeInterval: "15s" },
      },
      { name: "My Tempo", type: "tempo", url: `http://${HOST}:9` },
    ];
    await write("datasources/a.yaml", { apiVersion: 1, datasources });
    const options = { path: join(folder, "json"), foldersFromFilesStructure: true };
    await write("dashboards/a.yaml", {
      apiVersion: 1,
      providers: [{ name: "p", folder: "F", type: "file", options }],
    });
    await systemDisk.writeFile(
      join(folder, "json/a.json"),
      JSON.stringify({ uid: "aaa", title: "Tenants by Tier", tags: ["x"], panels: [] }),
    );
    await systemDisk.writeFile(
      join(folder, "json/inner/b.json"),
      JSON.stringify({ dashboard: { title: "Inner One" } }),
    );
    await systemDisk.writeFile(join(folder, "json/broken.json"), "{");
    const settings = {
      ...settingsFrom({}),
      provisioningPath: folder,
      dataPath: join(folder, "data"),
      anonymous,
    };
    const clock = new VirtualClock();
    const context: ApiContext = {
      network,
      authentication: new Authentication(settings, clock, seededRandom(1)),
      dataSources: await loadDataSources(systemDisk, folder, { URL: `http://${HOST}:${prometheus.port}` }),
      dashboards: await DashboardStore.open(systemDisk, silentLogger, settings, {}),
    };
    const assets = new WebAssets();
    const ask: World["ask"] = async (method, target, body, headers = {}) => {
      const response = await handleRequest(
        {
          method,
          target,
          headers,
          body: bodyOf(body === undefined ? undefined : JSON.stringify(body)),
          remoteAddress: "127.0.0.1",
          signal: new AbortController().signal,
        },
        context,
        assets,
      );
      const given = response.body ?? "";
      const text =
        typeof given === "string"
          ? given
          : new TextDecoder().decode(given instanceof Uint8Array ? given : await readBody(given));
      let json: Json;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      return { status: response.status, json, headers: response.headers ?? {} };
    };
    await run({ ask, clock, folder, seen });
  } finally {
    await prometheus.close();
    await rm(folder, { recursive: true });
  }
}

test("health needs no login, everything else does", async () => {
  await withGrafana(async ({ ask }) => {
    assert.deepEqual((await ask("GET", "/api/health")).json, {
      commit: "",
      database: "ok",
      version: "13.2.0",
    });
    assert.deepEqual(await ask("GET", "/api/search").then(({ status, json }) => [status, json]), [
      401,
      { message: "Unauthorized" },
    ]);
    const { status, json } = await ask("GET", "/api/user", undefined, { authorization: BASIC });
    assert.deepEqual([status, json.login, json.orgRole], [200, "admin", "Admin"]);
    assert.equal((await ask("GET", "/api/nothing", undefined, { authorization: BASIC })).status, 404);
  });
});

test("a session begins with the right password and ends by itself or at logout", async () => {
  await withGrafana(async ({ ask, clock }) => {
    const wrong = await ask("POST", "/login", { user: "admin", password: "x" });
    assert.deepEqual([wrong.status, wrong.json.message], [401, "Invalid username or password"]);
    const { headers } = await ask("POST", "/login", { user: "admin", password: "admin" });
    const cookie = String(headers["set-cookie"]).split(";")[0];
    assert.match(String(headers["set-cookie"]), /HttpOnly; SameSite=Lax/);
    assert.equal((await ask("GET", "/api/user", undefined, { cookie })).status, 200);
    clock.jump(8 * 24 * 3_600_000);
    assert.equal((await ask("GET", "/api/user", undefined, { cookie })).status, 401);
    const again = String(
      (await ask("POST", "/login", { user: "admin", password: "admin" })).headers["set-cookie"],
    ).split(";")[0];
    await ask("GET", "/logout", undefined, { cookie: again });
    assert.equal((await ask("GET", "/api/user", undefined, { cookie: again })).status, 401);
  });
});

test("who guesses passwords has to wait", async () => {
  await withGrafana(async ({ ask, clock }) => {
    for (let i = 0; i < MAX_FAILED_LOGINS; i++)
      await ask("POST", "/login", { user: "admin", password: String(i) });
    assert.equal((await ask("POST", "/login", { user: "admin", password: "admin" })).status, 401);
    clock.jump(5 * 60_000);
    assert.equal((await ask("POST", "/login", { user: "admin", password: "admin" })).status, 200);
  });
});

test("dashboards of folders are listed, given out, and read again when they change", async () => {
  await withGrafana(async ({ ask, folder }) => {
    const titles = async (query = "") =>
      (await ask("GET", `/api/search${query}`)).json.map(
        ({ title, folderTitle }: Json) => `${folderTitle}/${title}`,
      );
    assert.deepEqual(await titles(), ["inner/Inner One", "F/Tenants by Tier"]);
    assert.deepEqual(await titles("?query=TIER"), ["F/Tenants by Tier"]);
    assert.deepEqual(await titles("?tag=x"), ["F/Tenants by Tier"]);
    const { json } = await ask("GET", "/api/dashboards/uid/aaa");
    assert.deepEqual(
      [json.dashboard.title, json.meta.provisioned, json.meta.url],
      ["Tenants by Tier", true, "/d/aaa/tenants-by-tier"],
    );
    assert.equal((await ask("GET", "/api/dashboards/uid/inner-one")).json.dashboard.title, "Inner One");
    assert.equal((await ask("GET", "/api/dashboards/uid/none")).status, 404);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await systemDisk.writeFile(join(folder, "json/a.json"), JSON.stringify({ uid: "aaa", title: "Renamed" }));
    assert.deepEqual(await titles(), ["inner/Inner One", "F/Renamed"]);
  }, true);
});

test("administrators save and delete dashboards, viewers do not, and provisioned ones stay", async () => {
  await withGrafana(async ({ ask }) => {
    const admin = { authorization: BASIC };
    const save = (dashboard: unknown, overwrite = false, headers: HttpHeaders = admin) =>
      ask("POST", "/api/dashboards/db", { dashboard, overwrite }, headers);
    assert.equal((await save({ uid: "mine", title: "Mine" }, false, {})).status, 403);
    const { status, json } = await save({ uid: "mine", title: "Mine" });
    assert.deepEqual([status, json.uid, json.url, json.status], [200, "mine", "/d/mine/mine", "success"]);
    assert.equal((await save({ uid: "mine", title: "Mine" })).status, 412);
    assert.equal((await save({ uid: "mine", title: "Mine 2" }, true)).status, 200);
    assert.equal((await ask("GET", "/api/dashboards/uid/mine")).json.dashboard.title, "Mine 2");
    assert.equal(
      (await save({ uid: "aaa", title: "x" }, true)).json.message,
      "Cannot save provisioned dashboard",
    );
    assert.equal((await save({ uid: "../../etc", title: "Sneaky" })).json.uid, "sneaky");
    assert.equal((await save({ uid: "b" })).json.message, "Dashboard title cannot be empty");
    assert.equal((await ask("DELETE", "/api/dashboards/uid/aaa", undefined, admin)).status, 400);
    assert.equal((await ask("DELETE", "/api/dashboards/uid/mine", undefined, admin)).status, 200);
    assert.equal((await ask("GET", "/api/dashboards/uid/mine")).status, 404);
  }, true);
});

test("the proxy passes queries on, without cookies, and leads nowhere else", async () => {
  await withGrafana(async ({ ask, seen }) => {
    const path = "/api/datasources/proxy/uid/prometheus";
    const headers = { cookie: "grafana_session=secret", authorization: BASIC, accept: "application/json" };
    const { status, json } = await ask("GET", `${path}/api/v1/query_range?query=up`, undefined, headers);
    assert.deepEqual([status, json.status], [200, "success"]);
    assert.equal(seen[0].target, "/api/v1/query_range?query=up");
    assert.deepEqual([seen[0].headers["cookie"], seen[0].headers["authorization"]], [undefined, undefined]);
    assert.equal((await ask("DELETE", `${path}/api/v1/series`)).status, 403);
    assert.equal((await ask("GET", `${path}/../../admin`)).status, 404);
    assert.equal((await ask("GET", `${path}/%2e%2e/admin`)).status, 404);
    assert.equal((await ask("GET", "/api/datasources/proxy/uid/none/x")).status, 404);
    assert.equal((await ask("GET", "/api/datasources/proxy/uid/my-tempo/api/echo")).status, 502);
    assert.equal(seen.length, 1);
  }, true);
});

test("data sources are told and checked", async () => {
  await withGrafana(async ({ ask }) => {
    const { json } = await ask("GET", "/api/datasources");
    assert.deepEqual(
      json.map(({ uid, isDefault, jsonData }: Json) => [uid, isDefault, jsonData.timeInterval]),
      [
        ["prometheus", true, "15s"],
        ["my-tempo", false, undefined],
      ],
    );
    assert.equal((await ask("GET", "/api/datasources/name/My%20Tempo")).json.uid, "my-tempo");
    assert.equal((await ask("GET", "/api/datasources/uid/prometheus/health")).json.status, "OK");
    assert.equal((await ask("GET", "/api/datasources/uid/my-tempo/health")).json.status, "ERROR");
  }, true);
});

test("/api/ds/query answers with frames", async () => {
  await withGrafana(async ({ ask }) => {
    const query = (refId: string, expr: string) => ({
      refId,
      expr,
      datasource: { uid: "prometheus" },
      intervalMs: 1000,
      maxDataPoints: 100,
    });
    const { status, json } = await ask("POST", "/api/ds/query", {
      from: "0",
      to: "2000",
      queries: [query("A", "up")],
    });
    assert.equal(status, 200);
    const [frame] = json.results.A.frames;
    assert.deepEqual(frame.data.values, [
      [1000, 2000],
      [1, 0],
    ]);
    assert.deepEqual(frame.schema.fields[1].labels, { job: "p" });
    const failed = await ask("POST", "/api/ds/query", {
      from: "0",
      to: "2000",
      queries: [query("A", "bad"), query("B", "up")],
    });
    assert.deepEqual(
      [failed.status, failed.json.results.A.error, failed.json.results.B.status],
      [400, "parse error", 200],
    );
    assert.equal((await ask("POST", "/api/ds/query", { queries: [] })).status, 400);
  }, true);
});

test("loadDataSources() names the file and entry that is wrong", async () => {
  const folder = await mkdtemp(join(tmpdir(), "grafana-bad-"));
  try {
    await systemDisk.makeDirectory(join(folder, "datasources"));
    const cases: [unknown, RegExp][] = [
      [{ datasources: {} }, /a\.yaml: datasources: expected a list/],
      [{ datasources: [{ type: "prometheus" }] }, /a\.yaml: datasources\[0\]: name is missing/],
      [
        { datasources: [{ name: "p", type: "prometheus", url: "file:///etc/passwd" }] },
        /url file:\/\/\/etc\/passwd is no http address/,
      ],
      [
        {
          datasources: [
            { name: "a", type: "x", isDefault: true },
            { name: "b", type: "x", isDefault: true },
          ],
        },
        /Only one datasource per organization can be marked as default/,
      ],
    ];
    for (const [content, message] of cases) {
      await systemDisk.writeFile(join(folder, "datasources/a.yaml"), stringify(content));
      await assert.rejects(loadDataSources(systemDisk, folder, {}), message);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
