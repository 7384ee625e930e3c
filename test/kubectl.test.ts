/**
 * kubectl and helm against the API server: what they print and how they end is what they did with the same commands on
 * Kubernetes 1.35.0 (kube-apiserver, controllers, scheduler, kubelet with containerd), where addresses, ages, names of
 * nodes and what the programs in the containers print are not meant. `top` had nobody to ask there. Runs once for each version of kubectl on the PATH; `TOPOLOGY_KUBECTL` names one in their place,
 * `TOPOLOGY_HELM` the helm.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createKubectlWorld, type KubectlWorld, POD_ADDRESS } from "./kubectl-world.ts";

const HELM = process.env.TOPOLOGY_HELM ?? "helm";
const noHelm = spawnSync(HELM, ["version"]).status === 0 ? false : `${HELM} is not installed`;

interface Kubectl {
  path: string;
  /** `1.35` */
  version: string;
  minor: number;
}

/** One of each version, in the order of the PATH. */
function findKubectls(): Kubectl[] {
  const named = process.env.TOPOLOGY_KUBECTL;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = new Map<string, Kubectl>();
  for (const path of named ? [named] : folders.map((folder) => join(folder, "kubectl"))) {
    const { status, stdout } = spawnSync(path, ["version", "--client", "-o", "json"], { encoding: "utf8" });
    if (status !== 0) continue;
    const { major, minor } = JSON.parse(stdout).clientVersion;
    const version = `${major}.${minor}`;
    if (!found.has(version)) found.set(version, { path, version, minor: Number.parseInt(minor, 10) });
  }
  return [...found.values()];
}

const KUBECTLS = findKubectls();

const MANIFESTS: Record<string, string> = {
  "web.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
`,
  "db.yaml": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "postgres:17"}]}
`,
  "pod.yaml": `
apiVersion: v1
kind: Pod
metadata: {name: shell, labels: {app: shell}}
spec: {containers: [{name: c, image: "busybox:1"}]}
`,
  "budget.yaml": `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db}
spec: {minAvailable: 1, selector: {matchLabels: {app: db}}}
`,
};

/** A kind of its own, and an object of it. */
const CUSTOM: Record<string, string> = {
  "widgets.yaml": `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            properties: {size: {type: integer, maximum: 9}, colour: {type: string, default: red}}
`,
  "widget.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n",
};
Object.assign(MANIFESTS, CUSTOM);

/** The arguments, how it ends, what it prints (text: exactly, to standard output), and what it reads. */
type Step = [command: string, code: number, output: string | RegExp, stdin?: string];

/** Steps that kubectl before 1.27 does not know, or does with APIs and texts that are gone since. */
const RECENT_STEPS = [
  /^explain /,
  /^create -f -/,
  /^apply -f -/,
  /^apply --server-side --force-conflicts -f -/,
  /^patch .*nope/,
  /^create (token|cronjob|pdb) /,
  /^drain /,
  /^get pods --field-selector=spec.nodeName/,
  /^wait --for=delete/,
];

const typo = (from: string, to: string) => MANIFESTS["web.yaml"].split("---")[0].replace(from, to);

/** What kubectl before 1.27 refuses itself, by the API's OpenAPI definitions. */
const OLDER_STEPS: Step[] = [
  [
    "apply --server-side --force-conflicts -f -",
    1,
    'error: error validating "STDIN": error validating data: ValidationError(Deployment.spec): unknown field "replicaz" in io.k8s.api.apps.v1.DeploymentSpec; if you choose to ignore these errors, turn validation off with --validate=false\n',
    typo("replicas: 2", "replicaz: 2"),
  ],
];

const DB_OF_THREE = MANIFESTS["db.yaml"].replace("serviceName: db", "serviceName: db\n  replicas: 3");

