/** A running Collector: extensions, pipelines and its own metrics (upstream `service/`). */
import type { HttpServer } from "../../base/network.ts";
import type { Component, ComponentSettings, Extension } from "../component.ts";
import type { CollectorConfig } from "../config/collector-config.ts";
import { type Factories, factoryOf } from "../factories.ts";
import { Telemetry } from "../telemetry.ts";
import { buildGraph } from "./graph.ts";

/** What all components get, but for what names them. */
export type ServiceSettings = Omit<ComponentSettings, "id" | "telemetry" | "storageDirectory">;

export class Service {
  readonly telemetry = new Telemetry();
  readonly #config: CollectorConfig;
  readonly #settings: ServiceSettings;
  readonly #extensions: Extension[] = [];
  /** By id, of extensions that have one. */
  readonly #storage = new Map<string, string>();
  /** Exporters first: what receives starts last and stops first. */
  readonly components: Component[];
  readonly #names: ReadonlyMap<Component, string>;
  #servers: HttpServer[] = [];

  /** @throws ConfigError when the pipelines cannot be built */
  constructor(config: CollectorConfig, factories: Factories, settings: ServiceSettings) {
    this.#config = config;
    this.#settings = settings;
    for (const id of config.service.extensions) {
      const { type, settings: own } = config.extensions.get(id)!;
      const factory = factoryOf(factories, "extension", type)!;
      const extension = factory.create(own as never, this.#settingsFor(id, "extension"));
      this.#extensions.push(extension);
      if (extension.storageDirectory !== undefined) this.#storage.set(id, extension.storageDirectory);
    }
    const { components, names } = buildGraph(config, factories, (id, kind, signal) =>
      this.#settingsFor(id, kind, signal),
    );
    this.components = components;
    this.#names = names;
  }

  /** @throws when a component cannot start; those that did are stopped again */
  async start(): Promise<void> {
    const { log } = this.#settings;
    try {
      await this.#serveTelemetry();
      log.info("Starting extensions...");
      for (const extension of this.#extensions) await extension.start?.();
      for (const component of this.components) await this.#startComponent(component);
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    for (const extension of this.#extensions) extension.ready?.();
    log.info("Everything is ready. Begin running and processing data.");
  }

  async #startComponent(component: Component): Promise<void> {
    try {
      await component.start?.();
    } catch (error) {
      const name = this.#names.get(component);
      throw new Error(`failed to start ${name}: ${(error as Error).message}`, { cause: error });
    }
  }

  async shutdown(): Promise<void> {
    const { log } = this.#settings;
    log.info("Starting shutdown...");
    for (const extension of this.#extensions) extension.notReady?.();
    // One after the other, from the receivers to the exporters, so that each hands on what it holds.
    for (const component of this.components.toReversed()) {
      await component.shutdown?.().catch((error) => log.error("failed to shutdown component", { error }));
    }
    log.info("Stopping extensions...");
    for (const extension of this.#extensions) await extension.shutdown?.();
    await Promise.all(this.#servers.map((server) => server.close()));
    log.info("Shutdown complete.");
  }

  async #serveTelemetry(): Promise<void> {
    const { metrics } = this.#config.service.telemetry;
    if (metrics.level === "none") return;
    const { network, clock, memoryUsage } = this.#settings;
    const startedMs = clock.monotonic();
    const uptime = () => (clock.monotonic() - startedMs) / 1000;
    this.telemetry.observe("otelcol_process_uptime", "Uptime of the process", {}, uptime);
    this.telemetry.observe(
      "otelcol_process_memory_rss",
      "Total physical memory (resident set size)",
      {},
      memoryUsage,
    );
    for (const { pull } of metrics.readers) {
      const { host, port } = pull.exporter.prometheus;
      const server = await network.serve({ host, port }, ({ target }) =>
        target.split("?", 1)[0] === "/metrics"
          ? {
              status: 200,
              headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
              body: this.telemetry.exposition(),
            }
          : { status: 404, body: "404 page not found\n" },
      );
      this.#servers.push(server);
    }
  }

  #settingsFor(id: string, kind: string, signal?: string): ComponentSettings {
    const fields: Record<string, unknown> = {
      "otelcol.component.id": id,
      "otelcol.component.kind": kind,
    };
    if (signal !== undefined) fields["otelcol.signal"] = signal;
    return {
      ...this.#settings,
      id,
      telemetry: this.telemetry,
      log: this.#settings.log.with(fields),
      storageDirectory: (storage) => this.#storage.get(storage),
    };
  }
}
