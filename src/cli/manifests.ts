/** The cluster's YAML: read from folders, checked, put in the order in which it has to be applied. */
import { LineCounter, parseAllDocuments } from "yaml";
import { type Disk, isMissing } from "../base/disk.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { KUBERNETES_YAML } from "../wire/kubernetes/kubernetes-yaml.ts";

/** One object and where it stands. */
export interface Manifest {
  /** `manifests/router.yaml:12`. */
  source: string;
  object: KubernetesObject & { apiVersion: string; kind: string };
}

/** A file cannot be read as objects. The message names file and line. */
export class ManifestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ManifestError";
  }
}

/** What others need to exist comes first, as `helm` and `kubectl apply -k` order it. */
const ORDER = [
  "Namespace",
  "CustomResourceDefinition",
  "StorageClass",
  "PriorityClass",
  "ServiceAccount",
  "Secret",
  "ConfigMap",
  "ClusterRole",
  "ClusterRoleBinding",
  "Role",
  "RoleBinding",
  "APIService",
  "PersistentVolumeClaim",
  "Service",
];

/** All objects of the `.yaml` files in the folders, ordered. @throws ManifestError, or Node's ENOENT as one. */
export async function readManifests(disk: Disk, folders: string[]): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const folder of folders) {
    if ((await disk.stat(folder)) === undefined) throw new ManifestError(`${folder}: no such directory`);
    for (const name of await disk.list(folder)) {
      if (!/\.ya?ml$/.test(name) || /^kustomization\./.test(name)) continue;
      manifests.push(...parseManifests(await readText(disk, `${folder}/${name}`), `${folder}/${name}`));
    }
  }
  const rank = ({ object }: Manifest) => {
    const index = ORDER.indexOf(object.kind);
    return index === -1 ? ORDER.length : index;
  };
  return manifests.sort((a, b) => rank(a) - rank(b));
}

async function readText(disk: Disk, path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await disk.readFile(path));
  } catch (error) {
    throw new ManifestError(`${path}: ${isMissing(error) ? "no such file" : (error as Error).message}`);
  }
}

/** @throws ManifestError for YAML that does not parse, and documents that are no Kubernetes object. */
export function parseManifests(text: string, path: string): Manifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...KUBERNETES_YAML, lineCounter: lines, prettyErrors: false });
  if ("empty" in documents) return [];
  return documents.flatMap((document) => {
    const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
    const [problem] = document.errors;
    if (problem !== undefined) throw new ManifestError(`${at(problem.pos[0])}: ${problem.message}`);
    const object = document.toJS();
    if (object === null) return [];
    const source = at(document.contents?.range?.[0] ?? 0);
    for (const field of ["apiVersion", "kind"]) {
      if (typeof object?.[field] !== "string") throw new ManifestError(`${source}: ${field} is missing`);
    }
    if (object.kind === "List") {
      return (object.items as Manifest["object"][]).map((item) => ({ source, object: item }));
    }
    if (typeof object.metadata?.name !== "string")
      throw new ManifestError(`${source}: metadata.name is missing`);
    return [{ source, object }];
  });
}
