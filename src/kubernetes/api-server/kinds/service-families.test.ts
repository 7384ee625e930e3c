import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { setIpFamilies } from "./service-families.ts";

// biome-ignore lint/suspicious/noExplicitAny: the spec of a Service
function filled(spec: any, previous?: any): any {
  const service = { metadata: { name: "s" }, spec } as KubernetesObject;
  setIpFamilies(service, previous);
  const { ipFamilies, ipFamilyPolicy } = service.spec;
  return [ipFamilies, ipFamilyPolicy];
}

test("setIpFamilies() fills in the cluster's family", () => {
  assert.deepEqual(filled({ selector: { a: "b" } }), [["IPv4"], "SingleStack"]);
  assert.deepEqual(filled({ clusterIP: "None", clusterIPs: ["None"], selector: { a: "b" } }), [
    ["IPv4"],
    "SingleStack",
  ]);
  // Endpoints that someone else makes may be of either family.
  assert.deepEqual(filled({ clusterIP: "None", clusterIPs: ["None"] }), [
    ["IPv4", "IPv6"],
    "RequireDualStack",
  ]);
  assert.deepEqual(filled({ ipFamilyPolicy: "PreferDualStack", selector: { a: "b" } }), [
    ["IPv4"],
    "PreferDualStack",
  ]);
  assert.deepEqual(filled({}, { ipFamilies: ["IPv4"], ipFamilyPolicy: "PreferDualStack" }), [
    ["IPv4"],
    "PreferDualStack",
  ]);
});

test("setIpFamilies() refuses what one family can't give", () => {
  const refused = (spec: object, text: RegExp) => assert.throws(() => filled(spec), text);
  refused({ ipFamilyPolicy: "RequireDualStack" }, /this cluster is not configured for dual-stack services/);
  refused(
    { ipFamilies: ["IPv6"] },
    /spec\.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/,
  );
  refused({ ipFamilies: ["IPv4", "IPv6"] }, /when multiple IP families are specified/);
  const addresses = (...clusterIPs: string[]) => ({ clusterIP: clusterIPs[0], clusterIPs });
  refused(addresses("fd00::1"), /IPv6 is not configured on this cluster/);
  refused(addresses("None", "10.0.0.1"), /'None' must be the first and only value/);
  refused(addresses("10.0.0.1", "10.0.0.2"), /may specify no more than one IP for each IP family/);
  refused(
    { ...addresses("10.0.0.1"), ipFamilies: ["IPv6"] },
    /expected an IPv6 value as indicated by `ipFamilies\[0\]`/,
  );
  refused({ clusterIPs: ["10.0.0.1"] }, /must be empty when `clusterIP` is not specified/);
});
