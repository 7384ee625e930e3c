/** The error of the Kubernetes API: a `Status` object (apimachinery `meta/v1`, `api/errors`). */

export interface StatusCause {
  /** `FieldValueInvalid`, `FieldValueRequired`, `FieldManagerConflict`, … */
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  /** The resource's plural, or the kind where a body was invalid. */
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: { resourceVersion?: string; continue?: string };
  status: "Success" | "Failure";
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code: number;
}

export type StatusReason =
  | "BadRequest"
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Expired"
  | "Invalid"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "TooManyRequests"
  | "InternalError"
  | "ServiceUnavailable"
  | "Timeout";

const CODES: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

/** What every operation on the API throws when the API says no, in process and over HTTP alike. */
export class KubernetesError extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? `status ${status.code}`);
    this.name = "KubernetesError";
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): StatusReason | undefined {
    return this.status.reason;
  }
}

/** A failure with the code that belongs to the reason. */
export function statusError(reason: StatusReason, message: string, details?: StatusDetails): KubernetesError {
  return new KubernetesError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code: CODES[reason],
  });
}

/** A failure that Kubernetes has a message for and no reason. */
export function internalFailure(message: string): KubernetesError {
  return new KubernetesError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    code: 500,
  });
}

/** `apierrors.NewInternalError`. */
export function internalError(problem: string): KubernetesError {
  return statusError("InternalError", `Internal error occurred: ${problem}`, {
    causes: [{ message: problem }],
  });
}

/** Whether an error is the API's, for one of the reasons given (any when none is given). */
export function isStatus(error: unknown, ...reasons: StatusReason[]): error is KubernetesError {
  if (!(error instanceof KubernetesError)) return false;
  return reasons.length === 0 || (error.reason !== undefined && reasons.includes(error.reason));
}

/** `pods` → `pods`, `deployments` of `apps` → `deployments.apps`, as messages name a resource. */
export function groupResource(resource: { group: string; resource: string }): string {
  return resource.group === "" ? resource.resource : `${resource.resource}.${resource.group}`;
}

export function notFound(resource: { group: string; resource: string }, name: string): KubernetesError {
  return statusError("NotFound", `${groupResource(resource)} ${JSON.stringify(name)} not found`, {
    name,
    group: resource.group || undefined,
    kind: resource.resource,
  });
}

export function alreadyExists(resource: { group: string; resource: string }, name: string): KubernetesError {
  return statusError("AlreadyExists", `${groupResource(resource)} ${JSON.stringify(name)} already exists`, {
    name,
    group: resource.group || undefined,
    kind: resource.resource,
  });
}

export function conflict(
  resource: { group: string; resource: string },
  name: string,
  problem = "the object has been modified; please apply your changes to the latest version and try again",
): KubernetesError {
  return statusError(
    "Conflict",
    `Operation cannot be fulfilled on ${groupResource(resource)} ${JSON.stringify(name)}: ${problem}`,
    { name, group: resource.group || undefined, kind: resource.resource },
  );
}
