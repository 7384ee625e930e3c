/** The hashes were printed by kube-controller-manager 1.35 for the same templates. */
import assert from "node:assert/strict";
import test from "node:test";
import type { PodTemplate } from "../../types.ts";
import { canonicalJson } from "../controller.ts";
import { dumpGoStruct } from "./go-struct-dump.ts";
import { podTemplateHash, revisionDataHash, safeEncode } from "./pod-template-hash.ts";

const template = (app: string, image: string, metadata: object = {}): PodTemplate =>
  ({
    metadata: { labels: { app }, ...metadata },
    spec: {
      containers: [
        {
          name: app,
          image,
          imagePullPolicy: "IfNotPresent",
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      dnsPolicy: "ClusterFirst",
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      terminationGracePeriodSeconds: 3,
    },
  }) as PodTemplate;
const restarted = { annotations: { "kubectl.kubernetes.io/restartedAt": "2026-11-29T11:04:27Z" } };

test("a template's hash is upstream's", () => {
  const hash = (made: PodTemplate) => safeEncode(podTemplateHash(made, undefined));
  assert.equal(hash(template("agent", "busybox:1")), "d5455b77b");
  assert.equal(hash(template("agent", "busybox:2")), "57f79bdb6c");
  assert.equal(hash(template("agent", "busybox:1", restarted)), "5bd8f4c965");
  const web = template("web", "nginx:1");
  Object.assign(web.spec.containers[0], {
    ports: [{ containerPort: 80, protocol: "TCP" }],
    resources: { requests: { cpu: "10m", memory: "10Mi" } },
  });
  assert.equal(hash(web), "6fb8d554bb");
});

test("a count of collisions makes another hash, zero too", () => {
  const agent = template("agent", "busybox:1");
  assert.equal(safeEncode(podTemplateHash(agent, 0)), "7d7f9b68d4");
});

test("the hash of a StatefulSet's revision is upstream's", () => {
  const hash = (made: PodTemplate) =>
    safeEncode(revisionDataHash(canonicalJson({ spec: { template: { ...made, $patch: "replace" } } }), 0));
  assert.equal(hash(template("db", "postgres:17")), "64f87c6d86");
  assert.equal(hash(template("db", "postgres:18")), "548c949ccf");
  assert.equal(hash(template("db", "postgres:17", restarted)), "7698b7489d");
});

test("quantities keep the text that is sure to be canonical; large ones are counted in billionths", () => {
  const dumpOf = (cpu: string) => dumpGoStruct("ResourceRequirements", { limits: { cpu } });
  const amount = (value: string, scale: number, text: string, format: string) =>
    `cpu:{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} ` +
    `d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${text} Format:(resource.Format)${format}}`;
  assert.ok(dumpOf("500m").includes(amount("500", -3, "500m", "DecimalSI")));
  assert.ok(dumpOf("0").includes(amount("0", 0, "0", "DecimalSI")));
  assert.ok(dumpOf("1Gi").includes(amount("1073741824", 0, "1Gi", "BinarySI")));
  assert.ok(dumpOf("8Gi").includes(amount("8589934592", 0, "", "BinarySI")));
  assert.ok(dumpOf("-1").includes(amount("-1", 0, "-1", "DecimalSI")));
  assert.ok(dumpOf("2Pi").includes("{Dec:(*inf.Dec){unscaled:(big.Int){neg:(bool)false abs:(big.nat)["));
});
