/** What the machine says of the process (`collectors.NewProcessCollector`): the rest is known on Linux only. */
import type { Disk } from "../../base/disk.ts";
import type { MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { family } from "../metrics/family.ts";

/** "unlimited", as Go's client shows it. */
const UNLIMITED = 2 ** 64;
/** Where Linux keeps what it knows of a process. */
const PROCESS_FILES = "/proc/self";

export async function processFamilies(disk: Disk, startMs: number): Promise<MetricFamily[]> {
  const usage = process.cpuUsage();
  return [
    family(
      "process_cpu_seconds",
      "counter",
      "Total user and system CPU time spent in seconds.",
      (usage.user + usage.system) / 1e6,
    ),
    family(
      "process_resident_memory_bytes",
      "gauge",
      "Resident memory size in bytes.",
      process.memoryUsage.rss(),
    ),
    family(
      "process_start_time_seconds",
      "gauge",
      "Start time of the process since unix epoch in seconds.",
      startMs / 1000,
    ),
    ...(await linuxFamilies(disk)),
  ];
}

async function linuxFamilies(disk: Disk): Promise<MetricFamily[]> {
  try {
    const read = async (name: string) =>
      new TextDecoder().decode(await disk.readFile(`${PROCESS_FILES}/${name}`));
    const [limits, status, files] = [
      await read("limits"),
      await read("status"),
      await disk.list(`${PROCESS_FILES}/fd`),
    ];
    const limitOf = (name: string) => {
      const text = new RegExp(`^${name}\\s+(\\S+)`, "m").exec(limits)?.[1];
      return text === "unlimited" ? UNLIMITED : Number(text);
    };
    const virtualKib = Number(/^VmSize:\s+(\d+)/m.exec(status)?.[1]);
    const gauge = (name: string, help: string, value: number) => family(name, "gauge", help, value);
    return [
      gauge("process_open_fds", "Number of open file descriptors.", files.length),
      gauge("process_max_fds", "Maximum number of open file descriptors.", limitOf("Max open files")),
      gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", virtualKib * 1024),
      gauge(
        "process_virtual_memory_max_bytes",
        "Maximum amount of virtual memory available in bytes.",
        limitOf("Max address space"),
      ),
      ...networkFamilies(await read("net/dev")),
    ];
  } catch {
    return [];
  }
}

/** Of all interfaces together. */
function networkFamilies(text: string): MetricFamily[] {
  let received = 0;
  let sent = 0;
  for (const line of text.split("\n")) {
    const counts = /^\s*[^:\s]+:\s*(.*)$/.exec(line)?.[1].trim().split(/\s+/).map(Number);
    received += counts?.[0] ?? 0;
    sent += counts?.[8] ?? 0;
  }
  return [
    family(
      "process_network_receive_bytes",
      "counter",
      "Number of bytes received by the process over the network.",
      received,
    ),
    family(
      "process_network_transmit_bytes",
      "counter",
      "Number of bytes sent by the process over the network.",
      sent,
    ),
  ];
}
