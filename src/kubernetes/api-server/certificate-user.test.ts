import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { grantCertificate, type Issuer } from "../../wire/x509/certificate.ts";
import { distinguishedName } from "../../wire/x509/distinguished-name.ts";
import { createApiServer } from "./api-server.ts";

const WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

test("a certificate of the cluster's authority says who asks; others say nothing", async () => {
  const network = createNodeNetwork((error) => assert.fail(String(error)));
  const random = seededRandom(1);
  const server = await createApiServer({
    clock: systemClock,
    random,
    disk: new MemoryDisk(),
    network,
    log: silentLogger,
    directory: "/data",
  });
  const { host, port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const identityFrom = (issuer: Issuer, usages: string[]) => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const cert = grantCertificate(
      {
        subject: distinguishedName({ commonName: ["jane"], organization: ["ops"] }),
        publicKey,
        names: { dns: [], emails: [], addresses: [], uris: [] },
        usages,
        notBeforeMs: systemClock.now() - 1_000,
        notAfterMs: systemClock.now() + 600_000,
        serial: random.bytes(8),
      },
      issuer,
    );
    return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
  };
  const ask = async (identity?: { cert: string; key: string }, token?: string) => {
    const response = await network.fetch(`https://${host}:${port}${WHO_AM_I}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
      ca: server.ca,
      identity,
    });
    const answer = JSON.parse(await response.text());
    return response.status === 201 ? answer.status.userInfo : response.status;
  };
  try {
    const jane = identityFrom(server.signer, ["digital signature", "client auth"]);
    const user = await ask(jane);
    assert.deepEqual([user.username, user.groups], ["jane", ["ops", "system:authenticated"]]);
    const digest = new X509Certificate(jane.cert).fingerprint256.replaceAll(":", "").toLowerCase();
    assert.deepEqual(user.extra, {
      "authentication.kubernetes.io/credential-id": [`X509SHA256=${digest}`],
    });
    // The certificate comes first, as upstream.
    assert.equal((await ask(jane, server.adminToken)).username, "jane");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const forged = identityFrom({ commonName: "kubernetes", privateKey }, ["client auth"]);
    const servers = identityFrom(server.signer, ["digital signature", "server auth"]);
    for (const identity of [undefined, forged, servers]) {
      assert.equal(await ask(identity), 401);
      assert.equal((await ask(identity, server.adminToken)).username, "kubernetes-admin");
    }
  } finally {
    await server.close();
  }
});