const STEPS: Step[] = [
  ["version -o json", 0, /"gitVersion": "v1\.35\.0"/],
  ["get ns", 0, /^NAME +STATUS +AGE\ndefault +Active +\d+s\nkube-node-lease +Active/],
  ["api-resources --api-group=apps", 0, /statefulsets +sts +apps\/v1 +true +StatefulSet/],
  ["api-versions", 0, /apps\/v1\n[\s\S]*autoscaling\/v2\n[\s\S]*rbac\.authorization\.k8s\.io\/v1\n/],
  ["cluster-info", 0, /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:/],
  ["auth can-i create deployments", 0, "yes\n"],
  ["auth can-i list pods --as=nobody", 1, "no\n"],
  [
    "get pods --as=nobody",
    1,
    'Error from server (Forbidden): pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "default"\n',
  ],
  ["get pods", 0, /^No resources found in default namespace\.\n$/],
  ["get pods nope", 1, 'Error from server (NotFound): pods "nope" not found\n'],
  ["get nothing", 1, 'error: the server doesn\'t have a resource type "nothing"\n'],
  // Client-side apply.
  ["diff -f web.yaml", 1, /\+kind: Deployment/],
  [
    "apply -f web.yaml --dry-run=server",
    0,
    "deployment.apps/web created (server dry run)\nservice/web created (server dry run)\n",
  ],
  ["apply -f web.yaml", 0, "deployment.apps/web created\nservice/web created\n"],
  ["apply -f web.yaml", 0, "deployment.apps/web unchanged\nservice/web unchanged\n"],
  ["diff -f web.yaml", 0, ""],
  ["rollout status deployment/web --timeout=30s", 0, /deployment "web" successfully rolled out\n$/],
  ["get deployment web", 0, /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/],
  ["get deploy,svc -o name", 0, "deployment.apps/web\nservice/web\n"],
  [
    "get rs -o wide",
    0,
    /DESIRED +CURRENT +READY +AGE +CONTAINERS +IMAGES +SELECTOR\nweb-\w+ +2 +2 +2 +\d+s +web +nginx:1 +app=web,pod-template-hash=/,
  ],
  [
    "get pods -l app=web -o wide",
    0,
    /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE.*\nweb-\w+-\w+ +1\/1 +Running +0 +\d+s +127\.14\.0\.9 +node-a +<none> +<none>\n/,
  ],
  ["get pods -l app=nope -o name", 0, ""],
  [
    "get pods --field-selector=status.phase=Running -o jsonpath={.items[*].spec.nodeName}",
    0,
    "node-a node-a",
  ],
  ["get deployment web -o jsonpath={.spec.strategy.rollingUpdate.maxSurge}", 0, "25%"],
  [
    "get svc web -o custom-columns=NAME:.metadata.name,PORT:.spec.ports[0].targetPort",
    0,
    "NAME   PORT\nweb    80\n",
  ],
  ["get endpointslices -l kubernetes.io/service-name=web", 0, /web-\w+ +IPv4 +80 +127\.14\.0\.9/],
  [
    "describe deployment web",
    0,
    /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/,
  ],
  ["describe svc web", 0, /Endpoints: +127\.14\.0\.9:80/],
  ["explain deployment.spec.replicas", 0, /FIELD: replicas <integer>/],
  ["explain pod.spec.containers.livenessProbe", 0, /httpGet\s+<HTTPGetAction>/],
  // What Kubernetes rejects is rejected.
  [
    "create -f -",
    1,
    /Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec\.replicaz"/,
    typo("replicas: 2", "replicaz: 2"),
  ],
  [
    "apply -f -",
    1,
    /The request is invalid: patch: Invalid value: .*: strict decoding error: unknown field "spec\.template\.spec\.containers\[0\]\.imag"/,
    typo("image:", "imag:"),
  ],
  [
    "create -f -",
    1,
    /json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
    typo("replicas: 2", "replicas: two"),
  ],
  [
    "apply -f -",
    1,
    /The Deployment "web" is invalid: spec\.template\.metadata\.labels: Invalid value: \{"app":"other"\}: `selector` does not match template `labels`\n/,
    typo("    metadata: {labels: {app: web}}", "    metadata: {labels: {app: other}}"),
  ],
  [
    "apply -f -",
    1,
    'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n',
    typo("replicas: 2", "replicas: -1"),
  ],
  [
    "apply --server-side --force-conflicts -f -",
    1,
    "Error from server: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replicaz: field not declared in schema\n",
    typo("replicas: 2", "replicaz: 2"),
  ],
  ["create -f web.yaml", 1, /deployments\.apps "web" already exists/],
  [
    "create cm Bad_Name",
    1,
    /ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
  ],
  ["run x --image=x -n nowhere", 1, 'Error from server (NotFound): namespaces "nowhere" not found\n'],
  // Changes.
  ["scale deployment web --replicas=3", 0, "deployment.apps/web scaled\n"],
  ["rollout status deployment/web --timeout=30s", 0, /successfully rolled out/],
  ["set image deployment/web web=nginx:2", 0, "deployment.apps/web image updated\n"],
  ["rollout status deployment/web --timeout=60s", 0, /successfully rolled out/],
  ["rollout history deployment/web", 0, /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n/],
  ["rollout undo deployment/web", 0, "deployment.apps/web rolled back\n"],
  ["rollout status deployment/web --timeout=60s", 0, /successfully rolled out/],
  ["get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", 0, "nginx:1"],
  ["rollout restart deployment/web", 0, "deployment.apps/web restarted\n"],
  ["rollout status deployment/web --timeout=60s", 0, /successfully rolled out/],
  ["rollout pause deployment/web", 0, "deployment.apps/web paused\n"],
  ["rollout resume deployment/web", 0, "deployment.apps/web resumed\n"],
  ["label deployment web tier=front", 0, "deployment.apps/web labeled\n"],
  ["label deployment web tier=back", 1, /'tier' already has a value \(front\), and --overwrite is false/],
  ["annotate deployment web note=x", 0, "deployment.apps/web annotated\n"],
  ['patch deployment web -p {"spec":{"replicas":2}}', 0, "deployment.apps/web patched\n"],
  ['patch deployment web -p {"spec":{"replicas":2}}', 0, "deployment.apps/web patched (no change)\n"],
  [
    'patch deployment web --type=json -p [{"op":"replace","path":"/spec/replicas","value":1}]',
    0,
    "deployment.apps/web patched\n",
  ],
  [
    'patch deployment web --type=json -p [{"op":"remove","path":"/spec/nope"}]',
    1,
    /the server rejected our request due to an error in our request/,
  ],
  ["set env deployment/web A=1", 0, "deployment.apps/web env updated\n"],
  [
    "set resources deployment web --limits=cpu=200m",
    0,
    "deployment.apps/web resource requirements updated\n",
  ],
  ["expose deployment web --name=web2 --port=81", 0, "service/web2 exposed\n"],
  [
    "autoscale deployment web --min=1 --max=4 --cpu-percent=50",
    0,
    "horizontalpodautoscaler.autoscaling/web autoscaled\n",
  ],
  [
    "get hpa",
    0,
    /NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nweb +Deployment\/web +cpu: <unknown>\/50% +1 +4 +0/,
  ],
  // Server-side apply.
  ["apply --server-side -f db.yaml", 0, "statefulset.apps/db serverside-applied\n"],
  [
    "rollout status sts/db --timeout=30s",
    0,
    /statefulset rolling update complete|partitioned roll out complete|1 pods at revision/,
  ],
  ["scale sts db --replicas=2", 0, "statefulset.apps/db scaled\n"],
  ["wait --for=condition=Ready pod/db-1 --timeout=30s", 0, "pod/db-1 condition met\n"],
  ["get sts", 0, /NAME +READY +AGE\ndb +2\/2/],
  // Nobody had the replicas when they were scaled, so nobody has them now.
  ["apply --server-side -f -", 0, "statefulset.apps/db serverside-applied\n", DB_OF_THREE],
  ["scale sts db --replicas=2", 0, "statefulset.apps/db scaled\n"],
  [
    "apply --server-side -f -",
    1,
    /conflict with "kubectl" with subresource "scale" using apps\/v1.*: \.spec\.replicas/,
    DB_OF_THREE,
  ],
  ["diff --server-side -f db.yaml", 0, ""],
  // Typed creations, as protobuf from 1.32 on.
  ["create ns team", 0, "namespace/team created\n"],
  ["create cm settings --from-literal=a=1 -n team", 0, "configmap/settings created\n"],
  ["create secret generic s --from-literal=a=1 -n team", 0, "secret/s created\n"],
  ["create sa robot -n team", 0, "serviceaccount/robot created\n"],
  [
    "create role reader --verb=get,list --resource=pods -n team",
    0,
    "role.rbac.authorization.k8s.io/reader created\n",
  ],
  [
    "create rolebinding robot --role=reader --serviceaccount=team:robot -n team",
    0,
    "rolebinding.rbac.authorization.k8s.io/robot created\n",
  ],
  ["create token robot -n team", 0, /^ey[\w-]+\.[\w-]+\.[\w-]+\n?$/],
  ["create deployment other --image=x:1 -n team", 0, "deployment.apps/other created\n"],
  ["create job once --image=x:1 -n team", 0, "job.batch/once created\n"],
  ["create cronjob often --image=x:1 --schedule=*/5_*_*_*_* -n team", 0, "cronjob.batch/often created\n"],
  ["create quota q --hard=pods=5 -n team", 0, "resourcequota/q created\n"],
  ["create pdb p --selector=app=x --min-available=1 -n team", 0, "poddisruptionbudget.policy/p created\n"],
  ["get all -n team -o name", 0, /deployment\.apps\/other/],
  ["delete ns team", 0, 'namespace "team" deleted\n'],
  ["get ns team", 1, 'Error from server (NotFound): namespaces "team" not found\n'],
  // A pod to look into.
  ["apply -f pod.yaml", 0, "pod/shell created\n"],
  ["wait --for=condition=Ready pod/shell --timeout=30s", 0, "pod/shell condition met\n"],
  ["logs shell --tail=2", 0, "line 1 of c in shell\nline 2 of c in shell\n"],
  ["logs -f shell", 0, /line 3 of c in shell\n$/],
  ["logs shell -c nope", 1, /container nope is not valid for pod shell\n/],
  ["logs deployment/web --tail=1", 0, /line 1 of web in web-/],
  ["exec shell -- echo hello", 0, "hello\n"],
  ["exec -i shell -- cat", 0, "through\n", "through\n"],
  ["exec shell -- sh -c exit_3", 127, /command terminated with exit code 127\n/],
  ["exec nope -- ls", 1, 'Error from server (NotFound): pods "nope" not found\n'],
  ["attach -i shell", 0, /through/, "through\n"],
  ["top pods", 0, /^NAME +CPU\(cores\) +MEMORY\(bytes\) *\nshell +250m +50Mi *\n$/],
  ["top nodes node-a", 0, /node-a +1000m +25% +1024Mi +12% *\n$/],
  // Nodes.
  ["cordon node-a", 0, "node/node-a cordoned\n"],
  ["get nodes", 0, /node-a +Ready,SchedulingDisabled +<none> +[\dms]+ +v1\.35\.0\nnode-b +Ready +<none>/],
  ["apply -f budget.yaml", 0, "poddisruptionbudget.policy/db created\n"],
  [
    "drain node-a --force --ignore-daemonsets --timeout=60s",
    0,
    /pod\/db-1 evicted\n[\s\S]*node\/node-a drained\n/,
  ],
  ["get pods --field-selector=spec.nodeName=node-a -o name", 0, ""],
  ["uncordon node-a", 0, "node/node-a uncordoned\n"],
  ["taint nodes node-a a=b:NoSchedule", 0, "node/node-a tainted\n"],
  // Owners and what they own.
  ["create deployment fg --image=x:1", 0, "deployment.apps/fg created\n"],
  ["rollout status deployment/fg --timeout=30s", 0, /successfully rolled out/],
  ["delete deployment fg --cascade=foreground --timeout=30s", 0, /deployment\.apps "fg" deleted/],
  ["get rs,pods -l app=fg -o name", 0, ""],
  ["delete pod db-0 --dry-run=server", 0, /pod "db-0" deleted.*\(server dry run\)/],
  ["delete pod db-1 --now", 0, /pod "db-1" deleted/],
  // A kind of its own; what a client applied before is applied by the server; what is held can't be held more.
  ["apply -f widgets.yaml", 0, "customresourcedefinition.apiextensions.k8s.io/widgets.example.com created\n"],
  [
    "wait --for=condition=Established crd/widgets.example.com --timeout=20s",
    0,
    "customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met\n",
  ],
  ["apply -f widget.yaml", 0, "widget.example.com/w created\n"],
  ["get wd", 0, /^NAME +SIZE *\nw +3 *\n$/],
  [
    'patch wd w --type=merge -p {"spec":{"size":10}}',
    1,
    'The Widget "w" is invalid: spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9\n',
  ],
  ["apply --server-side -f widget.yaml", 0, "widget.example.com/w serverside-applied\n"],
  ["get wd w -o jsonpath={.spec}", 0, '{"colour":"red","size":3}'],
  ["get crd widgets.example.com -o jsonpath={.metadata.finalizers}", 0, ""],
  [
    "get apiservices v1.apps v1.example.com",
    0,
    /^NAME +SERVICE +AVAILABLE +AGE\nv1\.apps +Local +True +\w+\nv1\.example\.com +Local +True +\w+\n$/,
  ],
  ["delete crd widgets.example.com", 0, /"widgets\.example\.com" deleted\n/],
  ["create cm held", 0, "configmap/held created\n"],
  [
    'patch cm held --type=merge -p {"metadata":{"finalizers":["example.com/hold"]}}',
    0,
    "configmap/held patched\n",
  ],
  ["delete cm held --wait=false", 0, /"held" deleted/],
  [
    'patch cm held --type=merge -p {"metadata":{"finalizers":["example.com/hold","example.com/new"]}}',
    1,
    /^The ConfigMap "held" is invalid: metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \[\]string{"example\.com\/new"}\n$/,
  ],
  ['patch cm held --type=merge -p {"metadata":{"finalizers":null}}', 0, "configmap/held patched\n"],
  ["get cm held", 1, 'Error from server (NotFound): configmaps "held" not found\n'],
  [
    "get --raw /apis/apps/v1/namespaces/default/deployments/web/scale --as=nobody",
    1,
    'Error from server (Forbidden): deployments.apps "web" is forbidden: User "nobody" cannot get resource "deployments/scale" in API group "apps" in the namespace "default"\n',
  ],
  // The end.
  ["get events", 0, /./],
  ["get --raw /readyz", 0, "ok"],
  ["delete -f web.yaml", 0, /deployment\.apps "web" deleted.*\nservice "web" deleted.*\n$/],
  ["delete sts db --cascade=orphan", 0, /statefulset\.apps "db" deleted/],
  ["get pod db-0 -o name", 0, "pod/db-0\n"],
  ["delete pods --all --wait=false", 0, /pod "db-0" deleted/],
  ["wait --for=delete pod/db-0 --timeout=30s", 0, /^(pod\/db-0 condition met\n)?$/],
];

