/**
 * An APIService for each group version that this server serves itself, as upstream's aggregator and the controller of
 * custom resources register them: `kubectl get apiservices` lists what there is.
 */
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";

interface ContextApi extends KubernetesApi {
  readonly context: ApiContext;
}

const COLLECTION = "apiregistration.k8s.io/apiservices";
const DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions";
/** Not registered: it is the aggregator's own. */
const AGGREGATOR_GROUP = "apiregistration.k8s.io";
const MANAGED = "kube-aggregator.kubernetes.io/automanaged";

/** Which group comes first where a name is in several; the version's rank follows. */
const PRIORITIES: Record<string, [group: number, version: number]> = {
  "/v1": [18_000, 1],
  "apps/v1": [17_800, 15],
  "events.k8s.io/v1": [17_750, 15],
  "authentication.k8s.io/v1": [17_700, 15],
  "authorization.k8s.io/v1": [17_600, 15],
  "autoscaling/v1": [17_500, 15],
  "autoscaling/v2": [17_500, 30],
  "batch/v1": [17_400, 15],
  "certificates.k8s.io/v1": [17_300, 15],
  "networking.k8s.io/v1": [17_200, 15],
  "policy/v1": [17_100, 15],
  "rbac.authorization.k8s.io/v1": [17_000, 15],
  "storage.k8s.io/v1": [16_800, 15],
  "apiextensions.k8s.io/v1": [16_700, 15],
  "admissionregistration.k8s.io/v1": [16_700, 15],
  "scheduling.k8s.io/v1": [16_600, 15],
  "coordination.k8s.io/v1": [16_500, 15],
  "node.k8s.io/v1": [16_300, 15],
  "discovery.k8s.io/v1": [16_200, 15],
  "resource.k8s.io/v1": [16_200, 21],
  "flowcontrol.apiserver.k8s.io/v1": [16_100, 21],
};
const CUSTOM_PRIORITY = [1_000, 100] as const;

/** Keeps the list as the definitions of custom resources come and go. */
export function startLocalApiServices(api: ContextApi): void {
  const { store, log } = api.context;
  const sync = () =>
    Promise.resolve()
      .then(() => syncAll(api))
      .catch((error) => log.error("APIServices not settled", { error }));
  store.listen(DEFINITIONS, () => void sync());
  void sync();
}

async function syncAll(api: ContextApi): Promise<void> {
  const { store, registry } = api.context;
  const wanted = new Map<string, [group: string, version: string, isCustom: boolean]>();
  for (const { group, version, isCustom } of registry.all())
    if (group !== AGGREGATOR_GROUP) wanted.set(`${version}.${group}`, [group, version, isCustom]);
  for (const [name, [group, version, isCustom]] of wanted) {
    const known = isCustom ? undefined : PRIORITIES[`${group}/${version}`];
    if (store.get(COLLECTION, name) === undefined && (isCustom || known !== undefined))
      await register(api, name, group, version, known);
  }
  for (const { metadata } of [...store.scan(COLLECTION)]) {
    if (metadata.labels?.[MANAGED] === "true" && !wanted.has(metadata.name))
      await api.delete(RESOURCES.apiServices, { name: metadata.name }).catch(ignoreGone);
  }
}

async function register(
  api: ContextApi,
  name: string,
  group: string,
  version: string,
  known: [group: number, version: number] | undefined,
): Promise<void> {
  const [groupPriorityMinimum, versionPriority] = known ?? CUSTOM_PRIORITY;
  const options = { fieldManager: "kube-apiserver" };
  const object = {
    metadata: { name, labels: { [MANAGED]: known === undefined ? "true" : "onstart" } },
    spec: { ...(group && { group }), version, groupPriorityMinimum, versionPriority },
  } as unknown as KubernetesObject;
  try {
    const made = await api.create<KubernetesObject>(RESOURCES.apiServices, object, options);
    const condition = {
      type: "Available",
      status: "True",
      reason: "Local",
      message: "Local APIServices are always available",
      lastTransitionTime: kubernetesTime(api.context.clock.now()),
    };
    await api.updateStatus(RESOURCES.apiServices, { ...made, status: { conditions: [condition] } });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists", "Conflict", "NotFound")) throw error;
  }
}

function ignoreGone(error: unknown): void {
  if (!isStatus(error, "NotFound")) throw error;
}
