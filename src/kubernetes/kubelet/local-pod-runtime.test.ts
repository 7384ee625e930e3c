import assert from "node:assert/strict";
import test from "node:test";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createLocalPodRuntime, type LocalPodRuntimeOptions } from "./local-pod-runtime.ts";

const KEY = { namespace: "default", pod: "p", uid: "u", container: "c" };

/** The kubelet knows of one pod with one container, whose supervisor has noted how it ended. */
function runtimeWith(run: { directory: string } | undefined, disk = new MemoryDisk()) {
  const unit = { spec: { name: "c" }, run };
  const worker = { unit: (name: string) => (name === "c" ? unit : undefined) };
  const kubelet = { workers: new Map([["u", worker]]), worker: () => undefined };
  const options = { kubelet, disk, clock: new VirtualClock(), signal: new AbortController().signal };
  return createLocalPodRuntime(options as unknown as LocalPodRuntimeOptions);
}

const streams = { tty: false, signal: new AbortController().signal };

test("nobody waits for the output of a container that has ended, or never ran", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/runs/c/0");
  await disk.writeFile("/runs/c/0/exit", "0\n");
  await assert.rejects(runtimeWith({ directory: "/runs/c/0" }, disk).attach(KEY, streams), {
    message:
      "Internal error occurred: Internal error occurred: error attaching to container: container is in " +
      "CONTAINER_EXITED state",
  });
  await assert.rejects(runtimeWith(undefined).attach(KEY, streams), {
    message: "Internal error occurred: unable to upgrade connection: container c not found in pod p_default",
  });
  await assert.rejects(runtimeWith(undefined).attach({ ...KEY, container: "x" }, streams), {
    message: "container x is not valid for pod p",
  });
});
