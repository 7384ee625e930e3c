/** What a simulated kubelet reads of a pod: its environment, its probe, the files that it mounts. */
import type { Clock } from "../../base/clock.ts";
import type { Probe } from "../../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { MemoryDisk } from "../virtual/memory-disk.ts";
import type { Container } from "./pod-program.ts";

/** A clock's functions without their object. */
export function bound(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
    every: (intervalMs, callback) => clock.every(intervalMs, callback),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
}

export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

export function environmentOf(
  container: Container,
  pod: { object: KubernetesObject; ip: string },
): Record<string, string> {
  const own = (container.env ?? []).filter(({ value }) => value !== undefined);
  return {
    ...Object.fromEntries(own.map(({ name, value }) => [name, value!])),
    POD_NAME: pod.object.metadata.name,
    POD_NAMESPACE: pod.object.metadata.namespace!,
    POD_IP: pod.ip,
  };
}

/** `8000/ready`: where a probe by HTTP asks; undefined for others. */
export function probeTarget({ ports = [] }: Container, { httpGet }: Probe): string | undefined {
  if (httpGet === undefined) return undefined;
  const { path = "/", port } = httpGet;
  const number = typeof port === "number" ? port : ports.find(({ name }) => name === port)?.containerPort;
  return `${number}${path}`;
}

/** The pod's ConfigMaps where its container mounts them, and the service account. */
export async function mountFiles(disk: MemoryDisk, pod: KubernetesObject, api: KubernetesApi): Promise<void> {
  const account = "/var/run/secrets/kubernetes.io/serviceaccount";
  await disk.writeFile(`${account}/token`, "token");
  await disk.writeFile(`${account}/ca.crt`, "");
  await disk.writeFile(`${account}/namespace`, pod.metadata.namespace!);
  const mounts = (pod.spec.containers[0].volumeMounts ?? []) as {
    name: string;
    mountPath: string;
    subPath?: string;
  }[];
  for (const { name, mountPath } of mounts) {
    const volume = (pod.spec.volumes ?? []).find((candidate: { name: string }) => candidate.name === name);
    if (volume?.configMap?.name === undefined) continue;
    const key = { namespace: pod.metadata.namespace, name: volume.configMap.name };
    const { data = {} } = await api.get<KubernetesObject & { data?: Record<string, string> }>(
      RESOURCES.configMaps,
      key,
    );
    for (const [file, text] of Object.entries(data)) await disk.writeFile(`${mountPath}/${file}`, text);
  }
}
