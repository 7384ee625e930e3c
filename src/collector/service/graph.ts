/**
 * Builds the components of a configuration and connects them (upstream `service/internal/graph`): receivers and
 * connectors are one for all pipelines, processors one for each pipeline, exporters one for each signal.
 */

import type { Signal } from "../../wire/otlp/signal.ts";
import type { Component, ComponentSettings, Consume, Outputs } from "../component.ts";
import { ALL_SIGNALS } from "../component.ts";
import type { CollectorConfig, PipelineConfig } from "../config/collector-config.ts";
import { ConfigError } from "../config/config-error.ts";
import { type Factories, factoryOf } from "../factories.ts";

export interface Graph {
  /** In the order to start them: what takes data before what sends them. */
  components: Component[];
  /** `"otlp" receiver`, for messages. */
  names: ReadonlyMap<Component, string>;
}

export type SettingsFor = (id: string, kind: string, signal?: string) => ComponentSettings;

/** @throws ConfigError for signals that a component does not know, unused connectors and cycles */
export function buildGraph(config: CollectorConfig, factories: Factories, settingsFor: SettingsFor): Graph {
  return new GraphBuilder(config, factories, settingsFor).build();
}

class GraphBuilder {
  readonly #config: CollectorConfig;
  readonly #factories: Factories;
  readonly #settingsFor: SettingsFor;
  readonly #exporters = new Map<string, Component & { consume: Consume }>();
  readonly #connectors = new Map<string, Component & { consume: Consume }>();
  /** The first consumer of each pipeline, made from the pipeline's end. */
  readonly #pipelines = new Map<string, Consume>();
  readonly #components: Component[] = [];
  readonly #names = new Map<Component, string>();
  readonly #underWay: string[] = [];

  constructor(config: CollectorConfig, factories: Factories, settingsFor: SettingsFor) {
    this.#config = config;
    this.#factories = factories;
    this.#settingsFor = settingsFor;
  }

