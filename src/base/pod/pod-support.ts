/** Where the files lie that the programs of pods load. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Of `preload.ts` and `tool.ts`. */
export const POD_SUPPORT_DIRECTORY = dirname(fileURLToPath(import.meta.url));
