import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, type FetchOptions, type Network } from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

const resource = (kind: string): GroupVersionResource =>
  BUILTIN_RESOURCES.find((info) => info.kind === kind)!;
const { configMaps } = RESOURCES;

// biome-ignore lint/suspicious/noExplicitAny: requests as webhooks get them
type Answer = (request: any) => object | Promise<object>;

const RULE = { apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps", "pods/*"] };
const patch = (...operations: object[]) => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});

/** A cluster with webhooks by their path; answers are their responses. */
async function newCluster(
  answers: Record<string, Answer>,
  { mutating = [], validating = [] }: { mutating?: object[]; validating?: object[] },
) {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  const asked: string[] = [];
  const fetch = async (url: string, { body }: FetchOptions = {}) => {
    const path = new URL(url).pathname.slice(1);
    const { apiVersion, kind, request } = JSON.parse(String(body));
    asked.push(`${path} ${request.operation} ${request.name ?? "-"}`);
    const answer = answers[path];
    if (answer === undefined) throw new Error("no such host");
    const review = { apiVersion, kind, response: { uid: request.uid, ...(await answer(request)) } };
    return { status: 200, headers: {}, body: bodyOf(JSON.stringify(review)) };
  };
  store.context.network = { fetch } as unknown as Network;
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  const configure = async (kind: string, webhooks: object[]) => {
    if (webhooks.length === 0) return;
    await store.create(resource(kind), {
      metadata: { name: "c" },
      webhooks: webhooks.map((webhook) => ({
        rules: [RULE],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        ...webhook,
        name: `${(webhook as { name: string }).name}.example.com`,
        clientConfig: { url: `https://h/${(webhook as { name: string }).name}` },
      })),
    } as KubernetesObject);
  };
  await configure("MutatingWebhookConfiguration", mutating);
  await configure("ValidatingWebhookConfiguration", validating);
  const warnings: string[] = [];
  const told = async (write: Promise<unknown>): Promise<string> => {
    try {
      await write;
      return "";
    } catch (error) {
      if (!isStatus(error)) throw error;
      return `${error.code} ${error.message}`;
    }
  };
  const map = (name: string, data = {}) =>
    ({ metadata: { name, namespace: "here" }, data }) as KubernetesObject;
  const warn = (text: string) => warnings.push(text);
  return { store, asked, warnings, warn, told, map };
}

test("a webhook refuses, with its words and code; what it allows is stored, with its warnings", async () => {
  const answer: Answer = ({ object }) =>
    object.data?.bad
      ? { allowed: false, status: { message: "bad is bad", code: 403 } }
      : { allowed: true, warnings: ["careful"] };
  const { store, warnings, warn, told, map } = await newCluster(
    { check: answer },
    { validating: [{ name: "check" }] },
  );
  assert.equal(await told(store.create(configMaps, map("a"), { warn })), "");
  assert.deepEqual(warnings, ["careful"]);
  const denied = '403 admission webhook "check.example.com" denied the request: bad is bad';
  assert.equal(await told(store.create(configMaps, map("b", { bad: "1" }))), denied);
  assert.equal(await told(store.replace(configMaps, map("a", { bad: "1" }))), denied);
  const change = { type: "merge" as const, body: { data: { bad: "1" } } };
  assert.equal(await told(store.patch(configMaps, { namespace: "here", name: "a" }, change)), denied);
  const { items } = await store.list(configMaps, { namespace: "here" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["a"],
  );
});

test("webhooks change an object in turn, and the checking ones see what came of it", async () => {
  const seen: unknown[] = [];
  const { store, map, asked } = await newCluster(
    {
      one: () => patch({ op: "add", path: "/data/one", value: "1" }),
      two: ({ object }) => patch({ op: "add", path: "/data/two", value: `${object.data.one}2` }),
      check({ object }) {
        seen.push(object.data, object.metadata.name);
        return { allowed: true };
      },
    },
    { mutating: [{ name: "one" }, { name: "two" }], validating: [{ name: "check" }] },
  );
  const object = { ...map(""), metadata: { generateName: "g-", namespace: "here" } } as KubernetesObject;
  const made = await store.create(configMaps, { ...object, data: { a: "b" } } as KubernetesObject);
  assert.deepEqual((made as { data?: object }).data, { a: "b", one: "1", two: "12" });
  assert.deepEqual(seen, [{ a: "b", one: "1", two: "12" }, made.metadata.name]);
  assert.deepEqual(asked, ["one CREATE -", "two CREATE -", `check CREATE ${made.metadata.name}`]);
});

test("an object that a webhook makes right is right; one that it spoils is refused", async () => {
  const { store, told, map } = await newCluster(
    {
      change: ({ object }) =>
        object.metadata.name === "spoilt"
          ? patch({ op: "add", path: "/metadata/labels", value: { a: "not valid!" } })
          : patch({ op: "remove", path: "/metadata/labels" }),
    },
    { mutating: [{ name: "change" }] },
  );
  const wrong = map("wrong");
  wrong.metadata.labels = { a: "not valid!" };
  assert.equal(await told(store.create(configMaps, wrong)), "");
  assert.match(await told(store.create(configMaps, map("spoilt"))), /^422 .*metadata.labels: Invalid value/);
});

test("what a webhook does not answer is an error, unless that is to be ignored", async () => {
  const { store, told, map } = await newCluster(
    { uid: () => ({ uid: "other", allowed: true }) },
    { validating: [{ name: "ignored", failurePolicy: "Ignore" }, { name: "uid" }] },
  );
  assert.match(
    await told(store.create(configMaps, map("a"))),
    /^500 Internal error occurred: failed calling webhook "uid.example.com": received invalid webhook response: expected/,
  );
});

test("a webhook is asked about what its rules, selectors and conditions name", async () => {
  const { store, asked, map } = await newCluster(
    { check: () => ({ allowed: true }) },
    {
      validating: [
        {
          name: "check",
          rules: [{ ...RULE, operations: ["UPDATE", "DELETE"] }],
          objectSelector: { matchLabels: { asked: "yes" } },
          matchConditions: [{ name: "c", expression: "request.name != 'free'" }],
        },
      ],
    },
  );
  for (const name of ["plain", "labelled", "free"]) {
    const object = map(name);
    if (name !== "plain") object.metadata.labels = { asked: "yes" };
    await store.create(configMaps, object);
    await store.replace(configMaps, { ...object, data: { a: "1" } } as KubernetesObject);
    await store.delete(configMaps, { namespace: "here", name });
  }
  assert.deepEqual(asked, ["check UPDATE labelled", "check DELETE labelled"]);
});

test("a change that comes in while a webhook thinks is not lost", async () => {
  let other: (() => Promise<unknown>) | undefined;
  const { store, map } = await newCluster(
    {
      async slow({ object }) {
        const change = other;
        other = undefined;
        await change?.();
        return patch({ op: "add", path: "/data/slow", value: String(Object.keys(object.data).length) });
      },
    },
    { mutating: [{ name: "slow" }] },
  );
  await store.create(configMaps, map("a", { a: "1" }));
  const key = { namespace: "here", name: "a" };
  other = () => store.patch(configMaps, key, { type: "merge", body: { data: { other: "x" } } });
  const result = await store.patch(configMaps, key, { type: "merge", body: { data: { mine: "y" } } });
  assert.deepEqual((result as { data?: object }).data, { a: "1", slow: "4", other: "x", mine: "y" });
});

test("a dry run is not sent to a webhook that does more than answer", async () => {
  const { store, told, map, asked } = await newCluster(
    { check: () => ({ allowed: true }) },
    { validating: [{ name: "check", sideEffects: "NoneOnDryRun" }] },
  );
  assert.equal(await told(store.create(configMaps, map("a"), { dryRun: true })), "");
  assert.deepEqual(asked, ["check CREATE a"]);
});
