/** From a container of a pod to the process that stands for it: command, environment, folders. */
import { basename, dirname } from "node:path";
import type { Disk } from "../../base/disk.ts";
import { createPathMap, POD_VARIABLE, type PodEnvironment } from "../../base/pod/pod-environment.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { CLUSTER_DOMAIN } from "../network/cluster-names.ts";
import type { Container, Pod } from "../types.ts";
import { mapArguments } from "./container-command.ts";
import { ContainerConfigError, expand } from "./container-environment.ts";
import type { RunSpec } from "./container-runtime.ts";
import type { CatalogueImage } from "./image-catalogue.ts";

/** What is the same for all containers of a cluster. */
export interface Surroundings {
  /** The cluster's name server. */
  dns: { host: string; port: number };
  /** See `PodEnvironment`. */
  portDirectory?: string;
  heartbeatPath: string;
  /** Programs end when the control plane has been gone for so long. */
  heartbeatLimitMs: number;
  /** Where `curl`, `nc` and the like are that know of pods; first on every container's PATH. */
  toolDirectory: string;
  /** The machine's PATH. */
  path: string;
  /** `src/base/pod/preload.ts`. */
  preloadPath: string;
  /** Folders of programs, which containers may read: the project's. */
  hostDirectories: string[];
  compileCacheDirectory: string;
}

export interface RunSpecInput {
  pod: Pod;
  podIp: string;
  container: Container;
  image: CatalogueImage;
  /** As `containerEnvironment` gives it. */
  env: Record<string, string>;
  /** Folder of each volume by name. */
  volumes: ReadonlyMap<string, string>;
  podDirectory: string;
  runDirectory: string;
  surroundings: Surroundings;
}

/** Makes the container's folders and answers how to start it. @throws ContainerConfigError */
export async function prepareRun(disk: Disk, input: RunSpecInput): Promise<RunSpec> {
  const { pod, container, image, runDirectory, surroundings } = input;
  const rootDirectory = `${runDirectory}/root`;
  await disk.makeDirectory(`${rootDirectory}/tmp`);
  const environment: PodEnvironment = {
    ip: input.podIp,
    hostname: hostnameOf(pod),
    dns: surroundings.dns,
    portDirectory: surroundings.portDirectory,
    ...searchOf(pod),
    hosts: hostsOf(pod),
    mounts: await mountsOf(disk, input),
    rootDirectory,
    hostDirectories: [
      input.podDirectory,
      ...surroundings.hostDirectories,
      ...(surroundings.portDirectory === undefined ? [] : [surroundings.portDirectory]),
    ],
    heartbeatPath: surroundings.heartbeatPath,
    heartbeatLimitMs: surroundings.heartbeatLimitMs,
  };
  const given: Record<string, string> = { ...image.env, ...input.env };
  const env: Record<string, string> = {
    HOME: rootDirectory,
    TMPDIR: `${rootDirectory}/tmp`,
    HOSTNAME: environment.hostname,
    ...given,
    PATH: `${surroundings.toolDirectory}:${given.PATH ?? surroundings.path}`,
    // Of glibc's arenas, one for each thread, a small program leaves most unused.
    MALLOC_ARENA_MAX: given.MALLOC_ARENA_MAX ?? "2",
    NODE_OPTIONS: nodeOptions(container, surroundings.preloadPath, given.NODE_OPTIONS),
    NODE_COMPILE_CACHE: given.NODE_COMPILE_CACHE ?? surroundings.compileCacheDirectory,
    [POD_VARIABLE]: JSON.stringify(environment),
  };
  const toHost = createPathMap(environment);
  const workingDirectory =
    container.workingDir === undefined ? image.workingDirectory : toHost(container.workingDir, "write");
  const cwd = workingDirectory ?? rootDirectory;
  await disk.makeDirectory(cwd);
  const argv = commandOf(container, image, input.env);
  const spec: RunSpec = {
    argv,
    env,
    cwd,
    pod: environment,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
  };
  // Node programs map paths themselves (`preload.ts`) and may go on calling them by the names that they know.
  return isNode(argv[0]) ? spec : { ...spec, argv: mapArguments(spec, argv) };
}

function isNode(program: string): boolean {
  return basename(program) === "node";
}

/** Whether what the container runs has the preload. */
export function isNodeProgram(container: Container, image: CatalogueImage): boolean {
  return isNode(commandOf(container, image, {})[0]);
}

/** The container's `command` replaces ENTRYPOINT and CMD, its `args` only CMD. */
function commandOf(container: Container, image: CatalogueImage, env: Record<string, string>): string[] {
  const expanded = (words: string[]) => words.map((word) => expand(word, env));
  const args = expanded(container.args ?? []);
  if (container.command === undefined || container.command.length === 0) {
    return [...image.command, ...(container.args === undefined ? (image.args ?? []) : args)];
  }
  const [program, ...rest] = expanded(container.command);
  return image.programs?.includes(program)
    ? [...image.command, ...rest, ...args]
    : [program, ...rest, ...args];
}

/**
 * A small young generation, as a dozen programs share one machine: most of what they hold lives for one request. A
 * memory limit is Node's too: it collects before it grows past it, where a container would be killed.
 */
