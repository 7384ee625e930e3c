import assert from "node:assert/strict";
import { test } from "node:test";
import { globalUrl } from "./global-url.ts";

const at = (host: string, externalUrl = "https://prom.example:8443/base") =>
  globalUrl({ scheme: "http", host, path: "/m", query: "a=b" }, externalUrl, 9090);

test("what listens on this machine is reached under the server's name", () => {
  assert.deepEqual(at("10.0.0.1:80"), { url: "http://10.0.0.1:80/m?a=b" });
  assert.deepEqual(at("localhost:9090"), { url: "https://prom.example:8443/m?a=b" });
  assert.deepEqual(at("127.0.0.1:9100"), { url: "http://prom.example:9100/m?a=b" });
  assert.deepEqual(at("[::1]"), { url: "http://prom.example/m?a=b" });
  assert.deepEqual(at("localhost:1", "http://[2001:db8::1]:9090"), { url: "http://[2001:db8::1]:1/m?a=b" });
});

test("an address that can't be taken apart stays, and it is said why", () => {
  for (const [host, problem] of [
    ["::1", "too many colons in address"],
    ["a:b:c", "too many colons in address"],
    ["[::1", "missing ']' in address"],
    ["[::1]x:1", "missing port in address"],
    ["a]:1", "unexpected ']' in address"],
    ["a[:1", "unexpected '[' in address"],
  ])
    assert.deepEqual(at(host), { url: `http://${host}/m?a=b`, problem: `address ${host}: ${problem}` }, host);
});
