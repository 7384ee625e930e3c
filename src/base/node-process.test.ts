import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { systemProcesses } from "./node-process.ts";
import type { DetachedProcess } from "./process.ts";

const folder = mkdtempSync(join(tmpdir(), "processes-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const PREFIX = `test-${process.pid}/`;
let count = 0;

function optionsFor(script: string, extra: object = {}) {
  const stateDirectory = mkdtempSync(join(folder, "state-"));
  const env = { PATH: process.env.PATH! };
  const logPath = join(stateDirectory, "log");
  const argv = ["sh", "-c", script];
  return { id: `${PREFIX}${count++}`, argv, env, cwd: folder, logPath, stateDirectory, ...extra };
}

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function untilLogged(path: string, word: string): Promise<void> {
  while (!readFileSync(path, "utf8").includes(word)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The kernel takes a moment to end a whole group. */
async function untilGone(id: string): Promise<void> {
  while ((await systemProcesses.owned(id)).size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("start() runs a program with both streams in one file and tells its exit code", async () => {
  const options = optionsFor("echo one; echo two >&2; echo three; exit 7");
  const { exited } = await systemProcesses.start(options);
  assert.equal((await exited).code, 7);
  assert.equal(readFileSync(options.logPath, "utf8"), "one\ntwo\nthree\n");
});

test("start() fails for a program that is not there", async () => {
  const options = { ...optionsFor(""), argv: ["no-such-program"] };
  await assert.rejects(systemProcesses.start(options), {
    code: "ENOENT",
    message: 'exec: "no-such-program": executable file not found in $PATH',
  });
});

test("signal() reaches the program, which may take its time", async () => {
  const options = optionsFor("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done");
  const running = await systemProcesses.start(options);
  await untilLogged(options.logPath, "up");
  running.signal("SIGTERM");
  assert.equal((await running.exited).code, 3);
  assert.equal(readFileSync(options.logPath, "utf8"), "up\nbye\n");
});

test("signal() is not lost on a program that is only just starting", async () => {
  // One or the other comes between two steps of the supervisor; one that is lost would leave its program running.
  const all = Array.from({ length: 40 }, async (_, i) => {
    const running = await systemProcesses.start(optionsFor("exec sleep 600"));
    await new Promise((resolve) => setTimeout(resolve, i / 4));
    running.signal("SIGTERM");
    return (await running.exited).code;
  });
  assert.deepEqual(new Set(await Promise.all(all)), new Set([143]));
});

test("SIGKILL ends the program's children too, and reads as 137", async () => {
  const options = optionsFor("sleep 600 & echo up; wait");
  const running = await systemProcesses.start(options);
  await untilLogged(options.logPath, "up");
  running.signal("SIGKILL");
  assert.equal((await running.exited).code, 137);
  await untilGone(options.id);
});

test("a supervisor that is killed takes its program along", async () => {
  const options = optionsFor("echo up; exec sleep 600");
  const running = await systemProcesses.start(options);
  await untilLogged(options.logPath, "up");
  process.kill(running.pid, "SIGKILL");
  assert.equal((await running.exited).code, 137);
  await untilGone(options.id);
});

test("adopt() finds what runs, by its id", async () => {
  const options = optionsFor("echo up; exec sleep 600");
  const { pid } = await systemProcesses.start(options);
  await untilLogged(options.logPath, "up");
  const adopted = (await systemProcesses.adopt(options.id, options.stateDirectory)) as DetachedProcess;
  assert.equal(adopted.pid, pid);
  assert.deepEqual([...(await systemProcesses.owned(PREFIX))], [[pid, options.id]]);
  adopted.signal("SIGKILL");
  assert.equal((await adopted.exited).code, 137);
});

test("adopt() tells how a program ended that nobody waited for", async () => {
  const options = optionsFor("exit 9");
  await (await systemProcesses.start(options)).exited;
  const found = await systemProcesses.adopt(options.id, options.stateDirectory);
  assert.equal((found as { code: number }).code, 9);
});

test("adopt() leaves a process of the noted number alone when it is another one", async () => {
  const options = optionsFor("");
  const stranger = await systemProcesses.start(optionsFor("exec sleep 600"));
  const { writeFileSync } = await import("node:fs");
  writeFileSync(join(options.stateDirectory, "pid"), `${stranger.pid}\n`);
  const found = await systemProcesses.adopt(options.id, options.stateDirectory);
  assert.equal((found as { code: number }).code, 137);
  stranger.signal("SIGKILL");
  await stranger.exited;
});

test("adopt() knows nothing of what never ran", async () => {
  const { id, stateDirectory } = optionsFor("");
  assert.equal(await systemProcesses.adopt(id, stateDirectory), undefined);
});

test("openStdin() feeds a program until it is closed", async () => {
  const options = optionsFor("read line; echo got $line", { stdin: true });
  const { exited } = await systemProcesses.start(options);
  const input = await systemProcesses.openStdin(options.stateDirectory);
  input.write(new TextEncoder().encode("hello\n"));
  assert.equal((await exited).code, 0);
  input.close();
  assert.equal(readFileSync(options.logPath, "utf8"), "got hello\n");
});

test("an input that ends once ends when it is closed for the first time", async () => {
  const options = optionsFor("cat; echo over", { stdin: true, stdinOnce: true });
  const { exited } = await systemProcesses.start(options);
  const input = await systemProcesses.openStdin(options.stateDirectory);
  input.write(new TextEncoder().encode("hello\n"));
  input.close();
  assert.equal((await exited).code, 0);
  assert.equal(readFileSync(options.logPath, "utf8"), "hello\nover\n");
});

test("run() gives a command's input, output and exit code", async () => {
  const env = { PATH: process.env.PATH! };
  const command = await systemProcesses.run({
    argv: ["sh", "-c", "cat; echo oops >&2; exit 4"],
    env,
    cwd: folder,
  });
  command.write(new TextEncoder().encode("ping"));
  command.endInput();
  const [stdout, stderr, exit] = await Promise.all([
    text(command.stdout),
    text(command.stderr),
    command.exited,
  ]);
  assert.deepEqual([stdout, stderr, exit.code], ["ping", "oops\n", 4]);
});

test("stats() has the figures of a group", async () => {
  const options = optionsFor("echo up; sleep 600 & wait");
  const running = await systemProcesses.start(options);
  await untilLogged(options.logPath, "up");
  const figures = (await systemProcesses.stats()).get(running.pid);
  assert.ok(figures !== undefined && figures.processes >= 2 && figures.residentBytes > 100_000);
  running.signal("SIGKILL");
  await running.exited;
});
