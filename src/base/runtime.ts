/** What programs run on here, as Go's build information names it. */
export interface Runtime {
  operatingSystem: string;
  architecture: string;
  /** Of Node. */
  version: string;
}

const GO_ARCHITECTURES: Record<string, string> = { x64: "amd64", ia32: "386" };

export const RUNTIME: Runtime = {
  operatingSystem: process.platform,
  architecture: GO_ARCHITECTURES[process.arch] ?? process.arch,
  version: process.version,
};
