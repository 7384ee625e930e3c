import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { textResponse } from "../../base/network.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import type { System } from "../../base/system.ts";
import { issueCertificate } from "../../wire/x509/certificate.ts";
import { openWebSecurity } from "./web-security.ts";

const directory = mkdtempSync(join(tmpdir(), "web-security-"));
after(() => rmSync(directory, { recursive: true }));
const network = createNodeNetwork((error) => assert.ok(error instanceof Error));
const system = { disk: systemDisk, clock: systemClock, log: silentLogger } as unknown as System;
/** Of the password `open sesame`, at the lowest cost. */
const HASH = "$2b$04$tGwOANOfAt.9cinyrk5d/eKbjLLJ04Nwc8XfxvW66/E9RN3HEpmii";

function identity(commonName: string, usage: "client" | "server", issuer?: KeyObject) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = issueCertificate(
    {
      commonName,
      publicKey: createPublicKey(privateKey),
      isAuthority: issuer === undefined,
      usage,
      notBeforeMs: Date.now() - 60_000,
      notAfterMs: Date.now() + 3_600_000,
      serial: Uint8Array.of(1),
    },
    { commonName: "authority", privateKey: issuer ?? privateKey },
  );
  return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string, privateKey };
}

const authority = identity("authority", "server");
const written = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return name;
};

/** Serves `hello` by the configuration, which can be written anew. */
async function serve(yaml: string) {
  const path = join(directory, "web.yml");
  writeFileSync(path, yaml);
  const security = await openWebSecurity(path, system);
  const server = await network.serve(
    { host: "127.0.0.1", port: 0, ...security.serveOptions },
    security.protect(() => textResponse(200, "hello")),
  );
  const scheme = security.hasTls ? "https" : "http";
  return {
    server,
    url: `${scheme}://127.0.0.1:${server.port}/`,
    rewrite: (text: string) => writeFileSync(path, text),
  };
}

const basic = (login: string) => ({ authorization: `Basic ${Buffer.from(login).toString("base64")}` });

test("a server with users answers who knows a password, and sets the configured headers on all it says", async () => {
  const yaml = `basic_auth_users: {ali: "${HASH}"}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n`;
  const { server, url, rewrite } = await serve(yaml);
  const ask = async (headers: Record<string, string>) => {
    const answer = await network.fetch(url, { headers });
    return [
      answer.status,
      await answer.text(),
      answer.headers["x-frame-options"],
      answer.headers["www-authenticate"],
    ];
  };
  const refused = [401, "Unauthorized\n", "deny", "Basic"];
  assert.deepEqual(await ask({}), refused);
  assert.deepEqual(await ask(basic("ali:open sesame")), [200, "hello", "deny", undefined]);
  assert.deepEqual(await ask(basic("ali:open sesame")), [200, "hello", "deny", undefined]);
  assert.deepEqual(await ask(basic("ali:wrong")), refused);
  assert.deepEqual(await ask(basic("ben:open sesame")), refused);
  assert.deepEqual(await ask({ authorization: "Basic !" }), refused);
  rewrite(`basic_auth_users: {benjamin: "${HASH}"}\n`);
  assert.deepEqual(await ask(basic("benjamin:open sesame")), [200, "hello", undefined, undefined]);
  rewrite("nonsense: true # and no users any more\n");
  assert.deepEqual(await ask({}), [500, "Internal Server Error\n", undefined, undefined]);
  await server.close();
});

test("a server with TLS takes the certificate and the rules for clients from the file, connection by connection", async () => {
  const of = (name: string) => {
    const { cert, key } = identity(name, "server", authority.privateKey);
    return `tls_server_config:\n  cert_file: ${written(`${name}.crt`, cert)}\n  key_file: ${written(`${name}.key`, key)}\n`;
  };
  written("ca.crt", authority.cert);
  const { server, url, rewrite } = await serve(of("first"));
  const client = identity("client", "client", authority.privateKey);
  const stranger = identity("stranger", "client");
  const who = { cert: client.cert, key: client.key };
  // Each its own connection: a client without and with HTTP/2, and with certificates.
  const ask = async (options: object) => {
    const fresh = createNodeNetwork(() => undefined);
    return (await fresh.fetch(url, { insecure: true, ...options })).text();
  };
  assert.equal(await ask({}), "hello");
  assert.equal(await ask({ protocol: "h2" }), "hello");
  rewrite(`${of("second")}  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n`);
  await assert.rejects(ask({}));
  await assert.rejects(ask({ identity: { cert: stranger.cert, key: stranger.key } }));
  assert.equal(await ask({ identity: who }), "hello");
  rewrite(`${of("third")}  client_ca_file: ca.crt\n  client_auth_type: VerifyClientCertIfGiven\n`);
  assert.equal(await ask({}), "hello");
  await assert.rejects(ask({ identity: { cert: stranger.cert, key: stranger.key } }));
  rewrite(`${of("fourth")}  client_auth_type: RequireAnyClientCert\n  min_version: TLS13\n`);
  assert.equal(await ask({ identity: { cert: stranger.cert, key: stranger.key } }), "hello");
  await assert.rejects(ask({}));
  await assert.rejects(ask({ identity: who, maxTlsVersion: "TLSv1.2" }));
  rewrite(`${of("fifth")}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [nobody]\n`);
  await assert.rejects(ask({ identity: who }));
  rewrite("tls_server_config: {cert_file: missing.crt, key_file: missing.key}\n");
  await assert.rejects(ask({}));
  rewrite(of("sixth"));
  assert.equal(await ask({}), "hello");
  await server.close();
});

test("openWebSecurity() refuses a file that is wrong from the start", async () => {
  await assert.rejects(serve('basic_auth_users: {ali: "plain text"}\n'), {
    message: "crypto/bcrypt: hashedSecret too short to be a bcrypted password",
  });
  await assert.rejects(serve("tls_server_config: {cert_file: missing.crt}\n"), {
    message: "missing one of key or key_file",
  });
});
