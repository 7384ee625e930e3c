import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { after, before, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import type { HttpServer, TlsIdentity } from "../../base/network.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { grpcHandler } from "../../wire/grpc/server.ts";
import { GrpcCode, GrpcError } from "../../wire/grpc/status.ts";
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

const CONFIG: TriggerConfig = {
  namespace: "default",
  scaledObject: "web",
  type: "external",
  name: "",
  index: 0,
  metadata: {},
  authParams: {},
  resolvedEnv: {},
  asMetricSource: false,
  useCachedMetrics: false,
  httpTimeoutMs: 5_000,
};

async function ask(
  { port }: HttpServer,
  metadata: Record<string, string>,
  authParams: Record<string, string> = {},
  over = network,
): Promise<string> {
  const config = { ...CONFIG, metadata: { scalerAddress: `127.0.0.1:${port}`, ...metadata }, authParams };
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

test("a broken stream is opened again after waits that double; which end them, and which end the stream, differs", async () => {
  interface Scripted {
    /** What each opening does: messages, then an error or a clean end. */
    openings: { messages: number; error?: number }[];
    method: "StreamIsActive" | "StreamMetricSpec";
  }
  const { UNAVAILABLE, UNIMPLEMENTED } = GrpcCode;
  /** When, in seconds, each opening took place, and what was logged. */
  async function follow({ openings, method }: Scripted): Promise<{ at: number[]; logged: string[] }> {
    const clock = new VirtualClock();
    const startMs = clock.monotonic();
    const at: number[] = [];
    const logged: string[] = [];
    const level = (message: string) => void logged.push(message);
    const log = { debug: level, info: level, warn: level, error: level, with: () => log };
    const virtual = new VirtualNetwork({ clock, resolve: () => "10.0.0.2" });
    const serverStream = async function* () {
      at.push(Math.round((clock.monotonic() - startMs) / 1000));
      const { messages, error = 0 } = openings[at.length - 1] ?? { messages: 0, error: UNAVAILABLE };
      for (let i = 0; i < messages; i++) yield new Uint8Array();
      if (error !== 0) throw new GrpcError(error, "away");
    };
    const serve = grpcHandler(new Map([[`/externalscaler.ExternalScaler/${method}`, { serverStream }]]));
    await virtual.host("10.0.0.2").serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, serve);
    const config = { ...CONFIG, metadata: { scalerAddress: "program:6000" } };
    const scaler = createExternalScaler(config, true, { network: virtual.host("10.0.0.1"), clock, log });
    const stop = new AbortController();
    const stream =
      method === "StreamIsActive" ? scaler.pushes!(stop.signal) : scaler.pushedSpecs!(stop.signal);
    const reading = (async () => {
      for await (const _ of stream as AsyncIterable<unknown>);
    })();
    await clock.advance(20_000);
    stop.abort();
    await reading;
    return { at, logged };
  }
  const isActive = "error running StreamIsActive";
  const specs = "StreamMetricSpec:";
  const cases: [scripted: Scripted, at: number[], logged: string[]][] = [
    [{ method: "StreamIsActive", openings: [] }, [0, 2, 6, 14], [isActive, isActive, isActive, isActive]],
    // A clean end, but no message, starts the waits anew.
    [
      {
        method: "StreamIsActive",
        openings: [{ messages: 1, error: UNAVAILABLE }, { messages: 1, error: UNAVAILABLE }, { messages: 0 }],
      },
      [0, 2, 6, 8, 12, 20],
      [isActive, isActive, isActive, isActive, isActive],
    ],
    [
      { method: "StreamIsActive", openings: [{ messages: 0, error: UNIMPLEMENTED }] },
      [0, 2, 6, 14],
      [isActive, isActive, isActive, isActive],
    ],
    [{ method: "StreamMetricSpec", openings: [{ messages: 0, error: UNIMPLEMENTED }] }, [0], []],
    [
      {
        method: "StreamMetricSpec",
        openings: [
          { messages: 1, error: UNAVAILABLE },
          { messages: 1, error: UNAVAILABLE },
        ],
      },
      [0, 2, 4, 8, 16],
      [
        `${specs} stream error`,
        `${specs} stream error`,
        `${specs} failed to open stream`,
        `${specs} failed to open stream`,
        `${specs} failed to open stream`,
      ],
    ],
  ];
  for (const [scripted, at, logged] of cases) {
    const seen = await follow(scripted);
    assert.deepEqual(seen.at, at, JSON.stringify(scripted));
    assert.deepEqual(seen.logged, logged, JSON.stringify(scripted));
  }
});
