import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../base/log.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { KedaMetrics } from "../keda-metrics.ts";
import type { ScaledObject } from "../scaled-object.ts";
import { admissionWebhookHandler, MAX_REVIEW_BYTES } from "./admission-webhook.ts";

const silent = { info() {}, error() {}, debug() {}, with: () => silent } as unknown as Logger;
const NAMESPACE = "shop";

async function webhook(known: { scaledObjects?: ScaledObject[]; hpas?: KubernetesObject[] } = {}) {
  const api = createMemoryCluster(new VirtualClock());
  await api.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
  });
  const metrics = new KedaMetrics("test");
  const handler = admissionWebhookHandler({
    api,
    log: silent,
    metrics,
    known: () => ({ scaledObjects: known.scaledObjects ?? [], hpas: known.hpas ?? [] }),
  });
  const send = async (target: string, body: string, type = "application/json") => {
    async function* chunks() {
      yield new TextEncoder().encode(body);
    }
    const response = await handler({
      method: "POST",
      target,
      headers: { "content-type": type },
      body: chunks(),
      remoteAddress: "127.0.0.1",
      signal: new AbortController().signal,
    });
    return { status: response.status, text: response.body as string };
  };
  const review = async (kind: string, request: object) => {
    const body = {
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      request: { uid: "u1", ...request },
    };
    const { text } = await send(`/validate-keda-sh-v1alpha1-${kind}?timeout=10s`, JSON.stringify(body));
    const answer = JSON.parse(text);
    assert.deepEqual([answer.kind, answer.apiVersion], ["AdmissionReview", "admission.k8s.io/v1"]);
    return answer.response;
  };
  return { api, metrics, send, review };
}

function scaledObject(spec: object = {}, metadata: object = {}): ScaledObject {
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "web", namespace: NAMESPACE, ...metadata },
    spec: { scaleTargetRef: { name: "web" }, triggers: [{ type: "cron", metadata: {} }], ...spec },
  } as ScaledObject;
}

const create = (object: object, more: object = {}) => ({ operation: "CREATE", object, ...more });
const cpu = { triggers: [{ type: "cpu", metadata: { value: "50" } }], minReplicaCount: 1 };

test("a ScaledObject is let in, with warnings, or refused with the reason counted", async () => {
  const { review, metrics } = await webhook();
  assert.deepEqual(await review("scaledobject", create(scaledObject())), {
    uid: "u1",
    allowed: true,
    status: { metadata: {}, code: 200 },
  });
  const warned = await review(
    "scaledobject",
    create(scaledObject({ minReplicaCount: 1, cooldownPeriod: 60 })),
  );
  assert.match(warned.warnings[0], /^CooldownPeriod is configured but is not relevant/);
  const object = scaledObject({ minReplicaCount: 5, maxReplicaCount: 2 });
  const refused = await review("scaledobject", { operation: "UPDATE", object, oldObject: scaledObject() });
  assert.deepEqual(refused, {
    uid: "u1",
    allowed: false,
    status: {
      metadata: {},
      message: "MinReplicaCount=5 must be less than MaxReplicaCount=2",
      reason: "Forbidden",
      code: 403,
    },
  });
  const text = metrics.text();
  assert.match(text, /validations_total\{action="create",namespace="shop"\} 2/);
  assert.match(text, /errors_total\{action="update",namespace="shop",reason="incorrect-replicas"\} 1/);
});

test("a finalizer may go from a ScaledObject that would be refused; nothing else may change", async () => {
  const { review } = await webhook();
  const bad = { minReplicaCount: 5, maxReplicaCount: 2 };
  const oldObject = scaledObject(bad, { finalizers: ["a", "b"] });
  const update = async (object: ScaledObject) =>
    (await review("scaledobject", { operation: "UPDATE", object, oldObject })).allowed;
  assert.equal(await update(scaledObject(bad, { finalizers: ["a"] })), true);
  assert.equal(await update(scaledObject(bad, { finalizers: ["a", "b"] })), false);
  assert.equal(await update(scaledObject({ ...bad, pollingInterval: 5 }, { finalizers: ["a"] })), false);
});

test("kinds that the cluster does not have are refused, of rivals for the workload too", async () => {
  const strange = { scaleTargetRef: { name: "web", apiVersion: "example.com/v1", kind: "Fleet" } };
  const alone = await webhook();
  const message = 'no matches for kind "Fleet" in version "example.com/v1"';
  assert.equal((await alone.review("scaledobject", create(scaledObject(strange)))).status.message, message);
  const rival = await webhook({ scaledObjects: [scaledObject(strange, { name: "other" })] });
  assert.equal((await rival.review("scaledobject", create(scaledObject()))).status.message, message);
  const elsewhere = { scaleTargetRef: { ...strange.scaleTargetRef, name: "else" } };
  const other = await webhook({ scaledObjects: [scaledObject(elsewhere, { name: "other" })] });
  assert.equal((await other.review("scaledobject", create(scaledObject()))).allowed, true);
  // A kind of this name is taken as it is, of whatever group.
  const custom = { scaleTargetRef: { name: "web", apiVersion: "example.com/v1", kind: "StatefulSet" } };
  assert.equal((await alone.review("scaledobject", create(scaledObject(custom)))).allowed, true);
});

