/** What adds to the API: definitions, API services and webhooks. Defaults and checks. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { validateDefinition } from "../custom/definition-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault } from "./pod-defaults.ts";

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
};

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
};

interface Webhook {
  clientConfig?: { service?: object };
  rules?: object[];
}
