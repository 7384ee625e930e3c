/** `nop`: receives nothing. */
import { ALL_SIGNALS, type ReceiverFactory } from "../component.ts";
import { object } from "../config/schema.ts";

export const nopReceiver: ReceiverFactory<object> = {
  type: "nop",
  signals: ALL_SIGNALS,
  schema: object({}, "struct {}"),
  create: () => ({}),
};
