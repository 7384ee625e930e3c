import assert from "node:assert/strict";
import { test } from "node:test";
import { goJson } from "../go-json.ts";
import { goStruct, sameStruct } from "./go-struct.ts";
import { validatePodUpdate } from "./pod-update-validation.ts";

const pod = (changes: object = {}) => ({
  containers: [{ name: "c", image: "i:1" }],
  restartPolicy: "Always",
  securityContext: {},
  ...changes,
});
const texts = (now: object, before: object = pod()) =>
  validatePodUpdate(now, before).map(({ field, message }) => `${field}: ${message}`);

test("validatePodUpdate() lets images, tolerations and deadlines change", () => {
  assert.deepEqual(
    texts(
      pod({
        containers: [{ name: "c", image: "i:2" }],
        activeDeadlineSeconds: 5,
        tolerations: [{ key: "a" }],
      }),
    ),
    [],
  );
  assert.deepEqual(
    texts(pod({ terminationGracePeriodSeconds: 1 }), pod({ terminationGracePeriodSeconds: -1 })),
    [],
  );
});

test("validatePodUpdate() shows what else has changed as Go holds it", () => {
  const [text] = texts(pod({ hostNetwork: true, nodeName: "n" }));
  assert.match(text, /^spec: Forbidden: pod updates may not change fields other than /);
  assert.match(text, /\n- "NodeName": "",\n\+ "NodeName": "n",\n/);
  assert.match(text, /\n {2}"SecurityContext": \{\n- {2}"HostNetwork": false,\n\+ {2}"HostNetwork": true,\n/);
  assert.ok(text.endsWith(",\n"));
});

test("validatePodUpdate() refuses images that are blank or padded, and other containers", () => {
  assert.deepEqual(texts(pod({ containers: [{ name: "c", image: "" }] })), [
    "spec.containers[0].image: Required value",
  ]);
  assert.deepEqual(texts(pod({ containers: [{ name: "c", image: " i" }] })), [
    'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
  ]);
  assert.deepEqual(texts(pod({ containers: [] })), [
    "spec.containers: Forbidden: pod updates may not add or remove containers",
  ]);
});

test("validatePodUpdate() lets a gated pod be narrowed down, not widened", () => {
  const affinity = (...values: string[][]) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: values.map((each) => ({ key: "z", operator: "In", values: each })) },
        ],
      },
    },
  });
  const gates = { schedulingGates: [{ name: "a.b/c" }] };
  const before = pod({ ...gates, nodeSelector: { a: "b" }, affinity: affinity(["1"]) });
  assert.deepEqual(
    texts(pod({ ...gates, nodeSelector: { a: "b", c: "d" }, affinity: affinity(["1"], ["2"]) }), before),
    [],
  );
  const [selector, term] = texts(
    pod({ ...gates, nodeSelector: { c: "d" }, affinity: affinity(["2"]) }),
    before,
  );
  assert.equal(
    selector,
    'spec.nodeSelector: Invalid value: {"c":"d"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
  );
  assert.match(
    term,
    /nodeSelectorTerms\[0\]: Invalid value: \{"MatchExpressions":\[\{"Key":"z","Operator":"In"/,
  );
  const [spec] = texts(pod({ nodeSelector: { a: "b" } }), pod());
  assert.match(spec, /^spec: Forbidden/);
});

test("goStruct() writes a template's metadata as it is served, and absent lists as null", () => {
  const template = { metadata: { labels: { b: "1", a: "2" } }, spec: pod({ hostPID: true }) };
  const text = goJson(goStruct("core.PodTemplateSpec", template));
  assert.match(
    text,
    /^\{"labels":\{"a":"2","b":"1"\},"Spec":\{"Volumes":null,"InitContainers":null,"Containers":\[\{"Name":"c"/,
  );
  assert.match(text, /"SecurityContext":\{"HostNetwork":false,"HostPID":true,/);
});

test("sameStruct() takes an empty list for none", () => {
  assert.ok(sameStruct({ A: [], B: null }, { A: null, B: {} }));
  assert.ok(!sameStruct({ A: [1] }, { A: [] }));
});
