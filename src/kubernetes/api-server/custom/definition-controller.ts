/** Follows CustomResourceDefinitions: their resources are served as long as they are there. */
import type { Clock } from "../../../base/clock.ts";
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import type { StoredEvent } from "../object-store.ts";
import { CLEANUP_FINALIZER, type Definition, resourcesOf } from "./definition.ts";

const COLLECTION = "apiextensions.k8s.io/customresourcedefinitions";
const WRITER = { fieldManager: "kube-apiserver" };

/** The API, and the store and registry behind it. */
interface ContextApi extends KubernetesApi {
  readonly context: ApiContext;
}

export function startDefinitionController(api: ContextApi): void {
  const { store, clock } = api.context;
  for (const definition of store.scan(COLLECTION)) {
    register(api, definition as Definition);
    settle(api, clock, definition as Definition);
  }
  store.listen(COLLECTION, ({ type, object }: StoredEvent) => {
    const definition = object as Definition;
    const { group, names } = definition.spec;
    api.context.registry.removeCustom(group, names.plural);
    if (type === "DELETED") return;
    register(api, definition);
    settle(api, clock, definition);
  });
}

function register(api: ContextApi, definition: Definition): void {
  for (const info of resourcesOf(definition)) api.context.registry.addCustom(info);
}

/** Writes happen after the change that caused them has reached everyone. */
function settle(api: ContextApi, clock: Clock, definition: Definition): void {
  const work = definition.metadata.deletionTimestamp === undefined ? establish : cleanUp;
  Promise.resolve()
    .then(() => work(api, clock, definition))
    .catch((error) => {
      // Another change came first, and settles it.
      if (isStatus(error, "Conflict", "NotFound")) return;
      api.context.log.error("definition not settled", { name: definition.metadata.name, error });
    });
}

async function establish(api: ContextApi, clock: Clock, definition: Definition): Promise<void> {
  const { spec, status } = definition;
  const stored: string[] = status?.storedVersions ?? [];
  const storage = spec.versions.find((version) => version.storage)!.name;
  const at = kubernetesTime(clock.now());
  const condition = (type: string, reason: string, message: string) => {
    const known = (status?.conditions ?? []).find((each: { type: string }) => each.type === type);
    return known ?? { type, status: "True", lastTransitionTime: at, reason, message };
  };
  const names = { ...spec.names, singular: spec.names.singular, listKind: spec.names.listKind };
  const settled = {
    acceptedNames: names,
    storedVersions: stored.includes(storage) ? stored : [...stored, storage],
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
  };
  const settledDefinition = { ...definition, status: settled } as Definition;
  await api.updateStatus(RESOURCES.customResourceDefinitions, settledDefinition, WRITER);
}

async function cleanUp(api: ContextApi, _clock: Clock, definition: Definition): Promise<void> {
  const finalizers = definition.metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP_FINALIZER)) return;
  const { store } = api.context;
  const collection = `${definition.spec.group}/${definition.spec.names.plural}`;
  const [info] = resourcesOf(definition);
  for (const { metadata } of [...store.scan(collection)]) {
    if (metadata.deletionTimestamp !== undefined) continue;
    await api.delete(info, { namespace: metadata.namespace, name: metadata.name });
  }
  if (store.count(collection) > 0) return waitForLast(api, collection, definition.metadata.name);
  const rest = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
  const metadata = { ...definition.metadata, finalizers: rest };
  await api.replace(RESOURCES.customResourceDefinitions, { ...definition, metadata }, WRITER);
}

/** Objects with finalizers go when their controllers let them. */
function waitForLast(api: ContextApi, collection: string, name: string): void {
  const { store, clock } = api.context;
  const stop = store.listen(collection, () => {
    if (store.count(collection) > 0) return;
    stop();
    const definition = store.get(COLLECTION, name);
    if (definition !== undefined) settle(api, clock, definition as Definition);
  });
}
