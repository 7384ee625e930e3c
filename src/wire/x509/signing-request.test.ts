import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { grantCertificate, issueCertificate } from "./certificate.ts";
import { commonNameOf, distinguishedName, organizationsOf } from "./distinguished-name.ts";
import { pem } from "./pem.ts";
import { readSigningRequest, writeSigningRequest } from "./signing-request.ts";

// Made with OpenSSL.
const ED25519 =
  "MIGrMF8CAQAwLDENMAsGA1UEAwwEamFuZTENMAsGA1UECgwEZGV2czEMMAoGA1UECgwDb3BzMCowBQYDK2VwAyEA/N4jzz9yk+ul" +
  "rjhaQ6IJ7ebp81uy3rmfGD5HjkZGUEqgADAFBgMrZXADQQB+xq8fdsNfVBHnWbvl4kL04vDQxb2AKk3sM7Gec5lLbmigeE1H6OHN" +
  "c270Cnk5q4Q27vAWQdVeqhxnRLPMS10P";
const RSA =
  "MIIBujCCASMCAQAwMjENMAsGA1UEAwwEamFuZTELMAkGA1UEBhMCQkUxFDASBgkqhkiG9w0BCQEWBWFAYi5jMIGfMA0GCSqGSIb3" +
  "DQEBAQUAA4GNADCBiQKBgQCmyYg5eIqzPv42t/IgNZS6mIQxr+jVoGkfoOHd2IJulCtApZqX3eh2J6TO5mkutUNsvd2cIloOhT6U" +
  "K2q+whSjB1HhYhEoGKIWxTs9XSYcJuxOu9Ht2y3/3H4E7VkB2G3ZXEYn+LFXdq1lzcwc2UbrGqSZjlR5RlXcCTc2uwXsBQIDAQAB" +
  "oEgwRgYJKoZIhvcNAQkOMTkwNzA1BgNVHREELjAsgglhLmV4YW1wbGWHBAoAAAGBBXhAeS56hhJodHRwczovL3UuZXhhbXBsZS8w" +
  "DQYJKoZIhvcNAQELBQADgYEAI2Q892n/ch+uJ/yvHXCZKc3bv6tIdNJFPp+CMwgt7s+s+fOtHGl8J/iqbQtGaXM0DjHx3nY+Vdsa" +
  "Ks3Or7eXsh3cZne/E6yOtIhWyc+q7AMd4gPxPWo9W7Hv/ZdDlUlmWnIaOPro0gy0u7ufPiXf8vO+F8Ql/WZxbzpAptwynTA=";
const RSA_PSS =
  "MIIBgTCBtwIBADAOMQwwCgYDVQQDDANwc3MwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAMYidrhY5GoHneB89k73cTCxmFBF" +
  "hV9ROm1IpuaGgQKlbsgrUaUaVOLwl2C+q4G90iZdEd4XLx/lIzJZiW/TjAXbFroYL4ZgJd80bytqhuMBIao9evCV381SdvoWiQjI" +
  "did/Yb+E/2LnilJ9UYDxC860mYgK1XdEQrWBt554dGMxAgMBAAGgADBBBgkqhkiG9w0BAQowNKAPMA0GCWCGSAFlAwQCAQUAoRww" +
  "GgYJKoZIhvcNAQEIMA0GCWCGSAFlAwQCAQUAogMCAV4DgYEAHrUKNnu+ODnF+uGdyaQNBOSmqJTqgt1RsQAW+z54T19RFh8sRQiV" +
  "CMGisDxZMDgxRvwGtJ4apLL9NVV9MS08nM0G328DNkCIgYgZw43oVl0+H01xySokpYEo84zD43ZoTg6iNfPKp9Mg5rDtDNmxnfji" +
  "Ww+41khVtlbDHpoicEM=";
const block = (base64: string) => pem("CERTIFICATE REQUEST", Buffer.from(base64, "base64"));
const keys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

test("readSigningRequest() reads requests of all kinds of keys, and checks that the key signed them", () => {
  const ed25519 = readSigningRequest(block(ED25519));
  assert.equal(ed25519.publicKey.asymmetricKeyType, "ed25519");
  assert.equal(commonNameOf(ed25519.subject), "jane");
  assert.deepEqual(organizationsOf(ed25519.subject), ["devs", "ops"]);
  const rsa = readSigningRequest(block(RSA));
  const { dns, emails, addresses, uris } = rsa.names;
  assert.deepEqual([dns, emails, uris], [["a.example"], ["x@y.z"], ["https://u.example/"]]);
  assert.deepEqual([...addresses[0]], [10, 0, 0, 1]);
  assert.equal(commonNameOf(readSigningRequest(block(RSA_PSS)).subject), "pss");
});

