import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import { apiPaths } from "./http-api.ts";
import { openApiDocument } from "./openapi.ts";

test("the OpenAPI document has every path of the API, with its methods", () => {
  const { paths } = openApiDocument("3.2.0", "http://p");
  const described = new Map(
    Object.entries(paths).map(([path, item]) => [
      path,
      Object.keys(item).map((method) => method.toUpperCase()),
    ]),
  );
  described.delete("/label/{name}/values");
  const served = apiPaths();
  served.delete("/openapi.yaml");
  assert.deepEqual([...described.keys()].sort(), [...served.keys()].sort());
  for (const [path, methods] of served)
    assert.deepEqual(described.get(path)!.sort(), [...methods].sort(), path);
});

test("openapi.yaml is served in two versions, with names that are unique", async () => {
  const it = await virtualPrometheus("");
  const { text, headers } = await it.get("/api/v1/openapi.yaml");
  assert.equal(headers["content-type"], "application/yaml; charset=utf-8");
  const document = parse(text);
  assert.equal(document.openapi, "3.1.0");
  assert.equal(document.paths["/notifications/live"], undefined);
  assert.deepEqual(
    document.paths["/query"].post.requestBody.content["application/x-www-form-urlencoded"].schema.required,
    ["query"],
  );
  const items: { operationId: string }[][] = Object.values(document.paths).map((item) =>
    Object.values(item as object),
  );
  const ids = items.flat().map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  const newer = parse((await it.get("/api/v1/openapi.yaml?openapi_version=3.2")).text);
  assert.equal(newer.openapi, "3.2.0");
  assert.ok(newer.paths["/notifications/live"].get);
  await it.server.stop();
});
