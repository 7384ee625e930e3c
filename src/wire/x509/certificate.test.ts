import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CertificateRequest, issueCertificate } from "./certificate.ts";

const keys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const YEAR_MS = 365 * 24 * 3600 * 1000;

test("issueCertificate() makes an authority and a server that Node's own reader accepts", () => {
  const [root, server] = [keys(), keys()];
  const shared = { notBeforeMs: 0, notAfterMs: 100 * YEAR_MS, serial: Uint8Array.of(0x80, 1) };
  const issuer = { commonName: "kubernetes", privateKey: root.privateKey };
  const authority: CertificateRequest = {
    commonName: "kubernetes",
    publicKey: root.publicKey,
    isAuthority: true,
    ...shared,
  };
  const ca = new X509Certificate(issueCertificate(authority, issuer));
  assert.equal(ca.ca, true);
  assert.ok(ca.verify(root.publicKey));
  assert.equal(new Date(ca.validTo).getTime(), 100 * YEAR_MS);
  const hosts = [
    "kubernetes.default.svc",
    "127.0.0.1",
    ...Array.from({ length: 20 }, (_, i) => `host-${i}.example`),
  ];
  const leaf = new X509Certificate(
    issueCertificate(
      { commonName: "apiserver", publicKey: server.publicKey, isAuthority: false, hosts, ...shared },
      issuer,
    ),
  );
  assert.ok(leaf.verify(root.publicKey));
  assert.ok(leaf.checkIssued(ca));
  assert.equal(leaf.ca, false);
  assert.equal(leaf.checkHost("kubernetes.default.svc"), "kubernetes.default.svc");
  assert.equal(leaf.checkHost("host-19.example"), "host-19.example");
  assert.equal(leaf.checkHost("other.example"), undefined);
  assert.equal(leaf.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(leaf.checkIP("127.0.0.2"), undefined);
});