test("readSigningRequest() tells in Go's words why it can't read one", () => {
  const problem = (text: string) => {
    try {
      readSigningRequest(text);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(problem("nothing"), "PEM block type must be CERTIFICATE REQUEST");
  assert.equal(problem(pem("CERTIFICATE", Buffer.from("x"))), "PEM block type must be CERTIFICATE REQUEST");
  assert.equal(problem(block(`${RSA}AAAA`.replace(/=+/, ""))), "asn1: syntax error: trailing data");
  assert.equal(problem(block(RSA.slice(0, 200))), "asn1: syntax error: data truncated");
  const forged = (base64: string, at: number) => {
    const bytes = Buffer.from(base64, "base64");
    bytes[at < 0 ? bytes.length + at : at] ^= 1;
    return problem(pem("CERTIFICATE REQUEST", bytes));
  };
  assert.equal(forged(ED25519, -3), "x509: Ed25519 verification failure");
  assert.equal(forged(RSA, -3), "crypto/rsa: verification error");
  const { privateKey } = keys();
  const other = writeSigningRequest({ subject: new Map() }, { privateKey, publicKey: keys().publicKey });
  assert.equal(problem(other), "x509: ECDSA verification failure");
});

test("a request comes back as it was written, and no damage to it is more than an error", () => {
  const seed = 20_260_105;
  const random = seededRandom(seed);
  const { privateKey, publicKey } = keys();
  const texts = (many: number) =>
    Array.from({ length: random.float() * many }, () => `n-${Math.floor(random.float() * 1e6)}.example`);
  for (let round = 0; round < 60; round++) {
    const subject = distinguishedName({ organization: texts(4), commonName: [`user-é-${round}`] });
    const names = {
      dns: texts(5),
      emails: texts(2).map((name) => `a@${name}`),
      addresses: texts(3).map((_, index) => random.bytes(index % 2 === 0 ? 4 : 16)),
      uris: texts(2).map((name) => `https://${name}/`),
    };
    const text = writeSigningRequest({ subject, names }, { privateKey, publicKey });
    const read = readSigningRequest(text);
    assert.deepEqual(
      read.names,
      { ...names, addresses: names.addresses.map((address) => Buffer.from(address)) },
      `seed ${seed}`,
    );
    assert.equal(commonNameOf(read.subject), `user-é-${round}`);
    const [organizations] = [[...organizationsOf(read.subject)].sort()];
    assert.deepEqual(organizations, [...organizationsOf(subject)].sort());
    const bytes = Buffer.from(text.split("\n").slice(1, -2).join(""), "base64");
    for (let cut = 0; cut < 40; cut++) {
      const damaged = Buffer.from(bytes);
      damaged[Math.floor(random.float() * damaged.length)] = random.float() * 256;
      const end = cut % 2 === 0 ? damaged.length : random.float() * damaged.length;
      const sent = pem("CERTIFICATE REQUEST", Buffer.concat([damaged.subarray(0, end), Buffer.alloc(1)]));
      assert.throws(() => readSigningRequest(sent), Error, `seed ${seed}`);
    }
  }
});

test("grantCertificate() vouches for the subject, names and usages that were asked for", () => {
  const root = keys();
  const issuer = { commonName: "kubernetes", privateKey: root.privateKey };
  const shared = { notBeforeMs: 0, notAfterMs: 4_000_000_000_000, serial: Uint8Array.of(1) };
  const ca = new X509Certificate(
    issueCertificate(
      { commonName: "kubernetes", publicKey: root.publicKey, isAuthority: true, ...shared },
      issuer,
    ),
  );
  const request = readSigningRequest(block(RSA));
  const usages = ["client auth", "digital signature", "decipher only", "any"];
  const granted = new X509Certificate(grantCertificate({ ...request, usages, ...shared }, issuer));
  assert.ok(granted.checkIssued(ca) && granted.verify(root.publicKey));
  // As Go orders it, and without what Go has no place for.
  assert.equal(granted.subject, "C=BE\nCN=jane");
  assert.equal(
    granted.subjectAltName,
    "DNS:a.example, email:x@y.z, IP Address:10.0.0.1, URI:https://u.example/",
  );
  assert.deepEqual(granted.keyUsage, ["2.5.29.37.0", "1.3.6.1.5.5.7.3.2"]);
  assert.equal(granted.ca, false);
});
