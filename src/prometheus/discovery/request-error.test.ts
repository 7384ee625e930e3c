import assert from "node:assert/strict";
import { test } from "node:test";
import { requestError } from "./request-error.ts";

test("requestError() says in Go's words why there is no answer", () => {
  const coded = (code: string, message = "", fields = {}) =>
    Object.assign(new Error(message), { code, ...fields });
  const refused = coded("ECONNREFUSED", "", { address: "10.0.0.1", port: 80 });
  for (const [method, url, error, expected] of [
    ["POST", "http://h/", refused, 'Post "http://h/": dial tcp 10.0.0.1:80: connect: connection refused'],
    [
      "GET",
      "http://h:99999/",
      new TypeError("Invalid URL"),
      'Get "http://h:99999/": dial tcp: address 99999: invalid port',
    ],
    [
      "POST",
      "http://h:x/",
      new TypeError("Invalid URL"),
      'parse "http://h:x/": invalid port ":x" after host',
    ],
    ["GET", "ftp://h/", new Error("odd"), 'Get "ftp://h/": unsupported protocol scheme "ftp"'],
    ["POST", "::", new TypeError("Invalid URL"), 'parse "::": missing protocol scheme'],
    [
      "GET",
      "http://h/",
      coded("ERR_INVALID_CHAR", 'Invalid character in header content ["x-my-header"]'),
      'Get "http://h/": net/http: invalid header field value for "X-My-Header"',
    ],
    [
      "GET",
      "http://h/",
      new DOMException("late", "TimeoutError"),
      'Get "http://h/": context deadline exceeded',
    ],
  ] as const)
    assert.equal(requestError(method, url, error).message, expected);
});
