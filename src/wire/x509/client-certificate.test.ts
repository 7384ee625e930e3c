import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { createNodeNetwork } from "../../base/node-network.ts";
import { issueCertificate } from "./certificate.ts";

const network = createNodeNetwork((error) => assert.fail(String(error)));

test("fetch() proves itself with a certificate, and sends each value of a header on a line of its own", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const cert = issueCertificate(
    {
      commonName: "somebody",
      publicKey: createPublicKey(privateKey),
      isAuthority: false,
      usage: "client",
      notBeforeMs: now - 1000,
      notAfterMs: now + 3_600_000,
      serial: Uint8Array.of(1),
    },
    { commonName: "somebody", privateKey },
  );
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const server = https.createServer({ cert, key, requestCert: true, rejectUnauthorized: false });
  server.on("request", (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    const lines = request.rawHeaders.filter((_, i) => request.rawHeaders[i - 1]?.toLowerCase() === "x-group");
    response.end(JSON.stringify([subject?.CN ?? null, lines]));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const options = { insecure: true, headerLines: { "x-group": ["a", "b"] } };
  const ask = async (identity?: { cert: string; key: string }) =>
    JSON.parse(await (await network.fetch(url, { ...options, identity })).text());
  assert.deepEqual(await ask({ cert, key }), ["somebody", ["a", "b"]]);
  assert.deepEqual(await ask(), [null, ["a", "b"]]);
  server.closeAllConnections();
  server.close();
});
