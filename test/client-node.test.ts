/** @kubernetes/client-node's exec, attach, port-forward, patches and metrics against the API server. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { after, before, test } from "node:test";
import * as k8s from "@kubernetes/client-node";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { createKubectlWorld, type KubectlWorld, POD_ADDRESS } from "./kubectl-world.ts";

let world: KubectlWorld;
let config: k8s.KubeConfig;

before(async () => {
  world = await createKubectlWorld();
  config = new k8s.KubeConfig();
  config.loadFromFile(`${world.directory}/kubeconfig`);
  await world.server.api.create(RESOURCES.pods, {
    metadata: { name: "shell", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  for await (const { object } of world.server.api.watch(RESOURCES.pods, {}))
    if (object.status?.phase === "Running") break;
});
after(() => world.close());

test("Exec carries stdin and stdout and tells the exit code", async () => {
  const output = new PassThrough();
  const errors = new PassThrough();
  const status = await new Promise<k8s.V1Status>((resolve) => {
    const command = ["sh", "-c", "cat; echo err >&2; exit 4"];
    void new k8s.Exec(config).exec(
      "default",
      "shell",
      "c",
      command,
      output,
      errors,
      Readable.from(["hello"]),
      false,
      resolve,
    );
  });
  assert.equal(output.read()?.toString(), "hello");
  assert.equal(errors.read()?.toString(), "err\n");
  assert.equal(status.reason, "NonZeroExitCode");
  assert.equal(status.details?.causes?.[0].message, "4");
});

test("PortForward connects to the pod's port", async () => {
  const web = createServer((_request, response) => response.end("through"));
  await new Promise<void>((resolve) => web.listen(0, POD_ADDRESS, resolve));
  const { port } = web.address() as { port: number };
  const forward = new k8s.PortForward(config);
  const local = createTcpServer(
    (socket) => void forward.portForward("default", "shell", [port], socket, null, socket),
  );
  await new Promise<void>((resolve) => local.listen(0, "127.0.0.1", resolve));
  const { port: localPort } = local.address() as { port: number };
  const socket = connect(localPort, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes("through")) break;
  }
  assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*through/);
  socket.destroy();
  local.close();
  web.closeAllConnections();
  web.close();
});

test("typed clients create, replace with conflicts, patch in four ways and list metrics", async () => {
  const core = config.makeApiClient(k8s.CoreV1Api);
  const made = await core.createNamespacedConfigMap({
    namespace: "default",
    body: { metadata: { name: "m" }, data: { a: "1" } },
  });
  await core.replaceNamespacedConfigMap({
    namespace: "default",
    name: "m",
    body: { ...made, data: { a: "2" } },
  });
  await assert.rejects(
    core.replaceNamespacedConfigMap({ namespace: "default", name: "m", body: { ...made, data: { a: "3" } } }),
    (error: k8s.ApiException<string>) => error.code === 409,
  );
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const patches: [type: string, body: object][] = [
    [k8s.PatchStrategy.MergePatch, { data: { b: "1" } }],
    [k8s.PatchStrategy.StrategicMergePatch, { data: { c: "1" } }],
    [k8s.PatchStrategy.ServerSideApply, { data: { d: "1" } }],
  ];
  for (const [type, body] of patches) {
    const patch = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "m", namespace: "default" },
      ...body,
    };
    // Only server-side apply may be forced.
    const force = type === k8s.PatchStrategy.ServerSideApply ? true : undefined;
    await objects.patch(patch, undefined, undefined, "test", force, type as k8s.PatchStrategy);
  }
  const found = await core.readNamespacedConfigMap({ namespace: "default", name: "m" });
  assert.deepEqual(found.data, { a: "2", b: "1", c: "1", d: "1" });
  const metrics = await new k8s.Metrics(config).getPodMetrics("default");
  assert.equal(metrics.items[0].containers[0].usage.cpu, "250000000n");
});
