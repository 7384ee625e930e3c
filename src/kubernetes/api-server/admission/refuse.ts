import type { KubernetesError } from "../../../model/kubernetes-status.ts";

/** What a plugin throws when it refuses: 403, with the problem in the plugin's words. */
export type Refuse = (problem: string) => KubernetesError;
