/**
 * A pod's volumes as folders on this machine. Files of ConfigMaps, Secrets, the downward API and tokens are written one
 * by one, each atomically, and again when their source changes; upstream swaps a symbolic link for all at once.
 */
import { dirname, posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
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
import { fieldValue, resourceValue } from "./downward-api.ts";

export interface VolumeSources {
  pod: Pod;
  node: Node;
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  claim(name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
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

/** Tokens are valid for an hour unless the pod says otherwise, and renewed after 80 % of it. */
export const DEFAULT_TOKEN_SECONDS = 3_607;

type Files = Map<string, { content: Uint8Array | string; mode: number }>;

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
  if (volume.persistentVolumeClaim) return claimPath(disk, volume, sources);
  const path = `${folder}/${volume.name}`;
  await disk.makeDirectory(path);
  const files = await filesOf(volume, sources, options.refreshTokens || (await disk.list(path)).length === 0);
  if (files !== undefined) await writeFiles(disk, path, files, volume.projected !== undefined);
  return path;
}

/** Undefined for volumes without files of their own. */
async function filesOf(
  volume: Volume,
  sources: VolumeSources,
  withTokens: boolean,
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
      await addProjection(files, name, source, mode, sources, withTokens);
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
  withTokens: boolean,
): Promise<void> {
  if (source.configMap) addConfigMap(files, volume, source.configMap, mode, sources);
  if (source.secret) addSecret(files, volume, source.secret, mode, sources);
  if (source.downwardAPI) addDownward(files, volume, source.downwardAPI.items ?? [], mode, sources);
  if (source.serviceAccountToken && withTokens) {
    const { path, audience, expirationSeconds = DEFAULT_TOKEN_SECONDS } = source.serviceAccountToken;
    const content = await sources.token(audience, expirationSeconds);
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
  addKeys(files, volume, source, content, mode);
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
  addKeys(files, volume, source, content, mode & 0o600);
}

function addKeys(
  files: Files,
  volume: string,
  source: KeyedSource,
  content: Record<string, Uint8Array | string>,
  mode: number,
): void {
  const items = source.items ?? Object.keys(content).map((key): KeyToPath => ({ key, path: key }));
  for (const item of items) {
    if (!Object.hasOwn(content, item.key)) {
      if (source.optional) continue;
      throw new MountError(volume, `references non-existent config key: ${item.key}`);
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
    const container = sources.pod.spec.containers.find(
      ({ name }) => name === resourceFieldRef?.containerName,
    );
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

async function writeFiles(disk: Disk, folder: string, files: Files, keepOthers: boolean): Promise<void> {
  for (const [path, { content, mode }] of files) {
    const target = `${folder}/${path}`;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const present = await disk.readFile(target).catch(() => undefined);
    if (present !== undefined && Buffer.compare(present, bytes) === 0) continue;
    await disk.makeDirectory(dirname(target));
    await disk.writeFile(target, bytes, { mode });
  }
  if (keepOthers) return;
  for (const name of await disk.list(folder)) {
    if (![...files.keys()].some((path) => path === name || path.startsWith(`${name}/`))) {
      await disk.remove(`${folder}/${name}`);
    }
  }
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
  const { claimName } = volume.persistentVolumeClaim!;
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
