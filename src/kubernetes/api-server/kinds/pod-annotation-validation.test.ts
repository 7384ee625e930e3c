import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { validatePodAnnotations, validateProfilesAgree } from "./pod-annotation-validation.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { validateWholeResources } from "./pod-resource-validation.ts";

const pod = (annotations: Record<string, string>, spec: object = {}) =>
  ({
    metadata: { name: "p", annotations },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  }) as unknown as KubernetesObject;
const texts = (causes: { field?: string; message?: string }[]) =>
  causes.map(({ field, message }) => `${field}: ${message}`);

test("validatePodAnnotations() reads costs, profiles and mirrors", () => {
  const cost = "controller.kubernetes.io/pod-deletion-cost";
  for (const right of ["0", "-5", "2147483647"])
    assert.deepEqual(validatePodAnnotations(pod({ [cost]: right })), [], right);
  for (const wrong of ["", "+1", "01", "x", "2147483648"])
    assert.match(
      texts(validatePodAnnotations(pod({ [cost]: wrong })))[0],
      /pod-deletion-cost\]: .*must be a 32bit integer$/,
      wrong,
    );
  const seccomp = "seccomp.security.alpha.kubernetes.io/pod";
  for (const right of ["runtime/default", "docker/default", "unconfined", "localhost/a/b"])
    assert.deepEqual(validatePodAnnotations(pod({ [seccomp]: right })), [], right);
  for (const wrong of ["x", "localhost/../a", "localhost//a"])
    assert.equal(validatePodAnnotations(pod({ [seccomp]: wrong })).length, 1, wrong);
  const armour = (name: string) => `container.apparmor.security.beta.kubernetes.io/${name}`;
  assert.deepEqual(validatePodAnnotations(pod({ [armour("c")]: "localhost/x" })), []);
  assert.match(texts(validatePodAnnotations(pod({ [armour("d")]: "" })))[0], /"d": container not found$/);
  assert.match(
    texts(validatePodAnnotations(pod({ [armour("c")]: "x" })))[0],
    /invalid AppArmor profile name: "x"$/,
  );
  const mirror = { "kubernetes.io/config.mirror": "m" };
  assert.equal(validatePodAnnotations(pod(mirror)).length, 1);
  assert.deepEqual(validatePodAnnotations(pod(mirror, { nodeName: "n" })), []);
});

test("validateProfilesAgree() wants annotations and fields to say the same", () => {
  const key = "container.seccomp.security.alpha.kubernetes.io/c";
  const with_ = (annotation: string, seccompProfile: object) =>
    texts(
      validateProfilesAgree(
        pod({ [key]: annotation }, { containers: [{ name: "c", securityContext: { seccompProfile } }] }),
      ),
    );
  assert.deepEqual(with_("docker/default", { type: "RuntimeDefault" }), []);
  assert.deepEqual(with_("localhost/a", { type: "Localhost", localhostProfile: "a" }), []);
  assert.deepEqual(with_("unconfined", { type: "RuntimeDefault" }), [
    "spec.containers[0].securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
  ]);
  assert.match(
    with_("localhost/b", { type: "Localhost", localhostProfile: "a" })[0],
    /localhostProfile: Forbidden: seccomp profile/,
  );
});

test("a pod with requests of its own asks for what its containers do, and bounds them", () => {
  const containers = [
    { name: "a", image: "i", resources: { requests: { cpu: "100m" }, limits: { cpu: "3" } } },
    { name: "b", image: "i", resources: { requests: { cpu: "200m", memory: "1Gi" } } },
  ];
  const whole = pod({}, { containers, resources: { limits: { cpu: "1", memory: "2Gi" } } });
  setPodDefaults(whole);
  assert.deepEqual(whole.spec.resources.requests, { cpu: "300m", memory: "1Gi" });
  assert.deepEqual(texts(validateWholeResources(whole.spec, "spec.resources")), [
    'spec.resources.containers[0][cpu].limits: Invalid value: "3": must be less than or equal to pod limits of 1',
  ]);
  const small = { containers, resources: { requests: { cpu: "250m", storage: "1" } } };
  assert.deepEqual(texts(validateWholeResources(small, "spec.resources")), [
    'spec.resources.requests[storage]: Unsupported value: "storage": supported values: "cpu", "hugepages-", "memory"',
    'spec.resources.requests[cpu]: Invalid value: "250m": must be greater than or equal to aggregate container requests of 300m',
  ]);
});
