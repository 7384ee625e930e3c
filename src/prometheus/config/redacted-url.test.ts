import assert from "node:assert/strict";
import { test } from "node:test";
import { redactedUrl } from "./redacted-url.ts";

test("redactedUrl() hides a password and nothing else", () => {
  const cases = [
    ["http://user:secret@host:9090/path?x=1", "http://user:xxxxx@host:9090/path?x=1"],
    ["http://user:a@b@host/", "http://user:xxxxx@host/"],
    ["http://:p@host", "http://:xxxxx@host"],
    ["http://user@host:80/a:b@c", "http://user@host:80/a:b@c"],
    ["https://host:9090/a:b@c", "https://host:9090/a:b@c"],
    ["/relative:a@b", "/relative:a@b"],
  ];
  for (const [url, shown] of cases) assert.equal(redactedUrl(url), shown);
});
