/** What the API server knows about a resource: its names and which subresources it has. */
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import type { JsonSchema } from "./custom/json-schema.ts";
import type { TableColumn } from "./table/table-column.ts";
import type { WebhookClientConfig } from "./webhook-client.ts";

/** Where a scale subresource finds its numbers: JSON paths as CustomResourceDefinitions give them. */
export interface ScalePaths {
  specReplicas: string;
  statusReplicas: string;
  /** Of a text; built-in kinds have an object selector at `.spec.selector` instead. */
  labelSelector?: string;
}

/** `spec.conversion.webhook` of a CustomResourceDefinition. */
export interface ConversionWebhook {
  clientConfig: WebhookClientConfig;
  conversionReviewVersions: readonly string[];
}

export interface ResourceInfo extends GroupVersionResource {
  /** Where the store keeps it, the same for all its versions. */
  collection: string;
  kind: string;
  listKind: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  /** Has a `status` subresource: writes to the object leave the status alone and the other way round. */
  hasStatus: boolean;
  scale?: ScalePaths;
  /** What may be done with it. @default everything */
  verbs?: readonly string[];
  /** A question in the form of an object, answered and not kept. */
  isReview?: boolean;
  /** The version that is stored, where it is another one. */
  storedAs?: Pick<ResourceInfo, "group" | "version">;
  /** Who converts between the versions of a custom resource, where they differ by more than their names. */
  conversion?: ConversionWebhook;
  /** Other subresources: `log`, `exec`, `binding`, … */
  subresources: readonly string[];
  /** `metadata.generation` counts changes of everything but metadata and status. */
  hasGeneration: boolean;
  /** Columns of `kubectl get`, where the kind has its own (custom resources). */
  columns?: readonly TableColumn[];
  /** The schema of a custom resource (OpenAPI v3), as its definition has it. */
  schema?: JsonSchema;
  /** Paths of fields that field selectors may name, besides name and namespace (custom resources): `.spec.color`. */
  selectableFields?: readonly string[];
  /** What clients are told that use this version. */
  deprecation?: string;
  /** Kinds that are data to the cluster (a custom resource) have their definition here. */
  isCustom: boolean;
}
