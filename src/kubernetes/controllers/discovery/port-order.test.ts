import assert from "node:assert/strict";
import test from "node:test";
import type { EndpointPort } from "../../types.ts";
import { sortCorePorts, sortSlicePorts } from "./port-order.ts";

const port = (name: string, number: number, appProtocol?: string): EndpointPort => ({
  name,
  port: number,
  protocol: "TCP",
  ...(appProtocol && { appProtocol }),
});

/** Hashes of these begin 75, 61, 19, b4, 2f, 85 in Endpoints and b6, 8b, 73, b7, 04, bb in slices. */
const PORTS = [
  port("http", 80),
  port("http", 8000),
  port("", 80),
  port("", 8000),
  port("grpc", 80, "kubernetes.io/h2c"),
  port("grpc", 8000, "kubernetes.io/h2c"),
];

test("ports stand in the order of upstream's hashes", () => {
  const [http, http8000, none, none8000, grpc, grpc8000] = PORTS;
  assert.deepEqual(sortCorePorts(PORTS), [none, grpc, http8000, http, grpc8000, none8000]);
  assert.deepEqual(sortSlicePorts(PORTS), [grpc, none, http8000, http, none8000, grpc8000]);
});