function nodeOptions(container: Container, preloadPath: string, own = ""): string {
  const preload = `--import=${encodeURI(`file://${preloadPath}`)}`;
  const limit = container.resources?.limits?.memory;
  const heapMebibytes = limit === undefined ? 0 : Math.floor((parseQuantity(limit) * HEAP_SHARE) / 2 ** 20);
  const heap = heapMebibytes < MIN_HEAP_MEBIBYTES ? "" : `--max-old-space-size=${heapMebibytes}`;
  return [preload, "--max-semi-space-size=1", heap, own].filter((option) => option !== "").join(" ");
}

/** What a memory limit leaves for buffers, code and stacks. */
const HEAP_SHARE = 0.75;
/** Below that Node does not run; such limits are for other programs. */
const MIN_HEAP_MEBIBYTES = 48;

async function mountsOf(disk: Disk, input: RunSpecInput): Promise<[string, string][]> {
  const { pod, podIp, container, env, volumes, podDirectory, runDirectory } = input;
  const mounts: [string, string][] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const folder = volumes.get(mount.name);
    if (folder === undefined)
      throw new ContainerConfigError(`volume ${JSON.stringify(mount.name)} not found`);
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, env);
    if (subPath?.split("/").includes("..")) {
      throw new ContainerConfigError(`subPath ${JSON.stringify(subPath)} must not contain '..'`);
    }
    let target = subPath ? `${folder}/${subPath}` : folder;
    const found = subPath ? await disk.stat(target) : undefined;
    if (subPath && found === undefined) await disk.makeDirectory(target);
    // A file that is mounted by itself is the one that was there at the start, whatever becomes of the volume's.
    if (found?.isDirectory === false && isWritten(pod, mount.name)) {
      const copy = `${runDirectory}/subpaths/${index}`;
      await disk.makeDirectory(`${runDirectory}/subpaths`, { mode: 0o700 });
      await disk.writeFile(copy, await disk.readFile(target));
      target = copy;
    }
    mounts.push([mount.mountPath.replace(/(?<=.)\/+$/, ""), target]);
  }
  const message = container.terminationMessagePath ?? "/dev/termination-log";
  mounts.push([message, `${runDirectory}/termination-log`]);
  await disk.makeDirectory(dirname(`${podDirectory}/etc/hosts`));
  await disk.writeFile(`${podDirectory}/etc/hosts`, hostsFile(pod, podIp));
  await disk.writeFile(`${podDirectory}/etc/hostname`, `${hostnameOf(pod)}\n`);
  return [
    ...mounts,
    ["/etc/hosts", `${podDirectory}/etc/hosts`],
    ["/etc/hostname", `${podDirectory}/etc/hostname`],
  ];
}

/** Whether the kubelet writes the volume's files, again and again. */
function isWritten({ spec }: Pod, volume: string): boolean {
  const found = spec.volumes?.find(({ name }) => name === volume);
  return Boolean(found?.configMap ?? found?.secret ?? found?.projected ?? found?.downwardAPI);
}

/** Host names are no longer than this, and do not end with what names can't end with. */
const MAX_HOSTNAME = 63;

function hostnameOf({ spec, metadata }: Pod): string {
  return (spec.hostname || metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
}

/** As the kubelet writes it, but that `localhost` is the pod's own address: there is no network namespace. */
function hostsFile(pod: Pod, ip: string): string {
  const { hostAliases = [], subdomain } = pod.spec;
  const name = hostnameOf(pod);
  const domain = `${subdomain}.${pod.metadata.namespace}.svc.${CLUSTER_DOMAIN}`;
  const aliases = hostAliases.map(({ ip: of, hostnames = [] }) => `${of}\t${hostnames.join("\t")}\n`);
  return [
    "# Kubernetes-managed hosts file.\n",
    `${ip}\tlocalhost\n`,
    "::1\tlocalhost ip6-localhost ip6-loopback\n",
    "fe00::0\tip6-localnet\n",
    "fe00::0\tip6-mcastprefix\n",
    "fe00::1\tip6-allnodes\n",
    "fe00::2\tip6-allrouters\n",
    subdomain ? `${ip}\t${name}.${domain}\t${name}\n` : `${ip}\t${name}\n`,
    ...(aliases.length === 0 ? [] : ["\n# Entries added by HostAliases.\n", ...aliases]),
  ].join("");
}

/** resolv.conf of a pod with dnsPolicy ClusterFirst. */
function searchOf(pod: Pod): { search: string[]; ndots: number } {
  const cluster = [
    `${pod.metadata.namespace}.svc.${CLUSTER_DOMAIN}`,
    `svc.${CLUSTER_DOMAIN}`,
    CLUSTER_DOMAIN,
  ];
  const { searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const ndots = Number(options.find(({ name }) => name === "ndots")?.value ?? 5);
  const base = pod.spec.dnsPolicy === "None" || pod.spec.dnsPolicy === "Default" ? [] : cluster;
  return { search: [...base, ...searches], ndots };
}

function hostsOf(pod: Pod): Record<string, string> {
  const aliases = pod.spec.hostAliases ?? [];
  return Object.fromEntries(
    aliases.flatMap(({ ip, hostnames = [] }) => hostnames.map((name) => [name.toLowerCase(), ip])),
  );
}
