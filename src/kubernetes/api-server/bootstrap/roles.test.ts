import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRule } from "../authorize.ts";
import { clusterRoleBindings, clusterRoles, namespacedRoleBindings, namespacedRoles } from "./roles.ts";
import { rulesOf } from "./rule-text.ts";

test("rulesOf() reads rules of resources, of named ones, and of paths", () => {
  assert.deepEqual(
    rulesOf(["get list | core apps | pods deployments/scale", "sign | g | signers | a b", "get | /metrics"]),
    [
      { apiGroups: ["", "apps"], resources: ["pods", "deployments/scale"], verbs: ["get", "list"] },
      { apiGroups: ["g"], resources: ["signers"], resourceNames: ["a", "b"], verbs: ["sign"] },
      { nonResourceURLs: ["/metrics"], verbs: ["get"] },
    ],
  );
});

test("a new cluster's roles are named once, and every binding's role is there", () => {
  const name = ({ metadata }: { metadata: { namespace?: string; name: string } }) =>
    `${metadata.namespace ?? ""}/${metadata.name}`;
  const [roles, local] = [clusterRoles().map(name), namespacedRoles().map(name)];
  assert.deepEqual([roles.length, new Set(roles).size], [68, 68]);
  assert.deepEqual([local.length, new Set(local).size], [7, 7]);
  const bindings = [...clusterRoleBindings(), ...namespacedRoleBindings()];
  assert.equal(bindings.length, 49 + 7);
  for (const binding of bindings) {
    const { kind, name: role } = (binding as unknown as { roleRef: { kind: string; name: string } }).roleRef;
    const { namespace = "" } = binding.metadata;
    assert.ok(
      kind === "Role" ? local.includes(`${namespace}/${role}`) : roles.includes(`/${role}`),
      `${binding.metadata.name}: ${role}`,
    );
  }
});

test("the sums of roles have the rules of those that they are the sums of", () => {
  const rules = new Map(
    clusterRoles().map((role) => [role.metadata.name, (role as unknown as { rules: PolicyRule[] }).rules]),
  );
  const has = (sum: string, part: string) => {
    const texts = rules.get(sum)!.map((rule) => JSON.stringify(rule));
    for (const rule of rules.get(part)!) assert.ok(texts.includes(JSON.stringify(rule)), `${sum}: ${part}`);
  };
  for (const [sum, ...parts] of [
    ["admin", "system:aggregate-to-admin", "edit", "view"],
    ["edit", "system:aggregate-to-edit", "view"],
    ["view", "system:aggregate-to-view"],
  ])
    for (const part of parts) has(sum, part);
});
