import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedView, checkAcceptable, inPreferredForm } from "./accept.ts";

const as = (kind: string, version = "v1", group = "meta.k8s.io") =>
  `application/json;as=${kind};v=${version};g=${group}`;

test("acceptedView() finds the first form that there is", () => {
  const plain = [
    undefined,
    "",
    "*/*",
    "application/json",
    "application/vnd.kubernetes.protobuf,application/json",
  ];
  for (const accept of plain) assert.equal(acceptedView(accept), undefined, accept);
  assert.deepEqual(acceptedView(as("Table")), { kind: "Table", version: "v1" });
  assert.deepEqual(acceptedView(as("PartialObjectMetadata", "v1beta1")), {
    kind: "PartialObjectMetadata",
    version: "v1beta1",
  });
  // A form that there is not is passed over, and quality counts.
  assert.equal(acceptedView(`${as("Table", "v2")},application/json`), undefined);
  assert.equal(acceptedView(`${as("Table")};q=0.5,application/json`), undefined);
  assert.deepEqual(
    acceptedView(`application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,${as("Table")}`),
    {
      kind: "Table",
      version: "v1",
    },
  );
});

test("acceptedView() refuses who takes nothing that there is", () => {
  for (const accept of ["text/csv", "application/cbor", "application/*"])
    assert.throws(
      () => acceptedView(accept),
      /406: Not Acceptable\n\nAvailable representations: application\/json, /,
      accept,
    );
  for (const accept of [
    as("Chart"),
    as("Table", "v2"),
    as("Table", "v1", "other"),
    "application/json;as=Table;v=v1",
  ])
    assert.throws(
      () => acceptedView(accept),
      /only the following media types are accepted: application\/json/,
      accept,
    );
});

test("checkAcceptable() knows other representations", () => {
  checkAcceptable("application/jwk-set+json", ["application/jwk-set+json"]);
  assert.throws(
    () => checkAcceptable("application/json", ["application/jwk-set+json"]),
    /representations: application\/jwk-set\+json$/,
  );
});

test("inPreferredForm() answers in YAML only who prefers it", () => {
  const json = { status: 200, headers: { "content-type": "application/json" }, body: '{"b":[1],"a":"1"}' };
  for (const accept of ["application/yaml, application/json", "application/json;q=0.1,application/yaml"])
    assert.deepEqual(inPreferredForm(accept, json), {
      status: 200,
      headers: { "content-type": "application/yaml" },
      body: 'a: "1"\nb:\n- 1\n',
    });
  for (const accept of [undefined, "*/*", "application/json, application/yaml"])
    assert.equal(inPreferredForm(accept, json), json);
  const text = { status: 200, headers: { "content-type": "text/plain" }, body: "ok" };
  assert.equal(inPreferredForm("application/yaml", text), text);
});
