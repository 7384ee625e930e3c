import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAcceptable, inPreferredForm } from "./accept.ts";

test("checkAcceptable() refuses who takes nothing that there is", () => {
  const taken = [
    undefined,
    "*/*",
    "application/json",
    "application/vnd.kubernetes.protobuf,application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,text/csv",
    "text/html, application/*;q=0.5",
  ];
  for (const accept of taken) checkAcceptable(accept);
  for (const accept of ["text/csv", "application/cbor", "application/json;as=Chart;v=v1;g=meta.k8s.io"])
    assert.throws(() => checkAcceptable(accept), /406: Not Acceptable/, accept);
});

test("inPreferredForm() answers in YAML only who asks for it first", () => {
  const json = { status: 200, headers: { "content-type": "application/json" }, body: '{"b":1,"a":"1"}' };
  assert.deepEqual(inPreferredForm("application/yaml, application/json", json), {
    status: 200,
    headers: { "content-type": "application/yaml" },
    body: 'a: "1"\nb: 1\n',
  });
  for (const accept of [undefined, "*/*", "application/json, application/yaml"])
    assert.equal(inPreferredForm(accept, json), json);
  const text = { status: 200, headers: { "content-type": "text/plain" }, body: "ok" };
  assert.equal(inPreferredForm("application/yaml", text), text);
});
