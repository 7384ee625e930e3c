import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { publishAuthority } from "./webhook-authority.ts";

test("publishAuthority() puts the certificate into each webhook, and leaves a cluster without any alone", async () => {
  const api = createMemoryCluster(new VirtualClock());
  await publishAuthority(api, "keda-admission", "PEM");
  const webhook = (name: string) => ({
    name,
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    clientConfig: { service: { namespace: "keda", name: "keda-admission-webhooks" } },
  });
  await api.create(RESOURCES.validatingWebhookConfigurations, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "keda-admission" },
    webhooks: [webhook("a.kb.io"), webhook("b.kb.io")],
  } as KubernetesObject);
  for (const authority of ["first", "second"]) {
    await publishAuthority(api, "keda-admission", authority);
    const configuration = await api.get<KubernetesObject & { webhooks: ReturnType<typeof webhook>[] }>(
      RESOURCES.validatingWebhookConfigurations,
      { name: "keda-admission" },
    );
    const bundles = configuration.webhooks.map(
      ({ clientConfig }) => (clientConfig as { caBundle?: string }).caBundle,
    );
    const wanted = Buffer.from(authority).toString("base64");
    assert.deepEqual(bundles, [wanted, wanted]);
  }
});
