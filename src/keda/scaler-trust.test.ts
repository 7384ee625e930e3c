import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { Logger } from "../base/log.ts";
import type { FetchOptions, Network } from "../base/network.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { issueCertificate } from "../wire/x509/certificate.ts";
import { MAX_AUTHORITY_BYTES, minTlsVersion, readAuthorities, trustingNetwork } from "./scaler-trust.ts";

function recordingLog() {
  const lines: string[] = [];
  const write = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: write, error: write, debug: write, with: () => log } as unknown as Logger;
  return { lines, log };
}

function certificate(commonName: string): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return issueCertificate(
    {
      commonName,
      hosts: [commonName],
      publicKey: createPublicKey(privateKey),
      isAuthority: true,
      notBeforeMs: 0,
      notAfterMs: 4e12,
      serial: new Uint8Array(16).fill(1),
    },
    { commonName, privateKey },
  );
}

test("readAuthorities() takes each certificate of the folders, and says what is none", async () => {
  const disk = new MemoryDisk();
  const { lines, log } = recordingLog();
  const [a, b] = [certificate("a"), certificate("b")];
  for (const folder of ["/one/..data", "/two"]) await disk.makeDirectory(folder);
  await disk.writeFile("/one/ca.crt", a);
  await disk.writeFile("/one/..data/ca.crt", "not looked at");
  await disk.writeFile("/two/ca.pem", b);
  await disk.writeFile("/two/readme", "no certificate");
  assert.equal(await readAuthorities(disk, ["/one", "/two", "/missing"], log), `${a}\n${b}`);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /no certs appended.*readme/);
  await disk.writeFile("/two/ca.pem", b + "\n".repeat(MAX_AUTHORITY_BYTES - b.length));
  assert.match((await readAuthorities(disk, ["/two"], log)) ?? "", /BEGIN CERTIFICATE/);
  await disk.writeFile("/two/ca.pem", b + "\n".repeat(MAX_AUTHORITY_BYTES + 1 - b.length));
  assert.equal(await readAuthorities(disk, ["/two"], log), undefined);
});

test("minTlsVersion() knows upstream's names", () => {
  const { lines, log } = recordingLog();
  assert.equal(minTlsVersion(undefined, log), "TLSv1.2");
  assert.equal(minTlsVersion("", log), "TLSv1.2");
  assert.equal(minTlsVersion("TLS10", log), "TLSv1");
  assert.equal(minTlsVersion("TLS13", log), "TLSv1.3");
  assert.deepEqual(lines, []);
  assert.equal(minTlsVersion("toString", log), "TLSv1.2");
  assert.match(lines[0], /toString is not a valid value, using `TLS12`/);
});

test("trustingNetwork() adds the authorities to a scaler's own, and to nothing that is not TLS", async () => {
  const asked: FetchOptions[] = [];
  const network = {
    fetch: (_: string, options: FetchOptions) => {
      asked.push(options);
      return Promise.reject(new Error("asked"));
    },
  } as unknown as Network;
  const trusting = trustingNetwork(network, { authorities: "CUSTOM", minTlsVersion: "TLSv1.3" });
  const ask = async (url: string, options?: FetchOptions) => {
    await assert.rejects(trusting.fetch(url, options));
    return asked.at(-1);
  };
  assert.deepEqual(await ask("http://a/"), {});
  assert.deepEqual(await ask("https://a/"), { minTlsVersion: "TLSv1.3", additionalCa: "CUSTOM" });
  assert.deepEqual(await ask("https://a/", { additionalCa: "OWN", minTlsVersion: "TLSv1.2" }), {
    minTlsVersion: "TLSv1.2",
    additionalCa: "CUSTOM\nOWN",
  });
  const plain = trustingNetwork(network, {});
  await assert.rejects(plain.fetch("https://a/"));
  assert.deepEqual(asked.at(-1), { minTlsVersion: undefined });
});
