/**
 * How lists of the built-in kinds are merged: by which members their items are told apart. Facts from the
 * `patchMergeKey` and `listMapKey` markers of the Kubernetes API types, by the name of the list's field (and of the
 * field around it, where one name means several things).
 */

export interface ListType {
  /** Items are told apart by these members in server-side apply. */
  keys: readonly string[];
  /** And by this one in strategic merge patches. */
  mergeKey?: string;
}

const by = (...keys: string[]): ListType => ({ keys, mergeKey: keys[0] });

/** `parent.field` goes before `field`. */
const MAP_LISTS: Record<string, ListType> = {
  containers: by("name"),
  initContainers: by("name"),
  ephemeralContainers: by("name"),
  volumes: by("name"),
  env: by("name"),
  volumeMounts: by("mountPath"),
  volumeDevices: by("devicePath"),
  imagePullSecrets: by("name"),
  hostAliases: { keys: ["ip"], mergeKey: "ip" },
  topologySpreadConstraints: { keys: ["topologyKey", "whenUnsatisfiable"], mergeKey: "topologyKey" },
  resourceClaims: by("name"),
  schedulingGates: by("name"),
  podIPs: by("ip"),
  hostIPs: by("ip"),
  conditions: by("type"),
  ownerReferences: by("uid"),
  taints: { keys: [], mergeKey: "key" },
  addresses: { keys: [], mergeKey: "type" },
  secrets: by("name"),
  "containers.ports": { keys: ["containerPort", "protocol"], mergeKey: "containerPort" },
  "initContainers.ports": { keys: ["containerPort", "protocol"], mergeKey: "containerPort" },
  "ephemeralContainers.ports": { keys: ["containerPort", "protocol"], mergeKey: "containerPort" },
  "spec.ports": { keys: ["port", "protocol"], mergeKey: "port" },
  "projected.sources": { keys: [] },
  // HorizontalPodAutoscaler conditions are a map; its metrics are not.
  webhooks: by("name"),
  matchConditions: by("name"),
};

/** Lists that are sets of plain values: patches add to them. */
const SET_LISTS = new Set(["finalizers"]);

/** The list's type, or undefined where it is replaced as a whole. */
export function listTypeOf(parent: string, field: string): ListType | undefined {
  const qualified = `${parent}.${field}`;
  if (Object.hasOwn(MAP_LISTS, qualified)) return MAP_LISTS[qualified];
  return Object.hasOwn(MAP_LISTS, field) ? MAP_LISTS[field] : undefined;
}

export function isSetList(field: string): boolean {
  return SET_LISTS.has(field);
}

/** Objects whose members stand or fall together: a patch replaces `strategy` when it says `$retainKeys`. */
const ATOMIC_OBJECTS = new Set([
  "selector",
  "nodeSelectorTerms",
  "configMapKeyRef",
  "secretKeyRef",
  "fieldRef",
  "resourceFieldRef",
  "scaleTargetRef",
  "secretRef",
  "configMapRef",
  "claimRef",
  "podSelector",
  "namespaceSelector",
  "labelSelector",
  "nodeSelector",
]);

/** Whether server-side apply owns an object as one. */
export function isAtomicObject(field: string): boolean {
  return ATOMIC_OBJECTS.has(field);
}
