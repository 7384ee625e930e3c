import assert from "node:assert/strict";
import { test } from "node:test";
import type { FetchOptions, Network } from "../../base/network.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
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

/** A client whose requests are answered one after the other. */
function answered(
  config: Partial<HttpClientConfig>,
  answers: [status: number, headers: object, text: string][],
) {
  const seen: [url: string, options: FetchOptions][] = [];
  const network = {
    async fetch(url: string, options: FetchOptions) {
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push([url, options]);
      if (answer[0] === 0) throw new Error("refused");
      const [status, headers, text] = answer;
      return { status, headers, text: async () => text, bytes: async () => new Uint8Array() };
    },
  } as unknown as Network;
  const parts = { network, disk: new MemoryDisk(), clock: new VirtualClock() };
  return { client: createHttpClient({ ...DEFAULT_HTTP_CLIENT, ...config }, parts), seen };
}

test("createHttpClient() follows so many redirects, without credentials to others, and says where it failed", async () => {
  const basic = { basic_auth: { username: "u", password: "p" } };
  const on = answered(basic, [
    [302, { location: "/b" }, ""],
    [302, { location: "http://other/c" }, ""],
    [200, {}, ""],
  ]);
  await on.client.request("http://a/");
  assert.deepEqual(
    on.seen.map(([url, { headers }]) => [url, headers?.authorization !== undefined, headers?.referer]),
    [
      ["http://a/", true, undefined],
      ["http://a/b", true, "http://a/"],
      ["http://other/c", false, "http://a/b"],
    ],
  );
  const loop = answered({}, [[302, { location: "/again" }, ""]]);
  await assert.rejects(loop.client.request("http://a/"), {
    message: "stopped after 10 redirects",
    url: "/again",
  });
  assert.equal(loop.seen.length, 10);
  const gone = answered({}, [
    [302, { location: "/x" }, ""],
    [0, {}, ""],
  ]);
  await assert.rejects(gone.client.request("http://a/"), { message: "refused", url: "http://a/x" });
});

test("createHttpClient() asks for a token in the header, then in the form, and says why it got none", async () => {
  const oauth2 = { client_id: "i", client_secret: "s", token_url: "http://t/" };
  const refused = answered({ oauth2 }, [[401, {}, '{"error":"invalid_client","error_description":"no"}']]);
  await assert.rejects(refused.client.request("http://a/"), /^Error: oauth2: "invalid_client" "no"$/);
  assert.deepEqual(
    refused.seen.map(([, { headers, body }]) => [headers?.authorization, body]),
    [
      ["Basic aTpz", "grant_type=client_credentials"],
      [undefined, "client_id=i&client_secret=s&grant_type=client_credentials"],
    ],
  );
  const odd = answered({ oauth2 }, [[500, {}, "oops"]]);
  await assert.rejects(
    odd.client.request("http://a/"),
    /cannot fetch token: 500 Internal Server Error\nResponse: oops/,
  );
  const none = answered({ oauth2 }, [[200, {}, "hello"]]);
  await assert.rejects(
    none.client.request("http://a/"),
    /cannot parse json: invalid character 'h' looking for/,
  );
  const gone = answered({ oauth2 }, [[0, {}, ""]]);
  await assert.rejects(gone.client.request("http://a/"), /^Error: Post "http:\/\/t\/": refused$/);
  const missing = answered({ authorization: { type: "Bearer", credentials_file: "/none" } }, [[200, {}, ""]]);
  await assert.rejects(
    missing.client.request("http://a/"),
    /unable to read authorization credentials: .*\/none/,
  );
});

test("a token may come as a form, and its scheme is written as Go writes it", async () => {
  const oauth2 = { client_id: "i", client_secret: "s", token_url: "http://t/", scopes: ["b", "a"] };
  const config = { oauth2: { ...oauth2, endpoint_params: { x: "y" } } };
  const form = answered(config, [
    [
      200,
      { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      "access_token=t&token_type=mac",
    ],
    [200, {}, ""],
  ]);
  await form.client.request("http://a/");
  assert.equal(form.seen[0][1].body, "grant_type=client_credentials&scope=b+a&x=y");
  assert.equal(form.seen[1][1].headers?.authorization, "MAC t");
});

test("a redirect to where nothing can be asked, or a file that is not there, is told as Go does", async () => {
  const bad = answered({}, [[302, { location: "http://[::1" }, ""]]);
  await assert.rejects(
    bad.client.request("http://a/"),
    /^Error: failed to parse Location header "http:\/\/\[::1"/,
  );
  const ftp = answered({}, [[302, { location: "ftp://x/y" }, ""]]);
  await assert.rejects(ftp.client.request("http://a/"), {
    url: "ftp://x/y",
    message: 'unsupported protocol scheme "ftp"',
  });
  const header = answered({ http_headers: { "X-A": { files: ["/none"] } } }, []);
  await assert.rejects(header.client.request("http://a/"), /^Error: unable to read headers file \/none: /);
  const ca = answered({ tls_config: { ca_file: "/none", insecure_skip_verify: false } }, []);
  await assert.rejects(
    ca.client.request("https://a/"),
    /^Error: unable to read CA cert: unable to read file \/none: /,
  );
});
