/** `resource`: changes the attributes of resources (upstream contrib `processor/resourceprocessor`). */
import type { Resource } from "../../model/otlp-attributes.ts";
import { ALL_SIGNALS, type Payload, type ProcessorFactory } from "../component.ts";
import { type Infer, object } from "../config/schema.ts";
import { ACTIONS, type ChangeAttributes, compileActions, validateActions } from "./attribute-actions.ts";

const CONFIG = object({ attributes: ACTIONS });

export const resourceProcessor: ProcessorFactory<Infer<typeof CONFIG>> = {
  type: "resource",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate({ attributes }) {
    if (attributes.length === 0) return 'missing required field "attributes"';
    return validateActions(attributes);
  },
  create(config, _settings, next) {
    const change = compileActions(config.attributes);
    return { consume: (payload) => next(changeResources(payload, change)) };
  },
};

function changeResources(payload: Payload, change: ChangeAttributes): Payload {
  const data = (payload.data as readonly { resource: Resource }[]).map((item) => {
    const attributes = change(item.resource.attributes);
    if (attributes === item.resource.attributes) return item;
    return { ...item, resource: { ...item.resource, attributes } };
  });
  return { signal: payload.signal, data } as unknown as Payload;
}
