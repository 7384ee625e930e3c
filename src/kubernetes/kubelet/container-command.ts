/**
 * A command inside a running container: exec, exec probes, hooks.
 *
 * What the command finds is what the container's programs find: its environment, its tools (`curl`, `nc`, … that know
 * the pod's localhost and names), its working directory. Absolute paths in the arguments that lie on a volume, or in
 * the container's own layer, are replaced by where they lie on this machine, also inside of `sh -c '…'`: the kernel
 * would have done it in a mount namespace, which ordinary users can't have everywhere.
 */
import { createPathMap, type PathMap } from "../../base/pod/pod-environment.ts";
import type { AttachedCommand, Processes } from "../../base/process.ts";
import type { RunSpec } from "./container-runtime.ts";

export function runInContainer(
  processes: Processes,
  spec: RunSpec,
  command: string[],
): Promise<AttachedCommand> {
  return processes.run({ argv: mapArguments(spec, command), env: spec.env, cwd: spec.cwd });
}

/** The command with the container's paths replaced. The program itself stays: programs are the machine's. */
export function mapArguments(spec: RunSpec, command: string[]): string[] {
  const toHost = createPathMap(spec.pod);
  const [program, ...args] = command;
  const isShell = /(^|\/)(ba|da|z)?sh$/.test(program);
  if (/(^|\/)tar$/.test(program)) return [program, ...tarArguments(args, toHost)];
  const script = isShell ? args.findIndex((arg) => /^-[a-z]*c$/.test(arg)) + 1 : 0;
  return [
    program,
    ...args.map((arg, index) => {
      if (script > 0 && index === script) return mapScript(spec, arg);
      if (arg.startsWith("/")) return toHost(arg, "read");
      // `--file=/etc/x`, `of=/data/x`
      const assigned = /^([\w.-]+=)(\/.*)$/.exec(arg);
      return assigned === null ? arg : assigned[1] + toHost(assigned[2], "read");
    }),
  ];
}

/** `kubectl cp` reads and writes archives: their members keep the names that they have in the container (GNU tar). */
function tarArguments(args: string[], toHost: PathMap): string[] {
  const renames = new Set<string>();
  const mapped = args.map((arg) => {
    if (!arg.startsWith("/")) return arg;
    const path = toHost(arg, "read");
    if (path !== arg) renames.add(`--transform=s,^/*${pattern(path.slice(1))},${replacement(arg.slice(1))},`);
    return path;
  });
  const isCreating = /^-?[a-zA-Z]*c[a-zA-Z]*$/.test(args[0] ?? "") || args.includes("--create");
  // Old-style flags (`cf`) must come first.
  return isCreating ? [...mapped.slice(0, 2), ...renames, ...mapped.slice(2)] : mapped;
}

/** For sed's expressions. */
function pattern(text: string): string {
  return text.replace(/[.*[\]^$\\,]/g, "\\$&");
}

/** For the other side of sed's expressions, where a dot is a dot. */
function replacement(text: string): string {
  return text.replace(/[\\&,]/g, "\\$&");
}

/** In a script only what is known to be a path of the container is replaced: mounts, word by word. */
function mapScript(spec: RunSpec, script: string): string {
  const paths = [...spec.pod.mounts.map(([path]) => path), "/tmp"].sort((a, b) => b.length - a.length);
  const alternatives = paths.map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const toHost = createPathMap(spec.pod);
  return script.replace(new RegExp(`(?<![\\w./-])(?:${alternatives})(?![\\w.-])`, "g"), (path) =>
    toHost(path, "write"),
  );
}
