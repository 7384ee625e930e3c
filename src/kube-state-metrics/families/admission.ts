/**
 * Families of certificate requests and admission policies (upstream `certificatesigningrequest.go`,
 * `mutatingadmissionpolicy.go` and its three siblings). The embedded API server has none of these kinds; another may.
 */
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  type Family,
  gauge,
  info,
  labelled,
  labelsFamily,
  one,
  unixTime,
} from "../family.ts";

const conditionCount = (conditions: { type: string }[] | undefined, type: string): number =>
  (conditions ?? []).filter((condition) => condition.type === type).length;

export const CERTIFICATE_SIGNING_REQUEST_FAMILIES: Family[] = [
  annotationsFamily("certificatesigningrequest"),
  labelsFamily("certificatesigningrequest"),
  createdFamily("certificatesigningrequest"),
  gauge(
    "kube_certificatesigningrequest_condition",
    "The number of each certificatesigningrequest condition",
    ({ status }) =>
      ["Approved", "Denied", "Failed"].map((type) =>
        labelled({ condition: type.toLowerCase() }, conditionCount(status?.conditions, type)),
      ),
  ),
  gauge("kube_certificatesigningrequest_cert_length", "Length of the issued cert", ({ status }) =>
    one(Buffer.from(status?.certificate ?? "", "base64").length),
  ),
];

const created = (kind: string): Family =>
  alphaGauge(`kube_${kind}_created`, "Unix creation timestamp.", ({ metadata }) =>
    unixTime(metadata.creationTimestamp),
  );

const policyFamilies = (kind: string, noun: string): Family[] => [
  alphaGauge(`kube_${kind}_info`, `Information about the ${noun}.`, ({ spec }) => [
    info({
      param_api_version: spec?.paramKind?.apiVersion,
      param_kind: spec?.paramKind?.kind,
      failure_policy: spec?.failurePolicy,
      ...(kind === "mutatingadmissionpolicy" && { reinvocation_policy: spec?.reinvocationPolicy }),
    }),
  ]),
  created(kind),
];

const policyBindingFamilies = (kind: string, noun: string): Family[] => [
  alphaGauge(`kube_${kind}_info`, `Information about the ${noun}.`, ({ spec }) => [
    info({
      policy_name: spec?.policyName,
      param_name: spec?.paramRef?.name,
      param_namespace: spec?.paramRef?.namespace,
      param_not_found_action: spec?.paramRef?.parameterNotFoundAction,
    }),
  ]),
  created(kind),
];

export const MUTATING_POLICY_FAMILIES = policyFamilies("mutatingadmissionpolicy", "MutatingAdmissionPolicy");
export const MUTATING_POLICY_BINDING_FAMILIES = policyBindingFamilies(
  "mutatingadmissionpolicybinding",
  "MutatingAdmissionPolicyBinding",
);
export const VALIDATING_POLICY_FAMILIES = policyFamilies(
  "validatingadmissionpolicy",
  "ValidatingAdmissionPolicy",
);
export const VALIDATING_POLICY_BINDING_FAMILIES: Family[] = [
  ...policyBindingFamilies("validatingadmissionpolicybinding", "ValidatingAdmissionPolicyBinding"),
  alphaGauge(
    "kube_validatingadmissionpolicybinding_validation_action",
    "Validation actions for the ValidatingAdmissionPolicyBinding.",
    ({ spec }) => (spec?.validationActions ?? []).map((action: string) => info({ action })),
  ),
];
