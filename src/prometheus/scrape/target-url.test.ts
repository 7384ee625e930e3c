import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import type { Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import { ScrapeRequester } from "./scrape-request.ts";
import { requestUrl, targetUrl, urlProblem, urlText } from "./target-url.ts";

function locationOf(labels: Record<string, string>, params: Record<string, string[]> = {}) {
  const all = Labels.of({ __scheme__: "http", __address__: "h:80", __metrics_path__: "/m", ...labels });
  return targetUrl({ params } as unknown as ScrapeConfig, all);
}

test("urlText() escapes as Go does: a question mark is part of the path", () => {
  assert.equal(
    urlText(locationOf({ __metrics_path__: "/m?x=1&y#z (é)" })),
    "http://h:80/m%3Fx=1&y%23z%20%28%C3%A9%29",
  );
  assert.equal(urlText(locationOf({ __metrics_path__: "*" })), "http://h:80/*");
  assert.equal(urlText(locationOf({ __metrics_path__: "m" })), "http://h:80/m");
  assert.equal(urlText(locationOf({ __scheme__: "" })), "//h:80/m");
  assert.equal(urlText(locationOf({ __address__: "[fe80::1%eth0]:9" })), "http://[fe80::1%25eth0]:9/m");
});

test("parameters are sorted and escaped, the first of each is the label's", () => {
  const location = locationOf({ __param_b: "own", "__param_a c": "~*+ " }, { b: ["x", "y&z"], Z: ["1"] });
  assert.equal(location.query, "Z=1&a+c=~%2A%2B+&b=own&b=y%26z");
});

test("requestUrl() has the scheme in small letters and no empty port", () => {
  assert.equal(requestUrl(locationOf({ __scheme__: "HTTP", __address__: "h:" })), "http://h/m");
});

test("urlProblem() says why nothing can be asked there, in the words of Go's client", () => {
  const problemOf = (labels: Record<string, string>) => urlProblem(locationOf(labels));
  for (const [labels, expected] of [
    [{}, undefined],
    [{ __address__: "[::1]:1" }, undefined],
    [{ __address__: "10.0.0.1:http" }, 'parse "http://10.0.0.1:http/m": invalid port ":http" after host'],
    [{ __address__: "h:65536" }, 'Get "http://h:65536/m": dial tcp: address 65536: invalid port'],
    [{ __address__: "h:65535" }, undefined],
    [{ __address__: "[::1" }, "parse \"http://[::1/m\": missing ']' in host"],
    [{ __address__: "a b:80" }, 'parse "http://a%20b:80/m": invalid URL escape "%20"'],
    [{ __address__: "<x>:80" }, 'Get "http://<x>:80/m": dial tcp: lookup <x>: no such host'],
    [{ __scheme__: "ftp" }, 'Get "ftp://h:80/m": unsupported protocol scheme "ftp"'],
    [{ __scheme__: "" }, 'Get "//h:80/m": unsupported protocol scheme ""'],
    [{ __scheme__: "1x" }, 'parse "1x://h:80/m": first path segment in URL cannot contain colon'],
  ] as const)
    assert.equal(problemOf(labels), expected, JSON.stringify(labels));
});

test("a target whose address is none is down; the others are scraped and all of them are listed", async () => {
  const it = await virtualPrometheus(scrapeConfigOf("", '127.13.2.1", "10.0.0.1:http'));
  await it.target("127.13.2.1", { text: "m 1\n", type: "text/plain" });
  await it.clock.advance(1_000);
  const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
  assert.deepEqual(
    data.activeTargets.map(({ health, lastError }: Record<string, string>) => [health, lastError]).sort(),
    [
      ["down", 'parse "http://10.0.0.1:http/metrics": invalid port ":http" after host'],
      ["up", ""],
    ],
  );
  await it.server.stop();
});

test("no connection is prepared to where none can go", () => {
  const asked: string[] = [];
  const network = { repeatedFetch: (url: string) => void asked.push(url) } as unknown as Network;
  const config = { scrape_protocols: [], body_size_limit: 0 } as unknown as ScrapeConfig;
  for (const __address__ of ["10.0.0.1:http", "h:80"])
    new ScrapeRequester({} as HttpClient, network, locationOf({ __address__ }), config, 1_000);
  assert.deepEqual(asked, ["http://h:80/m"]);
});
