import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import type { GroupVersionResource, Patch } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { distinguishedName } from "../../../wire/x509/distinguished-name.ts";
import { writeSigningRequest } from "../../../wire/x509/signing-request.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

const REQUESTS: GroupVersionResource = BUILTIN_RESOURCES.find(
  ({ kind }) => kind === "CertificateSigningRequest",
)!;
const PEM = writeSigningRequest(
  { subject: distinguishedName({ commonName: ["alice"], organization: ["devs"] }) },
  generateKeyPairSync("ec", { namedCurve: "P-256" }),
);
const SPEC = {
  request: Buffer.from(PEM).toString("base64"),
  signerName: "example.com/signer",
  usages: ["client auth"],
};
const ALICE = { name: "alice", groups: ["system:authenticated"] };
const ADMIN = { name: "admin", groups: ["system:masters"] };

function newStore() {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  const told = async (write: Promise<KubernetesObject>): Promise<string> => {
    try {
      await write;
      return "";
    } catch (error) {
      if (!isStatus(error)) throw error;
      return error.message.replace(/^CertificateSigningRequest\S+ "\w+" is invalid: /, "");
    }
  };
  const create = (spec: object) =>
    store.create(REQUESTS, { metadata: { name: "c" }, spec } as KubernetesObject, { user: ALICE });
  const patch = (subresource: string, conditions: object[], user = ADMIN) => {
    const change: Patch = { type: "merge", body: { status: { conditions } } };
    return store.patch<KubernetesObject>(REQUESTS, { name: "c", subresource }, change, { user });
  };
  return { store, told, create, patch };
}

test("a request is checked, and says who made it whatever the client claims", async () => {
  const { told, create } = newStore();
  assert.equal(
    await told(
      create({ ...SPEC, usages: ["client auth", "client auth"], signerName: "a", expirationSeconds: 5 }),
    ),
    '[spec.usages[1]: Duplicate value: "client auth", spec.signerName: Invalid value: "a": must be a fully qualified ' +
      "domain and path of the form 'example.com/signer-name', spec.expirationSeconds: Invalid value: 5: may not specify " +
      "a duration less than 600 seconds (10 minutes)]",
  );
  const garbage = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
  assert.match(
    await told(create({ ...SPEC, request: Buffer.from(garbage).toString("base64") })),
    /spec.request: Invalid value: "LS0t.*": asn1: syntax error: data truncated/,
  );
  assert.match(await told(create({})), /spec.request: Invalid value: null: PEM block type must be/);
  const { spec } = await create({ ...SPEC, username: "root", groups: ["system:masters"] });
  assert.deepEqual([spec.username, spec.groups], ["alice", ["system:authenticated"]]);
});

test("who may approve decides once, by the subresource for that", async () => {
  const { store, told, create, patch } = newStore();
  await create(SPEC);
  const approved = { type: "Approved", status: "True", reason: "r" };
  assert.match(
    await told(patch("approval", [approved], ALICE)),
    /user not permitted to approve requests with signerName "example.com\/signer"/,
  );
  assert.match(await told(patch("status", [approved])), /updates may not add a condition of type "Approved"/);
  assert.match(await told(patch("approval", [{ ...approved, status: "False" }])), /supported values: "True"/);
  assert.equal(await told(patch("approval", [approved])), "");
  assert.match(
    await told(patch("approval", [{ ...approved, type: "Denied" }])),
    /updates may not remove a condition of type "Approved"/,
  );
  const { spec, status } = await store.get<KubernetesObject>(REQUESTS, { name: "c" });
  assert.equal(spec.username, "alice");
  assert.equal(status.conditions[0].type, "Approved");
  assert.ok(status.conditions[0].lastUpdateTime !== undefined);
});

test("a request must not make somebody the administrator, and who signs needs the right to", async () => {
  const { told, create, patch } = newStore();
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const masters = writeSigningRequest(
    { subject: distinguishedName({ commonName: ["eve"], organization: ["devs", "system:masters"] }) },
    keys,
  );
  const asked = { ...SPEC, request: Buffer.from(masters).toString("base64") };
  assert.equal(
    await told(create({ ...asked, signerName: "kubernetes.io/kube-apiserver-client" })),
    'certificatesigningrequests.certificates.k8s.io "c" is forbidden: use of kubernetes.io/kube-apiserver-client ' +
      "signer with system:masters group is not allowed",
  );
  assert.equal(await told(create(asked)), "");
  const failed = { type: "Failed", status: "True", reason: "r" };
  assert.match(
    await told(patch("status", [failed], ALICE)),
    /user not permitted to sign requests with signerName "example.com\/signer"/,
  );
  assert.equal(await told(patch("status", [failed])), "");
});
