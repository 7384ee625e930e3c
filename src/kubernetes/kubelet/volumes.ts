/**
 * A pod's volumes as folders on this machine. Files of ConfigMaps, Secrets, the downward API and tokens are written all
 * at once, and again when their source changes (`atomic-files.ts`).
 */
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import { claimNameOf } from "../controllers/storage/pod-claims.ts";
import type {
  ConfigMap,
  DownwardFile,
  KeyToPath,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Volume,
  VolumeProjection,
} from "../types.ts";
import { currentFile, type Files, writeAtomically } from "./atomic-files.ts";
import { containerNamed, fieldValue, resourceValue } from "./downward-api.ts";

export interface VolumeSources {
  pod: Pod;
  node: Node;
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  claim(name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** Wall time, for the names of versions. */
  now(): number;
  /** A token of the pod's service account. */
  token(audience: string | undefined, expirationSeconds: number): Promise<string>;
}

/** A volume is not there yet, or never will be: `FailedMount`. */
export class MountError extends Error {
  constructor(volume: string, problem: string) {
    super(`MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${problem}`);
    this.name = "MountError";
  }
}

/** What is wrong with which volumes of a pod, one each. */
export class MountErrors extends Error {
  readonly problems: readonly MountError[];

  constructor(problems: readonly MountError[]) {
    super(problems.map(({ message }) => message).join("; "));
    this.name = "MountErrors";
    this.problems = problems;
  }
}

/** Tokens are valid for an hour unless the pod says otherwise, and renewed after 80 % of it. */
export const DEFAULT_TOKEN_SECONDS = 3_607;

/**
 * Makes the folder of a volume, or brings its files up to date, and answers its path.
 *
 * @param folder the pod's folder for volumes
 * @throws MountError
 */
export async function prepareVolume(
  disk: Disk,
  folder: string,
  volume: Volume,
  sources: VolumeSources,
  options: { refreshTokens: boolean },
): Promise<string> {
  if (volume.hostPath) return hostPath(disk, volume);
  if (volume.persistentVolumeClaim || volume.ephemeral) return claimPath(disk, volume, sources);
  const path = `${folder}/${volume.name}`;
  await disk.makeDirectory(path);
  const files = await filesOf(volume, sources, options.refreshTokens ? undefined : currentFile(disk, path));
  if (files !== undefined) await writeAtomically(disk, path, files, sources.now());
  return path;
}

/** A token that is still good. */
type KeptFile = (path: string) => Promise<Uint8Array | undefined>;

/** Undefined for volumes without files of their own. */
async function filesOf(
  volume: Volume,
  sources: VolumeSources,
  kept: KeptFile | undefined,
): Promise<Files | undefined> {
  const { name, configMap, secret, downwardAPI, projected } = volume;
  const files: Files = new Map();
  if (configMap) {
    addConfigMap(files, name, configMap, configMap.defaultMode ?? 0o644, sources);
  } else if (secret) {
    addSecret(files, name, { ...secret, name: secret.secretName }, secret.defaultMode ?? 0o644, sources);
  } else if (downwardAPI) {
    addDownward(files, name, downwardAPI.items ?? [], downwardAPI.defaultMode ?? 0o644, sources);
  } else if (projected) {
    const mode = projected.defaultMode ?? 0o644;
    for (const source of projected.sources ?? []) {
      await addProjection(files, name, source, mode, sources, kept);
    }
  } else return undefined;
  return files;
}

async function addProjection(
  files: Files,
  volume: string,
  source: VolumeProjection,
  mode: number,
  sources: VolumeSources,
  kept: KeptFile | undefined,
): Promise<void> {
  if (source.configMap) addConfigMap(files, volume, source.configMap, mode, sources);
  if (source.secret) addSecret(files, volume, source.secret, mode, sources);
  if (source.downwardAPI) addDownward(files, volume, source.downwardAPI.items ?? [], mode, sources);
  if (source.serviceAccountToken) {
    const { path, audience, expirationSeconds = DEFAULT_TOKEN_SECONDS } = source.serviceAccountToken;
    const content = (await kept?.(path)) ?? (await sources.token(audience, expirationSeconds));
    // Only its owner may read it: whoever has it is the pod.
    files.set(checked(volume, path), { content, mode: 0o600 });
  }
}

interface KeyedSource {
  name: string;
  items?: KeyToPath[];
  optional?: boolean;
}

function addConfigMap(
  files: Files,
  volume: string,
  source: KeyedSource,
  mode: number,
  sources: VolumeSources,
): void {
  const map = sources.configMap(source.name);
  if (map === undefined && !source.optional) {
    throw new MountError(volume, `configmap ${JSON.stringify(source.name)} not found`);
  }
  const content: Record<string, Uint8Array | string> = { ...map?.data };
  for (const [key, value] of Object.entries(map?.binaryData ?? {}))
    content[key] = Buffer.from(value, "base64");
  addKeys(files, volume, source, content, mode, "configmap references non-existent config key");
}

function addSecret(
  files: Files,
  volume: string,
  source: KeyedSource,
  mode: number,
  sources: VolumeSources,
): void {
  const secret = sources.secret(source.name);
  if (secret === undefined && !source.optional) {
    throw new MountError(volume, `secret ${JSON.stringify(source.name)} not found`);
  }
  const content = Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")]),
  );
  addKeys(files, volume, source, content, mode & 0o600, "references non-existent secret key");
}

