/** Requests for certificates (`pkg/apis/certificates`, `pkg/registry/certificates`): who asked, checks, conditions. */
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblem, dnsSubdomainProblem } from "../../../model/label-selector.ts";
import { readSigningRequest } from "../../../wire/x509/signing-request.ts";
import { deepEqual } from "../deep-equal.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required, tooLong } from "../field-error.ts";
import type { KindStrategy } from "./kind-strategy.ts";

interface Condition {
  type: string;
  status?: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}

const USAGES = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const MIN_SECONDS = 600;
const LEGACY_SIGNER = "kubernetes.io/legacy-unknown";
/** What the approver decides, and no one takes back. */
const DECISIONS = ["Approved", "Denied"];

export const certificateRequestStrategy: KindStrategy = {
  prepareForCreate(object, { user }) {
    const { username: _, uid: __, groups: ___, extra: ____, ...asked } = object.spec ?? {};
    object.spec = {
      ...asked,
      ...(user && {
        username: user.name,
        ...(user.uid && { uid: user.uid }),
        groups: [...user.groups],
        ...(user.extra && { extra: user.extra }),
      }),
    };
  },
  prepareForUpdate(object, previous) {
    object.spec = previous.spec;
  },
  prepareForStatus(object, previous, { clock }, subresource) {
    const before: Condition[] = previous.status?.conditions ?? [];
    object.status ??= {};
    if (subresource === "approval") {
      if (previous.status?.certificate === undefined) delete object.status.certificate;
      else object.status.certificate = previous.status.certificate;
    } else if (Array.isArray(object.status.conditions)) {
      // A decision stays as it was made.
      object.status.conditions = object.status.conditions.map(
        (condition: Condition) =>
          (DECISIONS.includes(condition.type) && before.find(({ type }) => type === condition.type)) ||
          condition,
      );
    }
    const now = kubernetesTime(clock.now());
    for (const condition of (object.status?.conditions ?? []) as Condition[]) {
      const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
      condition.lastUpdateTime ??= same?.lastUpdateTime ?? now;
      condition.lastTransitionTime ??= same?.lastTransitionTime ?? now;
    }
  },
  fields: { "spec.signerName": ({ spec }) => spec?.signerName },
  validate(object, previous) {
    // Nothing of the spec changes.
    return previous === undefined ? validateSpec(object.spec) : [];
  },
  validateStatus(object, previous, subresource) {
    return [
      ...validateConditions(object.status?.conditions ?? []),
      ...validateStep(object, previous, subresource),
    ];
  },
};

function validateSpec(spec: KubernetesObject["spec"]): StatusCause[] {
  const { request, usages = [], signerName = "", expirationSeconds } = spec ?? {};
  const causes: StatusCause[] = [];
  try {
    readSigningRequest(Buffer.from(request ?? "", "base64").toString("latin1"));
  } catch (error) {
    causes.push(invalidValue("spec.request", request ?? null, (error as Error).message));
  }
  if (usages.length === 0) causes.push(required("spec.usages"));
  for (const [index, usage] of usages.entries())
    if (!USAGES.includes(usage)) causes.push(notSupported(`spec.usages[${index}]`, usage, USAGES));
  for (const [index, usage] of usages.entries())
    if (usages.indexOf(usage) < index) causes.push(duplicate(`spec.usages[${index}]`, usage));
  if (signerName === LEGACY_SIGNER)
    causes.push(
      invalidValue(
        "spec.signerName",
        signerName,
        "the legacy signerName is not allowed via this API version",
      ),
    );
  else causes.push(...validateSigner(signerName));
  if (expirationSeconds !== undefined && expirationSeconds < MIN_SECONDS)
    causes.push(
      invalidValue(
        "spec.expirationSeconds",
        expirationSeconds,
        "may not specify a duration less than 600 seconds (10 minutes)",
      ),
    );
  return causes;
}

const MAX_DOMAIN_LENGTH = 253;
/** The domain, a slash, and a name of a namespaced object: `namespace.name`. */
const MAX_SIGNER_LENGTH = MAX_DOMAIN_LENGTH + 1 + 253 + 1 + 63;

/** `ValidateSignerName`. */
function validateSigner(name: string): StatusCause[] {
  const at = "spec.signerName";
  if (name === "") return [required(at)];
  const [domain, path, ...more] = name.split("/");
  if (path === undefined || more.length > 0) {
    const form = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(at, name, form)];
  }
  const causes: StatusCause[] = domain.length > MAX_DOMAIN_LENGTH ? [tooLong(at, MAX_DOMAIN_LENGTH)] : [];
  const check = (part: string, problemOf: (label: string) => string | undefined) => {
    for (const label of part.split(".")) {
      const problem = problemOf(label);
      if (problem === undefined) continue;
      causes.push(invalidValue(at, part, `validating label ${JSON.stringify(label)}: ${problem}`));
      return;
    }
  };
  check(domain, dnsLabelProblem);
  if (!domain.includes("."))
    causes.push(invalidValue(at, domain, "should be a domain with at least two segments separated by dots"));
  check(path, dnsSubdomainProblem);
  if (name.length > MAX_SIGNER_LENGTH) causes.push(tooLong(at, MAX_SIGNER_LENGTH));
  return causes;
}

function validateConditions(conditions: Condition[]): StatusCause[] {
  const at = "status.conditions";
  const causes: StatusCause[] = [];
  const seen = new Set<string>();
  for (const [index, { type, status }] of conditions.entries()) {
    if (!type) causes.push(required(`${at}[${index}].type`));
    const isTrue = [...DECISIONS, "Failed"].includes(type);
    const allowed = isTrue ? ["True"] : ["False", "True", "Unknown"];
    if (!status) causes.push(required(`${at}[${index}].status`));
    else if (!allowed.includes(status)) causes.push(notSupported(`${at}[${index}].status`, status, allowed));
    if (DECISIONS.some((other) => other !== type && DECISIONS.includes(type) && seen.has(other)))
      causes.push(invalidValue(at, type, "Approved and Denied conditions are mutually exclusive"));
    if (seen.has(type)) causes.push(duplicate(`${at}[${index}].type`, type));
    seen.add(type);
  }
  return causes;
}

function validateStep(
  object: KubernetesObject,
  previous: KubernetesObject,
  subresource: string,
): StatusCause[] {
  const at = "status.conditions";
  const causes: StatusCause[] = [];
  const of = ({ status }: KubernetesObject, type: string): Condition[] =>
    (status?.conditions ?? []).filter((condition: Condition) => condition.type === type);
  for (const type of [...DECISIONS, "Failed"])
    if (of(object, type).length < of(previous, type).length)
      causes.push(forbiddenField(at, `updates may not remove a condition of type "${type}"`));
  if (subresource !== "approval")
    for (const type of DECISIONS)
      if (of(object, type).length > of(previous, type).length)
        causes.push(forbiddenField(at, `updates may not add a condition of type "${type}"`));
  const [certificate, before] = [object.status?.certificate, previous.status?.certificate];
  if (!deepEqual(certificate, before)) {
    if (subresource !== "status")
      causes.push(forbiddenField("status.certificate", "updates may not set certificate content"));
    else if (before)
      causes.push(
        forbiddenField("status.certificate", "updates may not modify existing certificate content"),
      );
  }
  return causes;
}
