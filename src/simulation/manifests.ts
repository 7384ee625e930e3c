/** The topology's YAML, as far as virtual time runs it. */
import { parseAllDocuments } from "yaml";
import type { Disk } from "../base/disk.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";

/** What scales and what is scaled. Grafana and kube-state-metrics decide nothing. */
const FILES = [
  "manifests/namespace.yaml",
  "manifests/prometheus.yaml",
  "manifests/test-db.yaml",
  "manifests/router.yaml",
  "manifests/otel-collector.yaml",
  "embedded/keda.yaml",
  "manifests/scaledobject.yaml",
];

/** Namespaces first. @throws Error when the package's files are not there */
export async function readTopologyManifests(disk: Disk): Promise<KubernetesObject[]> {
  const objects: KubernetesObject[] = [];
  for (const file of FILES) {
    const text = new TextDecoder().decode(await disk.readFile(`${PACKAGE_ROOT}/k8s/test-topology/${file}`));
    for (const document of parseAllDocuments(text)) {
      const object = (document as { toJS(): KubernetesObject | null }).toJS();
      if (object !== null) objects.push(object);
    }
  }
  const rank = ({ kind }: KubernetesObject) => (kind === "Namespace" ? 0 : 1);
  return objects.sort((a, b) => rank(a) - rank(b));
}