function addKeys(
  files: Files,
  volume: string,
  source: KeyedSource,
  content: Record<string, Uint8Array | string>,
  mode: number,
  problem: string,
): void {
  const items = source.items ?? Object.keys(content).map((key): KeyToPath => ({ key, path: key }));
  for (const item of items) {
    if (!Object.hasOwn(content, item.key)) {
      if (source.optional) continue;
      throw new MountError(volume, `${problem}: ${item.key}`);
    }
    files.set(checked(volume, item.path), { content: content[item.key], mode: item.mode ?? mode });
  }
}

function addDownward(
  files: Files,
  volume: string,
  items: DownwardFile[],
  mode: number,
  sources: VolumeSources,
): void {
  for (const item of items) {
    const { fieldRef, resourceFieldRef } = item;
    const container = containerNamed(sources.pod, resourceFieldRef?.containerName);
    const content = fieldRef
      ? fieldValue(sources.pod, fieldRef.fieldPath)
      : resourceValue(container!, resourceFieldRef!.resource, resourceFieldRef!.divisor, sources.node);
    files.set(checked(volume, item.path), { content, mode: item.mode ?? mode });
  }
}

/** A path inside of the volume: the API rejects others, but a file's name decides what is overwritten. */
function checked(volume: string, path: string): string {
  const plain = posix.normalize(path);
  if (plain.startsWith("/") || plain === ".." || plain.startsWith("../")) {
    throw new MountError(volume, `path ${JSON.stringify(path)} leaves the volume`);
  }
  return plain;
}

async function hostPath(disk: Disk, volume: Volume): Promise<string> {
  const { path, type = "" } = volume.hostPath!;
  if (type === "DirectoryOrCreate") await disk.makeDirectory(path);
  const stat = await disk.stat(path);
  const problem =
    type === "Directory" && !stat?.isDirectory
      ? "is not a directory"
      : type === "File" && (stat === undefined || stat.isDirectory)
        ? "is not a file"
        : undefined;
  if (problem !== undefined)
    throw new MountError(volume.name, `hostPath type check failed: ${path} ${problem}`);
  return path;
}

async function claimPath(disk: Disk, volume: Volume, sources: VolumeSources): Promise<string> {
  const claimName = claimNameOf(sources.pod, volume)!;
  const claim = sources.claim(claimName);
  if (claim === undefined) {
    throw new MountError(volume.name, `persistentvolumeclaim ${JSON.stringify(claimName)} not found`);
  }
  const bound = claim.spec.volumeName === undefined ? undefined : sources.volume(claim.spec.volumeName);
  if (claim.status?.phase !== "Bound" || bound?.spec.hostPath === undefined) {
    throw new MountError(volume.name, `persistentvolumeclaim ${JSON.stringify(claimName)} is not bound`);
  }
  await disk.makeDirectory(bound.spec.hostPath.path);
  return bound.spec.hostPath.path;
}
