import assert from "node:assert/strict";
import test from "node:test";
import { imageNameProblem } from "./image-name.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test("imageNameProblem() takes what Docker takes", () => {
  const names = ["web", "web:1.25", "a/b/c", "localhost/x", "host:5000/x:1", "a_b--c.d", `web@${DIGEST}`];
  for (const name of [...names, `host.io/web:1@${DIGEST}`, "[::1]:5000/x", "a".repeat(247)])
    assert.equal(imageNameProblem(name), undefined, name);
});

test("imageNameProblem() says what is wrong", () => {
  const cases: [string, string][] = [
    ["", "invalid reference format"],
    ["web:", "invalid reference format"],
    ["web::1", "invalid reference format"],
    ["a..b", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["$(IMAGE)", "invalid reference format: repository name (library/$(IMAGE)) must be lowercase"],
    ["web@sha256:zz", "invalid reference format"],
    [`web:${"x".repeat(129)}`, "invalid reference format"],
    ["Web", "invalid reference format: repository name (library/Web) must be lowercase"],
    ["shop/Web:1", "invalid reference format: repository name (shop/Web) must be lowercase"],
    [
      "a".repeat(64),
      `invalid repository name (${"a".repeat(64)}), cannot specify 64-byte hexadecimal strings`,
    ],
    ["b".repeat(248), "repository name must not be more than 255 characters"],
  ];
  for (const [name, problem] of cases)
    assert.equal(imageNameProblem(name), `couldn't parse image name ${JSON.stringify(name)}: ${problem}`);
});
