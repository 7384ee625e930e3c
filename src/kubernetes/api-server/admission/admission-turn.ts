/**
 * Where webhooks come into an operation. Operations run in one go, so that nothing changes under them, but webhooks take
 * their time: an operation is begun, left where a webhook is to be asked, and begun anew when the answer is there.
 */
import type { DeleteOptions } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { fromStorageVersion } from "../convert.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import { type AdmissionRequest, CONTROLLER_USER } from "./admission-request.ts";

export interface AdmissionTurn {
  /**
   * Called with what is complete but not checked. Returns what takes its place, in the version of the request, or
   * undefined when it stays. May throw to leave the operation.
   */
  mutate(request: AdmissionRequest): KubernetesObject | undefined;
  /** Called with what is otherwise right. May throw to leave the operation. */
  validate(request: AdmissionRequest): void;
}

export interface AskOptions extends DeleteOptions {
  user?: User;
  subresource?: string;
  dryRun?: boolean;
  /** Takes what the client should be told. */
  warn?: (text: string) => void;
  /** The name that the client gave, where that is not the object's. */
  requestName?: string;
  /** @default no webhooks */
  turn?: AdmissionTurn;
}

/** The request about objects as they are stored. Copies: what is about to be stored is not to be frozen as it is now. */
export function admissionRequest(
  info: ResourceInfo,
  operation: AdmissionRequest["operation"],
  { object, oldObject }: Pick<AdmissionRequest, "object" | "oldObject">,
  { user = CONTROLLER_USER, subresource, dryRun = false, requestName, ...others }: AskOptions,
): AdmissionRequest {
  const { name, namespace } = (object ?? oldObject)!.metadata;
  const shown = (each: KubernetesObject | undefined) =>
    each === undefined ? undefined : fromStorageVersion(info, structuredClone(each));
  return {
    operation,
    info,
    subresource,
    namespace: info.namespaced ? namespace : undefined,
    name: requestName ?? name,
    object: shown(object),
    oldObject: shown(oldObject),
    user,
    isDryRun: dryRun,
    ...(operation === "DELETE" && { options: shownOptions(others) }),
  };
}

function shownOptions({ propagationPolicy, gracePeriodSeconds, preconditions }: DeleteOptions): object {
  return {
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(preconditions !== undefined && { preconditions }),
  };
}

/** An operation was left for webhooks to be asked. */
export class TurnTaken extends Error {
  readonly request: AdmissionRequest;

  constructor(request: AdmissionRequest) {
    super("webhooks are asked");
    this.request = request;
  }
}
