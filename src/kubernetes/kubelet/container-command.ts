/**
 * A command inside a running container: exec, exec probes, hooks.
 *
 * What the command finds is what the container's programs find: its environment, its tools (`curl`, `nc`, … that know
 * the pod's localhost and names), its working directory. Absolute paths in the arguments that lie on a volume, or in
 * the container's own layer, are replaced by where they lie on this machine, also inside of `sh -c '…'`: the kernel
 * would have done it in a mount namespace, which ordinary users can't have everywhere.
 */
import { createPathMap } from "../../base/pod/pod-environment.ts";
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

/** In a script only what is known to be a path of the container is replaced: mounts, word by word. */
function mapScript(spec: RunSpec, script: string): string {
  const paths = [...spec.pod.mounts.map(([path]) => path), "/tmp"].sort((a, b) => b.length - a.length);
  const alternatives = paths.map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const toHost = createPathMap(spec.pod);
  return script.replace(new RegExp(`(?<![\\w./-])(?:${alternatives})(?![\\w.-])`, "g"), (path) =>
    toHost(path, "write"),
  );
}
