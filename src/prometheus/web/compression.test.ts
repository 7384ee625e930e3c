import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { bodyOf, type HttpRequest } from "../../base/network.ts";
import { compressed, MIN_GZIP_BYTES } from "./compression.ts";

function requestFrom(remoteAddress: string, headers: Record<string, string>): HttpRequest {
  const { signal } = new AbortController();
  return { method: "GET", target: "/", headers, body: bodyOf(), remoteAddress, signal };
}

test("compressed() is for clients on other machines that take gzip", async () => {
  const elsewhere = "192.0.2.7";
  const cases: [remoteAddress: string, headers: Record<string, string>, isCompressed: boolean][] = [
    [elsewhere, { "accept-encoding": "gzip" }, true],
    [elsewhere, { "accept-encoding": "deflate, gzip;q=1.0, *;q=0.5" }, true],
    [elsewhere, { "accept-encoding": "gzip;q=0" }, false],
    [elsewhere, { "accept-encoding": "gzip;q=0.5" }, true],
    [elsewhere, { "accept-encoding": "identity" }, false],
    [elsewhere, {}, false],
    ["127.0.0.1", { "accept-encoding": "gzip" }, false],
    ["127.13.7.1", { "accept-encoding": "gzip, deflate, br" }, false],
    ["::ffff:127.0.0.1", { "accept-encoding": "gzip" }, false],
    ["::1", { "accept-encoding": "gzip" }, false],
    ["::12", { "accept-encoding": "gzip" }, true],
    ["127.0.0.1", { "accept-encoding": "gzip, identity;q=0" }, true],
    ["127.0.0.1", { "accept-encoding": "gzip, *;q=0" }, true],
    ["127.0.0.1", { "accept-encoding": "gzip, *;q=0.1" }, false],
    ["127.0.0.1", { "accept-encoding": "gzip", "x-forwarded-for": elsewhere }, true],
    ["127.0.0.1", { "accept-encoding": "gzip", forwarded: `for=${elsewhere}` }, true],
  ];
  const body = "a".repeat(MIN_GZIP_BYTES);
  for (const [remoteAddress, headers, isCompressed] of cases) {
    let sent = 0;
    const response = { status: 200, headers: { vary: "Origin" }, body, onSent: () => sent++ };
    const answer = await compressed(requestFrom(remoteAddress, headers), response);
    const what = `${remoteAddress} ${JSON.stringify(headers)}`;
    assert.equal(answer.headers!["content-encoding"], isCompressed ? "gzip" : undefined, what);
    assert.equal(answer.headers!.vary, "Origin");
    // What was compressed is needed no more; what is yet to be sent is.
    assert.equal(sent, isCompressed ? 1 : 0, what);
    if (isCompressed) assert.equal(gunzipSync(answer.body as Uint8Array).toString(), body);
    else assert.equal(answer.body, body);
  }
});

test("compressed() leaves small answers and those with an encoding of their own as they are", async () => {
  const request = requestFrom("192.0.2.7", { "accept-encoding": "gzip" });
  const small = { status: 200, body: "a".repeat(MIN_GZIP_BYTES - 1) };
  assert.equal(await compressed(request, small), small);
  const encoded = {
    status: 200,
    headers: { "content-encoding": "snappy" },
    body: "a".repeat(MIN_GZIP_BYTES),
  };
  assert.equal(await compressed(request, encoded), encoded);
});
