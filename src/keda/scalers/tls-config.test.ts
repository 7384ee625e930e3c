import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { bodyOf, type FetchOptions, type Network } from "../../base/network.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { issueCertificate } from "../../wire/x509/certificate.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import { createMetricsApiScaler } from "./metrics-api-scaler.ts";
import { createPrometheusScaler } from "./prometheus-scaler.ts";
import { tlsConfig } from "./tls-config.ts";

function identity(serial: number): { cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const validity = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2060, 0, 1) };
  const request = { commonName: "source", hosts: ["127.0.0.1"], publicKey, isAuthority: true, ...validity };
  const cert = issueCertificate(
    { ...request, serial: Uint8Array.of(serial) },
    { commonName: "source", privateKey },
  );
  return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

const own = identity(1);
const other = identity(2);

test("tlsConfig() trusts the authority besides the system's, and shows what is whole", () => {
  assert.deepEqual(tlsConfig({}, false), {});
  assert.deepEqual(tlsConfig({}, true), { insecure: true });
  assert.deepEqual(tlsConfig({ ca: other.cert }, false), { additionalCa: other.cert });
  assert.deepEqual(tlsConfig({ ...own }, true), { insecure: true, identity: own });
  assert.deepEqual(tlsConfig({ cert: own.cert }, false), {});
});

test("tlsConfig() says which PEM can't be read", () => {
  const pair = (cause: string) => `error parse X509KeyPair: tls: ${cause}`;
  const cases: [given: Parameters<typeof tlsConfig>[0], expected: string][] = [
    [{ ca: "none" }, "error appending CA certs"],
    [{ ca: own.key }, "error appending CA certs"],
    [{ cert: "none", key: own.key }, pair("failed to find any PEM data in certificate input")],
    [{ cert: own.cert, key: "none" }, pair("failed to find any PEM data in key input")],
    [{ cert: own.cert, key: other.key }, pair("private key does not match public key")],
  ];
  for (const [given, expected] of cases) assert.throws(() => tlsConfig(given, false), new Error(expected));
});

/** The TLS options that a trigger's request goes out with, and whether it was counted. */
async function requestOf(type: string, metadata: Record<string, string>, authParams: Record<string, string>) {
  const clock = new VirtualClock();
  let sent: FetchOptions = {};
  let counted = false;
  const body = type === "prometheus" ? { data: { result: [{ value: [1, "4"] }] } } : { value: 4 };
  const network = {
    async fetch(_: string, options: FetchOptions) {
      sent = options;
      const text = async () => JSON.stringify(body);
      return {
        status: 200,
        headers: {},
        trailers: {},
        body: bodyOf(),
        text,
        bytes: async () => new Uint8Array(),
      };
    },
  } as unknown as Network;
  const config: TriggerConfig = {
    namespace: "shop",
    scaledObject: "web",
    type,
    name: "",
    index: 0,
    metadata,
    authParams,
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 3_000,
  };
  const onRequest = () => {
    counted = true;
  };
  const scaler =
    type === "prometheus"
      ? createPrometheusScaler(config, { network, clock, onRequest })
      : createMetricsApiScaler(config, { network, clock, onRequest, api: createMemoryCluster(clock) });
  await scaler.metricsAndActivity("s0-x");
  const { additionalCa, identity: shown, insecure } = sent;
  return [
    additionalCa !== undefined && "ca",
    shown && "identity",
    insecure && "insecure",
    counted && "counted",
  ]
    .filter(Boolean)
    .join(" ");
}

test("each scaler heeds authority, certificate and unsafeSsl as its upstream does", async () => {
  const prometheus = { serverAddress: "https://p", query: "up", threshold: "1", unsafeSsl: "true" };
  const api = { url: "https://p", valueLocation: "value", targetValue: "1", unsafeSsl: "true" };
  const bearer = { bearerToken: "t", ca: other.cert };
  const tls = { ...own, ca: other.cert };
  const cases: [
    type: string,
    metadata: Record<string, string>,
    auth: Record<string, string>,
    expected: string,
  ][] = [
    ["prometheus", prometheus, {}, "insecure counted"],
    ["prometheus", { ...prometheus, authModes: "bearer" }, { bearerToken: "t" }, "insecure counted"],
    ["prometheus", { ...prometheus, authModes: "bearer" }, bearer, "ca"],
    ["prometheus", { ...prometheus, authModes: "tls" }, tls, "ca identity"],
    ["prometheus", prometheus, tls, "insecure counted"],
    ["metrics-api", api, {}, "insecure counted"],
    ["metrics-api", { ...api, authModes: "bearer" }, bearer, "insecure counted"],
    ["metrics-api", { ...api, authModes: "tls" }, tls, "ca identity insecure counted"],
  ];
  for (const [type, metadata, auth, expected] of cases)
    assert.equal(await requestOf(type, metadata, auth), expected, `${type} ${metadata.authModes}`);
  await assert.rejects(
    requestOf("prometheus", { ...prometheus, authModes: "bearer" }, { ...bearer, ca: "none" }),
    new Error("error creating the TLS config: error appending CA certs"),
  );
});

test("a source is trusted by the system's authorities or by the additional one", async (t) => {
  const network = createNodeNetwork(() => {});
  const sources = [own, other, identity(3)];
  const before = getCACertificates();
  setDefaultCACertificates([own.cert]);
  t.after(() => setDefaultCACertificates(before));
  const servers = await Promise.all(
    sources.map((tls) =>
      network.serve({ host: "127.0.0.1", port: 0, tls }, () => ({ status: 200, body: "ok" })),
    ),
  );
  const reached = (options: FetchOptions) =>
    Promise.all(
      servers.map(({ port }) =>
        network.fetch(`https://127.0.0.1:${port}/`, options).then(
          (response) => response.text(),
          () => "refused",
        ),
      ),
    );
  assert.deepEqual(await reached({}), ["ok", "refused", "refused"]);
  assert.deepEqual(await reached(tlsConfig({ ca: other.cert }, false)), ["ok", "ok", "refused"]);
  assert.deepEqual(await reached({ ca: other.cert }), ["refused", "ok", "refused"]);
  await Promise.all(servers.map((server) => server.close()));
});
