/** Checks of probes and lifecycle hooks (`validateProbe`, `validateHandler` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue, notNegative, required } from "../field-error.ts";
import { checkOneOf, checkPort, checkText } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validateProbes(container: Anything, path: string): StatusCause[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const causes = livenessProbe ? validateProbe(livenessProbe, `${path}.livenessProbe`) : [];
  if (livenessProbe) causes.push(...mustBeOne(livenessProbe, `${path}.livenessProbe`));
  if (readinessProbe) {
    causes.push(...validateProbe(readinessProbe, `${path}.readinessProbe`));
    const grace = readinessProbe.terminationGracePeriodSeconds;
    if (grace !== undefined)
      causes.push(
        invalidValue(
          `${path}.readinessProbe.terminationGracePeriodSeconds`,
          grace,
          "must not be set for readinessProbes",
        ),
      );
  }
  if (startupProbe) {
    causes.push(...validateProbe(startupProbe, `${path}.startupProbe`));
    causes.push(...mustBeOne(startupProbe, `${path}.startupProbe`));
  }
  return causes;
}

function mustBeOne({ successThreshold }: Anything, path: string): StatusCause[] {
  if (successThreshold === undefined || successThreshold === 1) return [];
  return [invalidValue(`${path}.successThreshold`, successThreshold, "must be 1")];
}

const SECONDS = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
];

function validateProbe(probe: Anything, path: string): StatusCause[] {
  const causes = validateHandler(probe, path, ["exec", "httpGet", "tcpSocket", "grpc"]);
  for (const field of SECONDS) causes.push(...notNegative(`${path}.${field}`, probe[field]));
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    causes.push(invalidValue(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  return causes;
}

export function validateLifecycle(lifecycle: Anything, path: string, graceSeconds: number): StatusCause[] {
  return ["postStart", "preStop"].flatMap((hook) => {
    if (lifecycle[hook] === undefined) return [];
    const at = `${path}.${hook}`;
    const causes = validateHandler(lifecycle[hook], at, ["exec", "httpGet", "tcpSocket", "sleep"]);
    const seconds = lifecycle[hook].sleep?.seconds;
    if (lifecycle[hook].sleep && (seconds < 0 || seconds > graceSeconds))
      causes.push(
        invalidValue(
          `${at}.sleep`,
          seconds,
          `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`,
        ),
      );
    return causes;
  });
}

/** Exactly one of the ways to ask. */
function validateHandler(handler: Anything, path: string, kinds: readonly string[]): StatusCause[] {
  const [first, ...others] = kinds.filter((kind) => handler[kind] !== undefined);
  if (first === undefined) return [required(path, "must specify a handler type")];
  return [
    ...validateAction(first, handler[first], `${path}.${first}`),
    ...others.map((kind) => forbiddenField(`${path}.${kind}`, "may not specify more than 1 handler type")),
  ];
}

function validateAction(kind: string, action: Anything, path: string): StatusCause[] {
  switch (kind) {
    case "exec":
      return (action.command ?? []).length === 0 ? [required(`${path}.command`)] : [];
    case "httpGet": {
      const causes = action.path ? [] : [required(`${path}.path`)];
      causes.push(...checkPort(`${path}.port`, action.port));
      causes.push(...checkOneOf(`${path}.scheme`, action.scheme, ["HTTP", "HTTPS"]));
      for (const { name } of action.httpHeaders ?? [])
        causes.push(...checkText(`${path}.httpHeaders`, name, headerProblem));
      return causes;
    }
    case "tcpSocket":
    case "grpc":
      return checkPort(`${path}.port`, action.port);
    default:
      return [];
  }
}

function headerProblem(name: string): string | undefined {
  return /^[-A-Za-z0-9]+$/.test(name)
    ? undefined
    : "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for " +
        "validation is '[-A-Za-z0-9]+')";
}
