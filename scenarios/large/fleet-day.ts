/**
 * A day of a fleet: a thousand tenants in the daytime, a hundred at night, ten to a pod. Pods and requests are modelled;
 * the API, the controllers, the HPA, KEDA and Prometheus' queries are not.
 */
import type { ScenarioSource } from "../../src/simulation/mod.ts";

/** Arrivals and departures are spread over the hours in steps of a quarter of an hour. */
const STEPS_MINUTES = Array.from({ length: 24 }, (_, index) => 15 * index);

export const scenario: ScenarioSource = {
  name: "a day of a fleet",
  about:
    "A hundred tenants all day, nine hundred more that come from 6:00 to 12:00 and leave from 14:00 to 20:00.",
  for: "24h",
  pods: "modelled",
  patch: {
    "ScaledObject/test-db-small": {
      spec: {
        maxReplicaCount: 100,
        triggers: [
          {
            type: "prometheus",
            name: "active-tenants",
            metadata: {
              serverAddress: "http://prometheus.percolate-test.svc.cluster.local:9090",
              query: 'sum(percolate_active_tenants{tier="small"})',
              threshold: "10",
              ignoreNullValues: "false",
            },
          },
          {
            type: "external-push",
            name: "waiting-requests",
            metadata: { scalerAddress: "router.percolate-test.svc.cluster.local:6000", tier: "small" },
          },
        ],
      },
    },
  },
  load: [
    { from: "1m", tenants: 100, every: "60s" },
    ...STEPS_MINUTES.map((minutes, index) => ({
      from: `${6 * 60 + minutes}m`,
      to: `${14 * 60 + minutes}m`,
      tenants: index < 12 ? 38 : 37,
      first: 100 + 38 * index,
      every: "60s",
    })),
  ],
  expect: [
    { by: "10m", replicas: 10 },
    { from: "1h", to: "5h", replicas: 10 },
    { by: "12h", replicas: 100 },
    { from: "12h", to: "14h", replicas: 100 },
    // Eleven: a hundred tenants on eleven pods are within the tolerance for scaling down.
    { by: "21h", from: "20h", replicas: 11 },
    { drift: 0, failed: 0 },
  ],
};
