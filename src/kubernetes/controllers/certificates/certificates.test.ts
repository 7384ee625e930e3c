import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { issueCertificate } from "../../../wire/x509/certificate.ts";
import { distinguishedName } from "../../../wire/x509/distinguished-name.ts";
import { type AlternativeNames, writeSigningRequest } from "../../../wire/x509/signing-request.ts";
import { certificateUser } from "../../api-server/certificate-user.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startCertificateApprovingController } from "./certificate-approving.ts";
import { startCertificateCleaner } from "./certificate-cleaner.ts";
import type { CertificateSigningRequest } from "./certificate-request.ts";
import { startCertificateSigningController } from "./certificate-signing.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CLIENT = "kubernetes.io/kube-apiserver-client";
const NODE_CLIENT = `${CLIENT}-kubelet`;
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const RESOURCE = RESOURCES.certificateSigningRequests;

interface Asked {
  signerName: string;
  usages: string[];
  commonName: string;
  organization?: string[];
  names?: Partial<AlternativeNames>;
  expirationSeconds?: number;
}

async function createWorld() {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const world = await createWorkloadWorld({ clock });
  const signer = { commonName: "kubernetes", privateKey: keys.privateKey };
  const authority = {
    commonName: "kubernetes",
    publicKey: keys.publicKey,
    isAuthority: true,
    notBeforeMs: startMs,
    notAfterMs: startMs + 200 * DAY_MS,
    serial: Uint8Array.of(1),
  };
  startCertificateSigningController(world.context, { ca: issueCertificate(authority, signer), signer });
  startCertificateApprovingController(
    world.context,
    (user, subresource) => user.name === "system:node:a" && subresource === "selfnodeclient",
  );
  startCertificateCleaner(world.context);
  const create = ({ signerName, usages, commonName, organization = [], names, expirationSeconds }: Asked) => {
    const subject = distinguishedName({ commonName: [commonName], organization });
    const request = Buffer.from(writeSigningRequest({ subject, names }, keys)).toString("base64");
    const spec = { request, signerName, usages, ...(expirationSeconds && { expirationSeconds }) };
    const object = { metadata: { name: commonName.split(":").at(-1)! }, spec } as KubernetesObject;
    return world.api.create(RESOURCE, object, { user: { name: commonName, groups: organization } });
  };
  const approve = (name: string, type = "Approved") =>
    world.api.patch(
      RESOURCE,
      { name, subresource: "approval" },
      { type: "merge", body: { status: { conditions: [{ type, status: "True", reason: "r" }] } } },
    );
  const get = (name: string) => world.api.get<CertificateSigningRequest>(RESOURCE, { name });
  const certificateOf = async (name: string) => {
    const { status } = await get(name);
    return status?.certificate && new X509Certificate(Buffer.from(status.certificate, "base64"));
  };
  return { ...world, clock, startMs, create, approve, get, certificateOf };
}

test("a client's certificate is issued when its request is approved, for who and as long as was asked", async () => {
  const world = await createWorld();
  const usages = ["digital signature", "client auth"];
  const jane = { signerName: CLIENT, usages, commonName: "jane", organization: ["ops", "devs"] };
  await world.create({ ...jane, expirationSeconds: 3600 });
  await world.clock.advance(1_000);
  assert.equal(await world.certificateOf("jane"), undefined);
  await world.approve("jane");
  await world.clock.advance(1_000);
  const certificate = await world.certificateOf("jane");
  assert.ok(certificate instanceof X509Certificate && certificate.verify(keys.publicKey));
  assert.deepEqual(certificateUser(certificate)?.name, "jane");
  // A set of values is ordered by their encoding: the shorter first.
  assert.deepEqual(certificateUser(certificate)?.groups, ["ops", "devs", "system:authenticated"]);
  // Short ones are not cut by what clocks may be late; long ones are, and end with their authority at the latest.
  const seconds = (Date.parse(certificate.validTo) - world.clock.now()) / 1000;
  assert.ok(Math.abs(seconds - 3600) < 3, String(seconds));
  await world.create({ ...jane, commonName: "joe" });
  await world.approve("joe");
  await world.clock.advance(1_000);
  const long = await world.certificateOf("joe");
  assert.ok(long instanceof X509Certificate);
  assert.equal(Date.parse(long.validTo), world.startMs + 200 * DAY_MS);
  world.stop();
});

test("a request that its signer does not take fails; other signers' and denied ones are left alone", async () => {
  const world = await createWorld();
  await world.create({ signerName: CLIENT, usages: ["server auth"], commonName: "wrong" });
  await world.create({ signerName: "example.com/own", usages: ["client auth"], commonName: "other" });
  await world.create({ signerName: CLIENT, usages: ["client auth"], commonName: "denied" });
  const serving = "kubernetes.io/kubelet-serving";
  const usages = ["digital signature", "server auth"];
  await world.create({ signerName: serving, usages, commonName: "unnamed", organization: ["system:nodes"] });
  for (const name of ["wrong", "other", "unnamed"]) await world.approve(name);
  await world.approve("denied", "Denied");
  await world.clock.advance(1_000);
  const failure = async (name: string) => {
    const conditions = (await world.get(name)).status?.conditions ?? [];
    const failed = conditions.find(({ type }) => type === "Failed");
    return failed && `${failed.reason}: ${failed.message}`;
  };
  assert.equal(
    await failure("wrong"),
    "SignerValidationFailure: invalid usage for client certificate: server auth",
  );
  assert.equal(await failure("unnamed"), "SignerValidationFailure: DNS or IP subjectAltName is required");
  for (const name of ["wrong", "other", "denied"]) assert.equal(await world.certificateOf(name), undefined);
  assert.equal(await failure("other"), undefined);
  world.stop();
});

test("a node that may gets its own certificate without being asked about", async () => {
  const world = await createWorld();
  const asked = {
    signerName: NODE_CLIENT,
    usages: ["digital signature", "client auth"],
    organization: ["system:nodes"],
  };
  await world.create({ ...asked, commonName: "system:node:a" });
  await world.create({ ...asked, commonName: "system:node:b" });
  await world.clock.advance(1_000);
  const [condition] = (await world.get("a")).status!.conditions!;
  assert.deepEqual([condition.type, condition.reason], ["Approved", "AutoApproved"]);
  assert.ok((await world.certificateOf("a")) instanceof X509Certificate);
  assert.equal((await world.get("b")).status?.conditions, undefined);
  world.stop();
});

test("requests go an hour after they were answered, and a day after they were made", async () => {
  const world = await createWorld();
  const usages = ["client auth"];
  for (const commonName of ["issued", "denied", "waiting"])
    await world.create({ signerName: CLIENT, usages, commonName });
  await world.approve("issued");
  await world.approve("denied", "Denied");
  const left = async () => (await world.api.list(RESOURCE)).items.map(({ metadata }) => metadata.name);
  await world.clock.advance(HOUR_MS);
  assert.deepEqual(await left(), ["denied", "issued", "waiting"]);
  await world.clock.advance(HOUR_MS);
  assert.deepEqual(await left(), ["waiting"]);
  await world.clock.advance(23 * HOUR_MS);
  assert.deepEqual(await left(), []);
  world.stop();
});
