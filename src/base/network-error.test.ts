import assert from "node:assert/strict";
import { test } from "node:test";
import { describeNetworkError } from "./network-error.ts";

test("describeNetworkError() says in Go's words why a connection failed", () => {
  const coded = (code: string, message: string, more = {}) =>
    Object.assign(new Error(message), { code, ...more });
  const altnames = (host: string, subjectaltname?: string) =>
    coded("ERR_TLS_CERT_ALTNAME_INVALID", "no", { host, cert: { subjectaltname } });
  const cases: [error: Error, text: string][] = [
    [coded("ECONNREFUSED", "", { address: "::1", port: 1 }), "dial tcp [::1]:1: connect: connection refused"],
    [coded("ECONNRESET", "socket hang up"), "EOF"],
    [coded("ECONNRESET", "aborted"), "unexpected EOF"],
    [coded("ECONNRESET", "read ECONNRESET"), "read: connection reset by peer"],
    [
      coded("EPROTO", "write EPROTO 40:error:0A00010B:SSL routines:f:wrong version number:x.c:77:\n"),
      "http: server gave HTTP response to HTTPS client",
    ],
    [
      coded("ERR_SSL", "40:error:0A00045C:SSL routines:f:tlsv13 alert certificate required:x.c:918:SSL\n"),
      "remote error: tls: certificate required",
    ],
    [
      coded("ERR_SSL", "40:error:0A00042E:SSL routines:f:tlsv1 alert protocol version:x.c:918:SSL\n"),
      "remote error: tls: protocol version not supported",
    ],
    [
      altnames("10.0.0.1", "DNS:a.example"),
      "tls: failed to verify certificate: x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
    ],
    [
      altnames("b.example", "DNS:a.example, DNS:c.example, IP Address:10.0.0.1"),
      "tls: failed to verify certificate: x509: certificate is valid for a.example, c.example, not b.example",
    ],
    [
      altnames("b.example"),
      "tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match b.example",
    ],
    [new Error("odd"), "odd"],
  ];
  for (const [error, text] of cases) assert.equal(describeNetworkError(error), text);
});