if (KUBECTLS.length === 0) test("kubectl", { skip: "kubectl is not installed" }, () => {});
for (const { path: KUBECTL, version, minor } of KUBECTLS)
  describe(`kubectl ${version}`, () => kubectlSuite(KUBECTL, minor));

function kubectlSuite(KUBECTL: string, minor: number): void {
  let world: KubectlWorld;
  const kubectl = (args: string[], stdin?: string | Uint8Array, environment?: Record<string, string>) =>
    world.run(KUBECTL, args, stdin, environment);

  before(async () => {
    world = await createKubectlWorld();
    for (const [name, text] of Object.entries(MANIFESTS)) await writeFile(join(world.directory, name), text);
  });
  after(() => world?.close());

  test(`${STEPS.length} commands print and end as on a real cluster`, async () => {
    const failures: string[] = [];
    const isRecent = minor >= 27;
    const older = STEPS.filter(([command]) => !RECENT_STEPS.some((pattern) => pattern.test(command)));
    for (const [command, code, output, stdin] of isRecent ? STEPS : [...older, ...OLDER_STEPS]) {
      // Blanks separate arguments; `_` stands for one within an argument of cron.
      const args = command
        .split(" ")
        .map((each) => (each.startsWith("--schedule") ? each.replaceAll("_", " ") : each));
      const outcome = await kubectl(args, stdin);
      const printed =
        typeof output === "string" && code === 0 ? outcome.stdout : outcome.stdout + outcome.stderr;
      const isGood =
        outcome.code === code && (typeof output === "string" ? printed === output : output.test(printed));
      if (!isGood)
        failures.push(`kubectl ${command}: ${JSON.stringify(outcome)}\n  wanted ${code}, ${output}`);
    }
    assert.equal(failures.length, 0, failures.join("\n"));
  });

  test("exec carries three megabytes both ways, and cp copies files, over WebSocket and SPDY", async () => {
    await kubectl(["apply", "-f", "pod.yaml"]);
    await kubectl(["wait", "--for=condition=Ready", "pod/shell", "--timeout=30s"]);
    const blob = Buffer.alloc(3_000_000, (Math.PI * 1e15).toString(36));
    const digest = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
    await writeFile(join(world.directory, "blob"), blob);
    for (const websockets of ["true", "false"]) {
      const environment = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets };
      const sum = await kubectl(["exec", "-i", "shell", "--", "md5sum"], blob, environment);
      assert.equal(sum.stdout.split(" ")[0], digest(blob), sum.stderr);
      const copy = join(world.directory, `copy-${websockets}`);
      const there = await kubectl(["cp", "blob", `shell:${copy}`], undefined, environment);
      assert.equal(there.code, 0, there.stderr);
      assert.equal(digest(await readFile(copy)), digest(blob));
      const back = await kubectl(["cp", `shell:${copy}`, `back-${websockets}`], undefined, environment);
      assert.equal(back.code, 0, back.stderr);
      assert.equal(digest(await readFile(join(world.directory, `back-${websockets}`))), digest(blob));
      const failed = await kubectl(
        ["exec", "shell", "--", "sh", "-c", "echo err >&2; exit 3"],
        undefined,
        environment,
      );
      assert.deepEqual([failed.code, failed.stderr], [3, "err\ncommand terminated with exit code 3\n"]);
    }
  });

  test("port-forward carries eight connections at a time, over a tunnel and over SPDY", async () => {
    await kubectl(["apply", "-f", "pod.yaml"]);
    await kubectl(["wait", "--for=condition=Ready", "pod/shell", "--timeout=30s"]);
    const web = createServer((request, response) => response.end(`${request.url} ${"x".repeat(100_000)}`));
    await new Promise<void>((resolve) => web.listen(0, POD_ADDRESS, resolve));
    const { port } = web.address() as { port: number };
    try {
      for (const websockets of ["true", "false"]) {
        const env = {
          PATH: process.env.PATH ?? "",
          HOME: world.directory,
          KUBECONFIG: join(world.directory, "kubeconfig"),
          KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets,
        };
        const forward = spawn(KUBECTL, ["port-forward", "shell", `:${port}`], { env });
        const line = await new Promise<string>((resolve, reject) => {
          forward.stdout.once("data", (chunk) => resolve(String(chunk)));
          forward.once("exit", () => reject(new Error("port-forward ended")));
        });
        const local = /127\.0\.0\.1:(\d+)/.exec(line)![1];
        const answers = await Promise.all(
          Array.from({ length: 8 }, async (_, i) => (await fetch(`http://127.0.0.1:${local}/${i}`)).text()),
        );
        for (const [i, answer] of answers.entries()) assert.equal(answer, `/${i} ${"x".repeat(100_000)}`);
        const ended = new Promise((resolve) => forward.once("exit", resolve));
        forward.kill();
        await ended;
      }
    } finally {
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    }
  });

  test("apply -k of the whole topology changes nothing the second time", async () => {
    const topology = join(import.meta.dirname, "../k8s/test-topology");
    const files = ["-f", join(topology, "embedded/keda.yaml")];
    const definitions = await kubectl(["apply", ...files]);
    assert.equal(definitions.code, 0, definitions.stderr);
    const first = await kubectl(["apply", "-k", topology]);
    assert.equal(first.code, 0, first.stderr);
    for (const args of [files, ["-k", topology]]) {
      const second = await kubectl(["apply", ...args]);
      const changed = second.stdout.split("\n").filter((line) => line !== "" && !line.endsWith(" unchanged"));
      assert.deepEqual([second.code, changed, second.stderr], [0, [], ""]);
    }
  });

  // helm is no kubectl: once is enough.
  const skipHelm = KUBECTL === KUBECTLS[0].path ? noHelm : "with the first kubectl";
  test("helm installs, upgrades, rolls back and uninstalls a chart", { skip: skipHelm }, async () => {
    const chart = join(world.directory, "chart");
    await mkdir(join(chart, "templates"), { recursive: true });
    await writeFile(join(chart, "Chart.yaml"), "apiVersion: v2\nname: demo\nversion: 0.1.0\n");
    await writeFile(join(chart, "values.yaml"), "color: red\n");
    const template =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: demo}\ndata: {color: {{ .Values.color }}}\n---\n" +
      MANIFESTS["db.yaml"].replaceAll("db", "demo-db");
    await writeFile(join(chart, "templates", "all.yaml"), template);
    const helm = (...args: string[]) => world.run(HELM, args);
    const color = async () => (await kubectl(["get", "cm", "demo", "-o", "jsonpath={.data.color}"])).stdout;
    const installed = await helm("install", "demo", chart, "--wait", "--timeout", "60s");
    assert.equal(installed.code, 0, installed.stderr);
    assert.equal(await color(), "red");
    const upgraded = await helm("upgrade", "demo", chart, "--set", "color=blue");
    assert.equal(upgraded.code, 0, upgraded.stderr);
    assert.equal(await color(), "blue");
    const rolledBack = await helm("rollback", "demo", "1");
    assert.equal(rolledBack.code, 0, rolledBack.stderr);
    assert.equal(await color(), "red");
    assert.match((await helm("history", "demo")).stdout, /3\s.*deployed/);
    assert.match((await helm("uninstall", "demo")).stdout, /release "demo" uninstalled/);
    assert.equal((await kubectl(["get", "cm", "demo"])).code, 1);
  });
}
