/** What sets one kind apart from the others: defaults, checks and the fields that selectors may name. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import type { ObjectStore } from "../object-store.ts";
import type { ServiceAddresses } from "../service-addresses.ts";
import type { User } from "../user.ts";

/** What a strategy may look at besides the object. */
export interface StrategyContext {
  store: ObjectStore;
  clock: Clock;
  random: Random;
  serviceAddresses?: ServiceAddresses;
  /** Who asks; absent when it is a part of this process. */
  user?: User;
}

export interface KindStrategy {
  /** `metadata.generation` also counts changes of annotations. */
  countsAnnotations?: boolean;
  /** `metadata.generation` stays what it was at the beginning. */
  keepsGeneration?: boolean;
  /** Fills in what the client left out. Called before every write; must leave a complete object as it is. */
  setDefaults?(object: KubernetesObject): void;
  /** Gives a new object what only the server decides (cluster IP, first status). */
  prepareForCreate?(object: KubernetesObject, context: StrategyContext): void;
  /** Carries over what a client may leave out of an update. */
  prepareForUpdate?(object: KubernetesObject, previous: KubernetesObject, context: StrategyContext): void;
  /** What is wrong with an object, or with the step from `previous` to it. */
  validate?(object: KubernetesObject, previous?: KubernetesObject): StatusCause[];
  /** Fills in what a client may leave out of a status. */
  prepareForStatus?(
    object: KubernetesObject,
    previous: KubernetesObject,
    context: StrategyContext,
    subresource: string,
  ): void;
  /** What is wrong with a status that is written. */
  validateStatus?(object: KubernetesObject, previous: KubernetesObject, subresource: string): StatusCause[];
  /** The value of a field that field selectors may name, besides `metadata.name` and `metadata.namespace`. */
  fields?: Record<string, (object: KubernetesObject) => unknown>;
}
