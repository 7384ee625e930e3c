import assert from "node:assert/strict";
import { test } from "node:test";
import { listenOnFreePort, MAX_PORT_STEPS } from "./free-port.ts";
import { UsageError } from "./options.ts";

const taken =
  (...ports: number[]) =>
  async (port: number) => {
    if (ports.includes(port)) throw Object.assign(new Error("taken"), { code: "EADDRINUSE" });
    return port;
  };

test("listenOnFreePort() moves a default and warns", async () => {
  const warnings: string[] = [];
  const wish = { flag: "--grafana-port", port: 3000, given: false };
  assert.equal(await listenOnFreePort(wish, taken(3000, 3001), (text) => warnings.push(text)), 3002);
  assert.deepEqual(warnings, ["port 3000 is taken, using 3002 (--grafana-port chooses another)"]);
});

test("listenOnFreePort() does not move a port that was asked for", async () => {
  const wish = { flag: "--grafana-port", port: 3000, given: true };
  const refused = listenOnFreePort(wish, taken(3000), assert.fail);
  await assert.rejects(
    refused,
    (error) => error instanceof UsageError && error.message.startsWith("--grafana-port 3000"),
  );
});

test("listenOnFreePort() gives up at its limit", async () => {
  let tries = 0;
  const never = async () => {
    tries++;
    throw Object.assign(new Error("taken"), { code: "EADDRINUSE" });
  };
  await assert.rejects(
    listenOnFreePort({ flag: "--x", port: 1000, given: false }, never, assert.fail),
    UsageError,
  );
  assert.equal(tries, MAX_PORT_STEPS);
});

test("listenOnFreePort() passes other failures on", async () => {
  const wish = { flag: "--x", port: 1, given: false };
  const fail = (code: string) => async () => {
    throw Object.assign(new Error(code), { code });
  };
  await assert.rejects(listenOnFreePort(wish, fail("EACCES"), assert.fail), /--x 1: no permission/);
  await assert.rejects(listenOnFreePort(wish, fail("ENETDOWN"), assert.fail), /ENETDOWN/);
});
