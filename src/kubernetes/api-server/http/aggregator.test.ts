import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import {
  bodyOf,
  type FetchOptions,
  type FetchResponse,
  type HttpRequest,
  readBody,
} from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { createApiServer } from "../api-server.ts";

const METRICS = {
  name: "externalmetrics",
  singularName: "",
  namespaced: true,
  kind: "ExternalMetricValueList",
  verbs: ["get"],
};

function answer(status: number, value: unknown): FetchResponse {
  const text = JSON.stringify(value);
  return {
    status,
    headers: { "content-type": "application/json" },
    body: bodyOf(text),
    trailers: {},
    bytes: async () => Buffer.from(text),
    text: async () => text,
  };
}

async function newServer() {
  const clock = new VirtualClock();
  const asked: [url: string, options: FetchOptions | undefined][] = [];
  let isUp = true;
  const server = await createApiServer({
    clock,
    random: seededRandom(1),
    disk: new MemoryDisk(),
    network: {
      serve: () => Promise.reject(new Error("no network")),
      async fetch(url, options) {
        asked.push([url, options]);
        if (!isUp) throw new Error("connect ECONNREFUSED");
        return url.endsWith("/v1beta1")
          ? answer(200, { resources: [METRICS] })
          : answer(200, { items: [{ value: "7" }] });
      },
    },
    log: silentLogger,
    directory: "/data",
  });
  const { api } = server;
  await api.create(RESOURCES.namespaces, { metadata: { name: "keda" } });
  await api.create(RESOURCES.services, {
    metadata: { name: "metrics", namespace: "keda" },
    spec: { clusterIP: "None", ports: [{ name: "https", port: 443, targetPort: 6443 }] },
  });
  await api.create(RESOURCES.apiServices, {
    metadata: { name: "v1beta1.external.metrics.k8s.io" },
    spec: {
      group: "external.metrics.k8s.io",
      version: "v1beta1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: "keda", name: "metrics" },
    },
  });
  const ask = async (target: string, headers: Record<string, string> = {}) => {
    const request: HttpRequest = {
      method: "GET",
      target,
      headers: { host: "127.0.0.1", authorization: `Bearer ${server.adminToken}`, ...headers },
      body: bodyOf(),
      remoteAddress: "127.0.0.1",
      signal: new AbortController().signal,
    };
    const { status, body } = await server.handler(request);
    const text = typeof body === "string" ? body : new TextDecoder().decode(await readBody(body as never));
    return { status, json: JSON.parse(text) };
  };
  const available = async () => {
    await clock.advance(15_000);
    const found = await api.get<KubernetesObject>(RESOURCES.apiServices, {
      name: "v1beta1.external.metrics.k8s.io",
    });
    const { status, reason } = found.status.conditions[0];
    return `${status} ${reason}`;
  };
  const addEndpoint = () =>
    api.create(RESOURCES.endpointSlices, {
      metadata: { name: "metrics-1", namespace: "keda", labels: { "kubernetes.io/service-name": "metrics" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["127.1.2.3"], conditions: { ready: true } }],
      ports: [{ name: "https", port: 6443, protocol: "TCP" }],
    } as unknown as KubernetesObject);
  const setUp = (value: boolean) => {
    isUp = value;
  };
  return { server, ask, asked, available, addEndpoint, setUp };
}

const VALUES = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/s0-prometheus?labelSelector=a%3Db";

test("requests for an aggregated API go to its Service, with the user and without the token", async () => {
  const { ask, asked, addEndpoint } = await newServer();
  await addEndpoint();
  const found = await ask(VALUES, { accept: "application/json" });
  assert.deepEqual([found.status, found.json], [200, { items: [{ value: "7" }] }]);
  const [url, options] = asked.at(-1)!;
  assert.equal(url, `https://127.1.2.3:6443${VALUES}`);
  assert.deepEqual(options?.headerLines, {
    "x-remote-user": ["kubernetes-admin"],
    "x-remote-group": ["system:masters", "system:authenticated"],
  });
  assert.equal(options?.headers?.authorization, undefined);
});

test("a server that is aggregated can tell that the API server asks: by its certificate, and an authority's name", async () => {
  const { ask, asked, addEndpoint, server } = await newServer();
  await addEndpoint();
  await ask(VALUES, { accept: "application/json" });
  const key = { namespace: "kube-system", name: "extension-apiserver-authentication" };
  const { data = {} } = (await server.api.get(RESOURCES.configMaps, key)) as KubernetesObject & {
    data?: Record<string, string>;
  };
  const authority = new X509Certificate(data["requestheader-client-ca-file"]);
  const [, options] = asked.at(-1)!;
  const certificate = new X509Certificate(options!.identity!.cert);
  assert.ok(certificate.verify(authority.publicKey) && certificate.checkIssued(authority));
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(options!.identity!.key)));
  assert.equal(data["requestheader-allowed-names"], '["front-proxy-client"]');
  assert.equal(certificate.subject, "CN=front-proxy-client");
  assert.equal(data["requestheader-group-headers"], '["X-Remote-Group"]');
  assert.match(data["client-ca-file"], /^-----BEGIN CERTIFICATE-----/);
});

test("an aggregated API is in discovery, and its status says whether it answers", async () => {
  const { ask, available, addEndpoint, setUp } = await newServer();
  assert.equal(await available(), "False MissingEndpoints");
  await addEndpoint();
  assert.equal(await available(), "True Passed");
  const list = await ask("/apis/external.metrics.k8s.io/v1beta1");
  assert.deepEqual(list.json.resources, [METRICS]);
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const groups = (await ask("/apis", { accept })).json.items as {
    metadata: { name: string };
    versions: { freshness: string }[];
  }[];
  const group = groups.find(({ metadata }) => metadata.name === "external.metrics.k8s.io");
  assert.equal(group?.versions[0].freshness, "Current");
  setUp(false);
  assert.equal(await available(), "False FailedDiscoveryCheck");
  assert.equal((await ask("/apis/external.metrics.k8s.io/v1beta1")).status, 503);
  const refused = await ask(VALUES);
  assert.deepEqual(
    [refused.status, refused.json.message],
    [503, "error trying to reach service: connect ECONNREFUSED"],
  );
});

test("an aggregated API without an endpoint answers 503, one without its Service too", async () => {
  const { server, ask, available } = await newServer();
  const missing = await ask(VALUES);
  assert.deepEqual(
    [missing.status, missing.json.message],
    [503, 'no endpoints available for service "metrics"'],
  );
  await server.api.delete(RESOURCES.services, { namespace: "keda", name: "metrics" });
  assert.equal(await available(), "False ServiceNotFound");
  const gone = await ask(VALUES);
  assert.deepEqual(
    [gone.status, gone.json.message],
    [503, "the server is currently unable to handle the request"],
  );
});
