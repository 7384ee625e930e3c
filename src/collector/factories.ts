/** Which components there are. */
import type {
  ConnectorFactory,
  ExporterFactory,
  ExtensionFactory,
  ProcessorFactory,
  ReceiverFactory,
} from "./component.ts";
import { forwardConnector } from "./connectors/forward.ts";
import { debugExporter } from "./exporters/debug/debug.ts";
import { fileExporter } from "./exporters/file.ts";
import { nopExporter } from "./exporters/nop.ts";
import { otlpGrpcExporter } from "./exporters/otlp-grpc.ts";
import { otlpHttpExporter } from "./exporters/otlp-http.ts";
import { prometheusRemoteWriteExporter } from "./exporters/prometheus-remote-write.ts";
import { fileStorageExtension } from "./extensions/file-storage.ts";
import { healthCheckExtension } from "./extensions/health-check.ts";
import { attributesProcessor } from "./processors/attributes.ts";
import { batchProcessor } from "./processors/batch.ts";
import { memoryLimiterProcessor } from "./processors/memory-limiter.ts";
import { resourceProcessor } from "./processors/resource.ts";
import { nopReceiver } from "./receivers/nop.ts";
import { otlpReceiver } from "./receivers/otlp.ts";

export interface FactoriesByKind {
  receiver: ReceiverFactory;
  processor: ProcessorFactory;
  exporter: ExporterFactory;
  connector: ConnectorFactory;
  extension: ExtensionFactory;
}

export type ComponentKind = keyof FactoriesByKind;
export type Factories = { readonly [K in ComponentKind]: readonly FactoriesByKind[K][] };

/**
 * The components of this Collector. A factory's settings are checked by its own schema before it gets them, so the
 * list needs not know their types.
 */
export const FACTORIES = {
  receiver: [nopReceiver, otlpReceiver],
  processor: [attributesProcessor, batchProcessor, memoryLimiterProcessor, resourceProcessor],
  exporter: [
    debugExporter,
    fileExporter,
    nopExporter,
    otlpGrpcExporter,
    otlpHttpExporter,
    prometheusRemoteWriteExporter,
  ],
  connector: [forwardConnector],
  extension: [fileStorageExtension, healthCheckExtension],
} as unknown as Factories;

/** The factory of a type or of one of its former names. */
export function factoryOf<K extends ComponentKind>(
  factories: Factories,
  kind: K,
  type: string,
): FactoriesByKind[K] | undefined {
  const list: readonly FactoriesByKind[K][] = factories[kind];
  return list.find((factory) => factory.type === type || factory.aliases?.includes(type));
}

export function typesOf(factories: Factories, kind: ComponentKind): string[] {
  return factories[kind].map((factory) => factory.type).sort();
}