test("triggers on resources need a workload that asks for them, unless it is a dry run", async () => {
  const { api, review } = await webhook();
  const missing = await review("scaledobject", create(scaledObject(cpu)));
  assert.deepEqual(missing.status, {
    metadata: {},
    status: "Failure",
    message: 'Deployment.apps "web" not found',
    reason: "NotFound",
    details: { name: "web", group: "apps", kind: "Deployment" },
    code: 404,
  });
  assert.equal((await review("scaledobject", create(scaledObject(cpu), { dryRun: true }))).allowed, true);
  const labels = { app: "web" };
  const containers = [{ name: "web", image: "test-db" }];
  await api.create(RESOURCES.deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  } as KubernetesObject);
  const unset = await review("scaledobject", create(scaledObject(cpu)));
  assert.match(unset.status.message, /container web doesn't have the cpu request defined/);
});

test("authentications and ScaledJobs", async () => {
  const { review } = await webhook();
  const authentication = (spec: object, finalizers?: string[]) => ({
    metadata: { name: "a", finalizers },
    spec,
  });
  const aws = (more: object) => ({ podIdentity: { provider: "aws", ...more } });
  const azure = (more: object) => ({ podIdentity: { provider: "azure-workload", ...more } });
  const oauth2 = (more: object) => ({
    oauth2: { type: "clientCredentials", clientId: "me", tokenUrl: "https://id.example/token", ...more },
  });
  const cases: [spec: object, message: RegExp | undefined][] = [
    [{ secretTargetRef: [] }, undefined],
    [aws({ roleArn: "arn", identityOwner: "keda" }), undefined],
    [aws({ roleArn: "arn", identityOwner: "workload" }), /^roleArn of PodIdentity can't be set/],
    [aws({ externalID: "x" }), /^externalID of PodIdentity requires roleArn/],
    [azure({ identityId: "" }), /^identityId of PodIdentity should not be empty/],
    [azure({ identityAuthorityHost: "h" }), /^identityTenantID of PodIdentity should not be nil or empty/],
    [azure({ identityAuthorityHost: "h", identityTenantId: "t" }), undefined],
    [azure({ identityTenantId: "" }), /^identityTenantId of PodIdentity should not be empty/],
    [{ ...oauth2({ clientId: "" }), podIdentity: { provider: "none" } }, undefined],
    [oauth2({}), undefined],
    [oauth2({ type: "password" }), /^oauth2.type must be 'clientCredentials', got 'password'$/],
    [oauth2({ clientId: "" }), /^oauth2.clientId is required/],
    [oauth2({ tokenUrl: "" }), /^oauth2.tokenUrl is required/],
    [oauth2({ tokenUrl: "ftp://id.example" }), /^oauth2.tokenUrl must be a valid http or https URL$/],
  ];
  for (const kind of ["triggerauthentication", "clustertriggerauthentication"]) {
    for (const [spec, message] of cases) {
      const { allowed, status } = await review(kind, create(authentication(spec)));
      assert.equal(allowed, message === undefined, JSON.stringify(spec));
      if (message !== undefined) assert.match(status.message, message);
    }
  }
  const wrong = aws({ externalID: "x" });
  const gone = {
    operation: "UPDATE",
    object: authentication(wrong),
    oldObject: authentication(wrong, ["f"]),
  };
  assert.equal((await review("triggerauthentication", gone)).allowed, true);
  const job = await review("scaledjob", create({ metadata: { name: "j" }, spec: { triggers: [] } }));
  assert.equal(job.status.message, "no triggers defined in the ScaledObject/ScaledJob");
});

test("what is no review is answered with what is wrong with it", async () => {
  const { send, review } = await webhook();
  const path = "/validate-keda-sh-v1alpha1-scaledobject";
  const cases: [body: string, type: string, message: RegExp][] = [
    ["", "application/json", /^request body is empty$/],
    ["{}", "text/plain", /^contentType=text\/plain, expected application\/json$/],
    ["{", "application/json", /^couldn't get version\/kind; json parse error/],
    ["null", "application/json", /^couldn't get version\/kind/],
    ["{}", "application/json", /^couldn't get version\/kind/],
    [" ".repeat(MAX_REVIEW_BYTES), "application/json", /^couldn't get version\/kind/],
    [
      " ".repeat(MAX_REVIEW_BYTES + 1),
      "application/json",
      /^request entity is too large; limit is 7340032 bytes$/,
    ],
  ];
  for (const [body, type, message] of cases) {
    const { status, text } = await send(path, body, type);
    const { response } = JSON.parse(text);
    assert.deepEqual([status, response.allowed, response.status.code], [200, false, 400]);
    assert.match(response.status.message, message);
  }
  assert.equal((await send("/elsewhere", "{}")).status, 404);
  assert.equal(
    (await review("scaledobject", { operation: "DELETE", oldObject: scaledObject() })).allowed,
    true,
  );
  const unknown = await review("scaledobject", { operation: "CONNECT" });
  assert.equal(unknown.status.message, 'unknown operation "CONNECT"');
});
