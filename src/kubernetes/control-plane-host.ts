/** The name of the machine that the control plane is on, as far as anybody is told. */
export const CONTROL_PLANE_HOST = "percolate-test-control-plane";