  build(): Graph {
    const { pipelines } = this.#config.service;
    for (const pipeline of pipelines) this.#checkConnectors(pipeline);
    for (const pipeline of pipelines) this.#pipeline(pipeline);
    for (const receiver of this.#config.receivers.values()) {
      const used = pipelines.filter(({ receivers }) => receivers.includes(receiver.id));
      if (used.length === 0) continue;
      const factory = factoryOf(this.#factories, "receiver", receiver.type)!;
      for (const { signal } of used) {
        if (!factory.signals.includes(signal)) throw unsupported("receiver", receiver.id, signal);
      }
      const outputs = this.#outputsOf(receiver.id);
      const own = this.#settingsFor(receiver.id, "receiver");
      this.#add("receiver", receiver.id, factory.create(receiver.settings as never, own, outputs));
    }
    return { components: this.#components, names: this.#names };
  }

  #add(kind: string, id: string, component: Component): void {
    this.#components.push(component);
    this.#names.set(component, `"${id}" ${kind}`);
  }

  #pipeline(pipeline: PipelineConfig): Consume {
    const built = this.#pipelines.get(pipeline.id);
    if (built !== undefined) return built;
    if (this.#underWay.includes(pipeline.id)) throw this.#cycle(pipeline);
    this.#underWay.push(pipeline.id);
    const exporters = pipeline.exporters.map((id) =>
      this.#config.connectors.has(id) ? this.#connector(id) : this.#exporter(id, pipeline),
    );
    let next = fanOut(exporters);
    const processors: Component[] = [];
    for (const id of pipeline.processors.toReversed()) {
      const { type, settings } = this.#config.processors.get(id)!;
      const factory = factoryOf(this.#factories, "processor", type)!;
      if (!factory.signals.includes(pipeline.signal)) {
        throw unsupported("processor", id, pipeline.signal);
      }
      const processor = factory.create(
        settings as never,
        this.#settingsFor(id, "processor", pipeline.id),
        next,
      );
      processors.push(processor);
      this.#names.set(processor, `"${id}" processor`);
      next = processor.consume;
    }
    this.#components.push(...processors);
    this.#underWay.pop();
    this.#pipelines.set(pipeline.id, next);
    return next;
  }

  #exporter(id: string, pipeline: PipelineConfig): Consume {
    const key = `${pipeline.signal} ${id}`;
    let exporter = this.#exporters.get(key);
    if (exporter === undefined) {
      const { type, settings } = this.#config.exporters.get(id)!;
      const factory = factoryOf(this.#factories, "exporter", type)!;
      if (!factory.signals.includes(pipeline.signal)) {
        throw unsupported("exporter", id, pipeline.signal);
      }
      const own = this.#settingsFor(id, "exporter", pipeline.signal);
      try {
        exporter = factory.create(settings as never, own, pipeline.signal);
      } catch (error) {
        throw notCreated("exporter", id, pipeline.signal, (error as Error).message);
      }
      this.#exporters.set(key, exporter);
      this.#add("exporter", id, exporter);
    }
    return exporter.consume;
  }

  #connector(id: string): Consume {
    let connector = this.#connectors.get(id);
    if (connector === undefined) {
      const { type, settings } = this.#config.connectors.get(id)!;
      const factory = factoryOf(this.#factories, "connector", type)!;
      connector = factory.create(settings as never, this.#settingsFor(id, "connector"), this.#outputsOf(id));
      this.#connectors.set(id, connector);
      this.#add("connector", id, connector);
    }
    return connector.consume;
  }

  /** What a receiver or connector feeds. */
  #outputsOf(id: string): Outputs {
    const outputs: { [S in Signal]?: Consume } = {};
    for (const signal of ALL_SIGNALS) {
      const fed = this.#config.service.pipelines.filter(
        (pipeline) => pipeline.signal === signal && pipeline.receivers.includes(id),
      );
      if (fed.length > 0) outputs[signal] = fanOut(fed.map((pipeline) => this.#pipeline(pipeline)));
    }
    return outputs;
  }

  /** A connector has to be used on both sides, by signals that it can turn into each other. */
  #checkConnectors({ receivers, exporters, signal }: PipelineConfig): void {
    const { pipelines } = this.#config.service;
    for (const id of [...exporters, ...receivers]) {
      const connector = this.#config.connectors.get(id);
      if (connector === undefined) continue;
      const { routes } = factoryOf(this.#factories, "connector", connector.type)!;
      const isExporter = exporters.includes(id);
      const [as, other] = isExporter ? ["exporter", "receiver"] : ["receiver", "exporter"];
      const partners = pipelines.filter((pipeline) => pipeline[`${other}s` as "receivers"].includes(id));
      const isUsed = partners.some((partner) =>
        routes.some(([from, to]) =>
          isExporter ? from === signal && to === partner.signal : to === signal && from === partner.signal,
        ),
      );
      if (isUsed) continue;
      const where = pipelines.filter(
        (pipeline) => pipeline.signal === signal && pipeline[`${as}s` as "receivers"].includes(id),
      );
      const names = where.map((pipeline) => pipeline.id).sort();
      throw new ConfigError(
        `failed to build pipelines: connector "${id}" used as ${as} in [${names.join(" ")}] pipeline but not used in any supported ${other} pipeline`,
      );
    }
  }

  #cycle(pipeline: PipelineConfig): ConfigError {
    const loop = [...this.#underWay.slice(this.#underWay.indexOf(pipeline.id)), pipeline.id];
    const pipelineOf = (id: string) => this.#config.service.pipelines.find((one) => one.id === id)!;
    const steps = loop.flatMap((id, index) => {
      if (index === 0) return [];
      const connector = pipelineOf(loop[index - 1]).exporters.find((exporter) =>
        pipelineOf(id).receivers.includes(exporter),
      );
      return [`connector "${connector}" (${pipelineOf(loop[index - 1]).signal} to ${pipelineOf(id).signal})`];
    });
    return new ConfigError(`failed to build pipelines: cycle detected: ${[...steps, steps[0]].join(" -> ")}`);
  }
}

function unsupported(kind: string, id: string, signal: string): ConfigError {
  return notCreated(kind, id, signal, "telemetry type is not supported");
}

function notCreated(kind: string, id: string, signal: string, why: string): ConfigError {
  return new ConfigError(
    `failed to build pipelines: failed to create "${id}" ${kind} for data type "${signal}": ${why}`,
  );
}

/** One consumer for several. All get the payload, also when one of them fails. */
function fanOut(consumers: Consume[]): Consume {
  if (consumers.length === 1) return consumers[0];
  return async (payload) => {
    const results = await Promise.allSettled(consumers.map((consume) => consume(payload)));
    const errors = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      throw new Error(errors.map((error) => error.message).join("; "), { cause: errors[0] });
    }
  };
}
