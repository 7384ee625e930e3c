/** What adds to the API: definitions, API services and webhooks. Defaults and checks. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblem } from "../../../model/label-selector.ts";
import { validateDefinition } from "../custom/definition-validation.ts";
import { invalidValue, required } from "../field-error.ts";
import { validatePolicy, validatePolicyBinding } from "./admission-policy-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault } from "./pod-defaults.ts";
import { validateWebhooks } from "./webhook-validation.ts";

const HTTPS_PORT = 443;

export const definitionStrategy: KindStrategy = {
  prepareForCreate(definition) {
    const storage = (definition.spec?.versions ?? []).find(({ storage }: { storage?: boolean }) => storage);
    definition.status = {
      acceptedNames: { plural: "", kind: "" },
      storedVersions: storage === undefined ? [] : [storage.name],
    };
  },
  setDefaults({ spec }) {
    if (spec === undefined) return;
    const { names } = spec;
    if (names !== undefined) {
      setDefault(names, "singular", String(names.kind).toLowerCase());
      setDefault(names, "listKind", `${names.kind}List`);
    }
    setDefault(spec, "conversion", { strategy: "None" });
  },
  validate: validateDefinition,
};

export const apiServiceStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec?.service !== undefined) setDefault(spec.service, "port", HTTPS_PORT);
  },
  validate: validateApiService,
};

/** `kube-aggregator/pkg/apis/apiregistration/validation`. */
function validateApiService({ metadata, spec = {} }: KubernetesObject): StatusCause[] {
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0, service } = spec;
  const causes: StatusCause[] = [];
  const wanted = `${version}.${group}`;
  if (metadata.name !== wanted)
    causes.push(
      invalidValue(
        "metadata.name",
        metadata.name,
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`,
      ),
    );
  if (group === "" && version !== "v1")
    causes.push(required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
  const problem = dns1035LabelProblem(version);
  if (problem !== undefined) causes.push(invalidValue("spec.version", version, problem));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000)
    causes.push(
      invalidValue("spec.groupPriorityMinimum", groupPriorityMinimum, "must be positive and less than 20000"),
    );
  if (versionPriority <= 0 || versionPriority > 1_000)
    causes.push(invalidValue("spec.versionPriority", versionPriority, "must be positive and less than 1000"));
  if (service === undefined) return causes;
  if (!service.namespace) causes.push(required("spec.service.namespace"));
  if (!service.name) causes.push(required("spec.service.name"));
  return causes;
}

export const webhookConfigurationStrategy: KindStrategy = {
  setDefaults(object) {
    const { webhooks, kind } = object as KubernetesObject & { webhooks?: Webhook[] };
    for (const webhook of webhooks ?? []) {
      setDefault(webhook, "failurePolicy", "Fail");
      setDefault(webhook, "matchPolicy", "Equivalent");
      setDefault(webhook, "namespaceSelector", {});
      setDefault(webhook, "objectSelector", {});
      setDefault(webhook, "timeoutSeconds", 10);
      if (kind === "MutatingWebhookConfiguration") setDefault(webhook, "reinvocationPolicy", "Never");
      if (webhook.clientConfig?.service) setDefault(webhook.clientConfig.service, "port", HTTPS_PORT);
      for (const rule of webhook.rules ?? []) setDefault(rule, "scope", "*");
    }
  },
  validate: validateWebhooks,
};

interface Match {
  resourceRules?: object[];
  excludeResourceRules?: object[];
}

function setMatchDefaults(match: Match | undefined): void {
  if (match === undefined) return;
  setDefault(match, "matchPolicy", "Equivalent");
  setDefault(match, "namespaceSelector", {});
  setDefault(match, "objectSelector", {});
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])])
    setDefault(rule, "scope", "*");
}

export const admissionPolicyStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "failurePolicy", "Fail");
    setMatchDefaults(spec.matchConstraints);
  },
  validate: validatePolicy,
};

export const admissionPolicyBindingStrategy: KindStrategy = {
  setDefaults: ({ spec }) => setMatchDefaults(spec?.matchResources),
  validate: validatePolicyBinding,
};

interface Webhook {
  clientConfig?: { service?: object };
  rules?: object[];
}
