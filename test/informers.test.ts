/** @kubernetes/client-node's informers against the API server: through growth, restarts and 410s nothing is lost or invented. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as k8s from "@kubernetes/client-node";
import { systemClock } from "../src/base/clock.ts";
import { systemDisk } from "../src/base/disk.ts";
import { silentLogger } from "../src/base/log.ts";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { randomInteger, seededRandom, systemRandom } from "../src/base/random.ts";
import { type ApiServer, createApiServer } from "../src/kubernetes/api-server/mod.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";

const PODS = 1_000;
const TIMEOUT_MS = 60_000;

async function start(directory: string, port: number): Promise<{ server: ApiServer; port: number }> {
  const server = await createApiServer({
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network: createNodeNetwork(() => {}),
    log: silentLogger,
    directory,
  });
  const listening = await server.listen({ host: "127.14.0.21", port });
  return { server, port: listening.port };
}

const pod = (index: number) => ({
  metadata: { name: `pod-${index}`, namespace: "default", labels: { app: "load" } },
  spec: { containers: [{ name: "c", image: "i:1" }] },
});

test("client-node's informers follow 1,000 pods through restarts and 410s", async () => {
  const directory = await mkdtemp(join(tmpdir(), "topology-informers-"));
  let { server, port } = await start(directory, 0);
  const config = new k8s.KubeConfig();
  const kubeconfig = server.kubeconfig(`https://127.14.0.21:${port}`);
  // The certificate is for 127.0.0.1; the address is another so that the port can be had again after a restart.
  config.loadFromString(
    kubeconfig.replace(/certificate-authority-data: .*/, "insecure-skip-tls-verify: true"),
  );
  const client = config.makeApiClient(k8s.CoreV1Api);
  const listFn = () => client.listNamespacedPod({ namespace: "default", labelSelector: "app=load" });
  const informer = k8s.makeInformer(config, "/api/v1/namespaces/default/pods", listFn, "app=load");
  const seen = new Map<string, string>();
  const note = (object: k8s.V1Pod) => seen.set(object.metadata!.name!, object.metadata!.labels!.round ?? "");
  informer.on("add", note);
  informer.on("update", note);
  informer.on("delete", (object) => seen.delete(object.metadata!.name!));
  let isStopped = false;
  informer.on("error", () => {
    if (!isStopped) setTimeout(() => !isStopped && informer.start().catch(() => {}), 100);
  });
  const expected = async () => {
    const { items } = await server.api.list<KubernetesObject>(RESOURCES.pods, { labelSelector: "app=load" });
    return new Map(items.map(({ metadata }) => [metadata.name, metadata.labels!.round ?? ""]));
  };
  const caughtUp = async (where: string) => {
    const deadline = systemClock.monotonic() + TIMEOUT_MS;
    for (;;) {
      const wanted = await expected();
      if (wanted.size === seen.size && [...wanted].every(([name, round]) => seen.get(name) === round)) return;
      assert.ok(systemClock.monotonic() < deadline, `${where}: ${seen.size} of ${wanted.size} pods`);
      await systemClock.sleep(50);
    }
  };
  try {
    await informer.start();
    for (let i = 0; i < PODS; i++) await server.api.create(RESOURCES.pods, pod(i));
    await caughtUp("after growth");
    const random = seededRandom(2);
    for (let round = 1; round <= 3; round++) {
      const churn = async () => {
        for (let i = 0; i < 100; i++) {
          const name = `pod-${randomInteger(random, PODS)}`;
          const key = { namespace: "default", name };
          const isThere = (await expected()).has(name);
          if (!isThere) await server.api.create(RESOURCES.pods, pod(Number(name.slice(4))));
          else if (random.float() < 0.4) await server.api.delete(RESOURCES.pods, key);
          else {
            const body = { metadata: { labels: { round: String(round) } } };
            await server.api.patch(RESOURCES.pods, key, { type: "merge", body });
          }
        }
      };
      await churn();
      await server.close();
      ({ server } = await start(directory, port));
      // Changes that the informer does not see happen: its version is from another life.
      await churn();
      await caughtUp(`after restart ${round}`);
    }
  } finally {
    isStopped = true;
    await informer.stop();
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
});
