import assert from "node:assert/strict";
import { test } from "node:test";
import type { FetchOptions, Network } from "../../base/network.ts";
import { MemoryDisk } from "../../simulation/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual-clock.ts";
import { DEFAULT_HTTP_CLIENT, type HttpClientConfig } from "../config/http-client-config.ts";
import { createHttpClient } from "./http-client.ts";

async function asked(config: Partial<HttpClientConfig>): Promise<FetchOptions> {
  const disk = new MemoryDisk();
  for (const name of ["ca", "cert", "key"]) await disk.writeFile(`/${name}.pem`, `the ${name}\n`);
  let seen: FetchOptions = {};
  const network = {
    async fetch(_url: string, options: FetchOptions) {
      seen = options;
      return { status: 200, headers: {} };
    },
  } as unknown as Network;
  const parts = { network, disk, clock: new VirtualClock() };
  await createHttpClient({ ...DEFAULT_HTTP_CLIENT, ...config }, parts).request("https://a/");
  return seen;
}

test("createHttpClient() goes by TLS settings and proxies as configured", async () => {
  const options = await asked({
    tls_config: {
      ca_file: "/ca.pem",
      cert_file: "/cert.pem",
      key_file: "/key.pem",
      server_name: "b",
      min_version: "TLS12",
      max_version: "TLS13",
      insecure_skip_verify: false,
    },
    proxy_url: "http://p:3128",
    no_proxy: "x,y",
  });
  assert.deepEqual(options, {
    ca: "the ca",
    identity: { cert: "the cert", key: "the key" },
    serverName: "b",
    minTlsVersion: "TLSv1.2",
    maxTlsVersion: "TLSv1.3",
    proxy: { url: "http://p:3128", noProxy: "x,y" },
    headers: {},
  });
  assert.deepEqual(await asked({}), { headers: {} });
});

test("createHttpClient() refuses what it has no means for", async () => {
  const cases: [config: Partial<HttpClientConfig>, problem: RegExp][] = [
    [
      { proxy_from_environment: true },
      /^ConfigError: proxy_from_environment is not supported, use proxy_url$/,
    ],
    [{ proxy_url: "http://p", proxy_connect_header: { a: ["b"] } }, /proxy_connect_header is not supported/],
    [
      { tls_config: { insecure_skip_verify: false, key_ref: "x" } },
      /secret manager \(key_ref\) are not supported/,
    ],
    [{ basic_auth: { username: "u", password_ref: "x" } }, /secret manager \(password_ref\)/],
  ];
  for (const [config, problem] of cases) await assert.rejects(asked(config), problem);
});
