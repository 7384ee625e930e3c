import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { after, before, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import type { HttpServer, TlsIdentity } from "../../base/network.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { externalScalerHandler } from "../../wire/keda/external-scaler.ts";
import { issueCertificate } from "../../wire/x509/certificate.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import { createExternalScaler } from "./external-scaler.ts";

const network = createNodeNetwork(() => {});
const DAY_MS = 86_400_000;

function identity(name: string, issuer?: KeyObject, usage?: "client"): TlsIdentity & { own: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const request = {
    commonName: name,
    hosts: ["127.0.0.1"],
    publicKey,
    isAuthority: issuer === undefined,
    usage,
    notBeforeMs: Date.UTC(2020, 0, 1),
    notAfterMs: Date.UTC(2020, 0, 1) + 20_000 * DAY_MS,
    serial: Uint8Array.of(name.length),
  };
  const cert = issueCertificate(request, { commonName: "authority", privateKey: issuer ?? privateKey });
  return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string, own: privateKey };
}

const authority = identity("authority");
const server = identity("server", authority.own);
const client = identity("client", authority.own, "client");
const handler = externalScalerHandler({
  isActive: () => true,
  async *streamIsActive() {
    yield true;
  },
  getMetricSpec: () => [{ metricName: "waiting", targetSize: 3 }],
  getMetrics: () => [{ metricName: "waiting", value: 7 }],
});

let open: HttpServer;
let mutual: HttpServer;
before(async () => {
  const at = { host: "127.0.0.1", port: 0, protocol: "h2" as const, tls: server };
  open = await network.serve(at, handler);
  mutual = await network.serve({ ...at, clientCa: authority.cert }, handler);
});
after(async () => {
  await open.close();
  await mutual.close();
});

async function ask(
  { port }: HttpServer,
  metadata: Record<string, string>,
  authParams: Record<string, string> = {},
  over = network,
): Promise<string> {
  const config: TriggerConfig = {
    namespace: "default",
    scaledObject: "web",
    type: "external",
    name: "",
    index: 0,
    metadata: { scalerAddress: `127.0.0.1:${port}`, ...metadata },
    authParams,
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 5_000,
  };
  const logged: string[] = [];
  const level = (message: string, fields?: object) =>
    void logged.push(`${message}: ${(fields as { error: Error }).error.message}`);
  const log = { debug: level, info: level, warn: level, error: level, with: () => log };
  const scaler = createExternalScaler(config, false, { network: over, clock: systemClock, log });
  const specs = await scaler.metricSpecs();
  if (specs.length === 0) return logged[0];
  const { metrics } = await scaler.metricsAndActivity("s0-waiting");
  return `${specs[0].external!.target.averageValue} ${metrics[0].value}`;
}

test("the external scaler is asked over TLS when that is on, or an authority or a certificate is given", async () => {
  const tls = { enableTLS: "true" };
  const own = { tlsClientCert: client.cert, tlsClientKey: client.key };
  assert.equal(await ask(open, tls, { caCert: authority.cert }), "3 7");
  assert.equal(await ask(open, {}, { caCert: authority.cert }), "3 7");
  assert.equal(await ask(open, { ...tls, unsafeSsl: "true" }), "3 7");
  assert.equal(await ask(open, { unsafeSsl: "true" }, own), "3 7");
  assert.equal(await ask(mutual, {}, { caCert: authority.cert, ...own }), "3 7");
});

test("a server that is not trusted, or that asks for a certificate in vain, is not asked", async () => {
  const distrust =
    'error: rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"';
  assert.equal(await ask(open, { enableTLS: "true" }), distrust);
  assert.equal(await ask(open, { enableTLS: "true" }, { caCert: identity("other").cert }), distrust);
  const fetch = async () => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND nowhere"), {
      code: "ENOTFOUND",
      hostname: "nowhere",
    });
  };
  assert.equal(
    await ask(open, { scalerAddress: "nowhere:1" }, {}, { ...network, fetch }),
    "error: rpc error: code = Unavailable desc = no children to pick from",
  );
  assert.match(await ask(mutual, {}, { caCert: authority.cert }), /code = Unavailable/);
  assert.match(await ask(open, {}), /code = Unavailable/);
});

test("certificates that can't be read are an error before anything is sent", async () => {
  const failed = (text: string) => `error building grpc connection: ${text}`;
  assert.equal(await ask(open, {}, { caCert: "none" }), failed("error appending CA certs"));
  const pairs: [tlsClientCert: string, tlsClientKey: string, problem: string][] = [
    ["none", client.key, "failed to find any PEM data in certificate input"],
    [client.cert, "none", "failed to find any PEM data in key input"],
    [client.cert, server.key, "private key does not match public key"],
  ];
  for (const [tlsClientCert, tlsClientKey, problem] of pairs) {
    const got = await ask(open, {}, { tlsClientCert, tlsClientKey });
    assert.equal(got, failed(`error parse X509KeyPair: tls: ${problem}`));
  }
});
