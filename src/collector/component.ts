/** What a pipeline is made of: the interfaces between the service and its components (upstream `component/`). */
import type { Clock } from "../base/clock.ts";
import type { Disk } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";
import type { Network } from "../base/network.ts";
import type { Random } from "../base/random.ts";
import type { OtlpPayload } from "../wire/otlp/http-handler.ts";
import type { Signal } from "../wire/otlp/signal.ts";
import type { Schema } from "./config/schema.ts";
import type { Telemetry } from "./telemetry.ts";

/** What flows through a pipeline. Shared between pipelines: nothing in it is changed in place. */
export type Payload = OtlpPayload;

/**
 * Takes a payload. When it resolves the payload is taken care of.
 *
 * @throws what says why not: see `errors.ts`
 */
export type Consume = (payload: Payload) => Promise<void>;

/** Everything from outside that a component may use. */
export interface ComponentSettings {
  /** `otlp/2` */
  id: string;
  log: Logger;
  clock: Clock;
  random: Random;
  network: Network;
  disk: Disk;
  telemetry: Telemetry;
  /** How many bytes of memory the process uses, for the memory limiter. */
  memoryUsage: () => number;
  /** Writes to standard output. */
  print: (text: string) => void;
  /** The folder of a storage extension that the service starts; undefined when there is none of that id. */
  storageDirectory: (id: string) => string | undefined;
}

export interface Component {
  start?(): Promise<void>;
  /** Ends when what was taken has been passed on or given up. */
  shutdown?(): Promise<void>;
}

export interface Processor extends Component {
  consume: Consume;
}

export interface Exporter extends Component {
  consume: Consume;
}

/** The next consumers by signal: a receiver or connector is one for all the pipelines that it feeds. */
export type Outputs = { readonly [S in Signal]?: Consume };

/** What all factories have. */
interface Factory<C> {
  type: string;
  /** Former names that still work, with a warning. */
  aliases?: readonly string[];
  schema: Schema<C>;
  /** What is wrong with a configuration that could be decoded. */
  validate?(config: C): string | undefined;
}

export interface ReceiverFactory<C = never> extends Factory<C> {
  signals: readonly Signal[];
  create(config: C, settings: ComponentSettings, outputs: Outputs): Component;
}

export interface ProcessorFactory<C = never> extends Factory<C> {
  signals: readonly Signal[];
  /** One for each pipeline. */
  create(config: C, settings: ComponentSettings, next: Consume): Processor;
}

export interface ExporterFactory<C = never> extends Factory<C> {
  signals: readonly Signal[];
  /** One for each signal. */
  create(config: C, settings: ComponentSettings, signal: Signal): Exporter;
}

export interface ConnectorFactory<C = never> extends Factory<C> {
  /** Which signal it makes out of which. */
  routes: readonly (readonly [from: Signal, to: Signal])[];
  create(config: C, settings: ComponentSettings, outputs: Outputs): Component & { consume: Consume };
}

export interface ExtensionFactory<C = never> extends Factory<C> {
  create(config: C, settings: ComponentSettings): Extension;
}

export interface Extension extends Component {
  /** Where components may keep files, of a storage extension. */
  storageDirectory?: string;
  /** The pipelines have started. */
  ready?(): void;
  /** The pipelines are about to stop. */
  notReady?(): void;
}

export const ALL_SIGNALS: readonly Signal[] = ["metrics", "traces", "logs"];
