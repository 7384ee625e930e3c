/** What pods of a modelled fleet run: a database pod is a name in the model, a router the model's scaler. */
import { untilAborted } from "../../base/until-aborted.ts";
import { TierScaler } from "../../router/mod.ts";
import { externalScalerHandler } from "../../wire/keda/external-scaler.ts";
import type { PodProgram } from "../world/pod-program.ts";
import type { ModelledTenants } from "./modelled-tenants.ts";

/** By image, without tag. */
export function modelledPrograms(tenants: () => ModelledTenants): Record<string, PodProgram> {
  return {
    "percolate/test-db": async ({ system, pod }) => {
      const { name } = pod.metadata;
      const fleet = tenants();
      fleet.join(name);
      system.signal.addEventListener("abort", () => fleet.leave(name), { once: true });
      await untilAborted(system.signal);
    },
    "percolate/router": async ({ system }) => {
      const { clock, network, signal } = system;
      const fleet = tenants();
      const pending = {
        count: () => fleet.pending,
        onChange: (listener: (count: number) => void) => fleet.onPending(listener),
      };
      // With no addresses in it nobody is asked whether a pod is down.
      const scaler = new TierScaler({ clock, network, pending, membership: () => fleet.membership });
      const handler = externalScalerHandler(scaler);
      const server = await network.serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, handler);
      await untilAborted(signal);
      scaler.close();
      await server.close();
    },
  };
}
