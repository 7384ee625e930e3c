/** `forward`: joins pipelines of the same signal. */
import { ALL_SIGNALS, type ConnectorFactory } from "../component.ts";
import { object } from "../config/schema.ts";

export const forwardConnector: ConnectorFactory<object> = {
  type: "forward",
  routes: ALL_SIGNALS.map((signal) => [signal, signal] as const),
  schema: object({}),
  create: (_config, _settings, outputs) => ({
    consume: async (payload) => outputs[payload.signal]?.(payload),
  }),
};
