/**
 * Mutated input for everything that reads bytes or text from outside:
 *
 * ```sh
 * node tools/fuzz-decoders.ts [--iterations 1000000] [--seed 1] [--only NAME]
 * ```
 *
 * The iterations are shared among the decoders by how long they take. An error that a decoder does not promise ends the
 * run with the input that it takes to repeat it; so does a heap of more than `MAX_HEAP_BYTES`. Tests do the same in
 * small, next to each decoder.
 */
import { parseArgs } from "node:util";
import { type Random, randomInteger, seededRandom } from "../src/base/random.ts";
import { DECODERS, type FuzzedDecoder } from "./fuzzed-decoders.ts";

/** A decoder whose input is some kilobytes must get by with this. */
const MAX_HEAP_BYTES = 1024 * 1024 * 1024;
/** Longer input is cut: it is for other tests. */
const MAX_INPUT_BYTES = 16 * 1024;

/** Changes up to four places: bytes, runs of bytes, and pieces of other inputs. */
function mutate(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let rounds = randomInteger(random, 4); rounds >= 0; rounds--) {
    const at = randomInteger(random, bytes.length + 1);
    const length = 1 + randomInteger(random, 8);
    switch (randomInteger(random, 6)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 2: {
        const from = randomInteger(random, other.length + 1);
        const piece = other.subarray(from, from + length * length);
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
        break;
      }
      case 3:
        if (at < bytes.length) bytes[at] ^= 1 << randomInteger(random, 8);
        break;
      default:
        if (at < bytes.length) bytes[at] = [0, 0x7f, 0x80, 0xff, randomInteger(random, 256)][length % 5];
    }
  }
  return bytes.subarray(0, MAX_INPUT_BYTES);
}

interface Figures {
  iterations: number;
  accepted: number;
  slowestMs: number;
}

async function fuzz(decoder: FuzzedDecoder, seed: number, iterations: number): Promise<Figures> {
  const random = seededRandom(seed);
  const figures: Figures = { iterations, accepted: 0, slowestMs: 0 };
  const inputs = decoder.inputs(random);
  for (let i = 0; i < iterations; i++) {
    const pick = () => inputs[randomInteger(random, inputs.length)];
    const bytes = mutate(random, pick(), pick());
    const started = process.hrtime.bigint();
    try {
      await decoder.read(bytes);
      figures.accepted++;
    } catch (error) {
      if (!decoder.errors.includes((error as Error).name)) {
        console.error(
          `${decoder.name}, seed ${seed}, iteration ${i}, input ${Buffer.from(bytes).toString("hex")}`,
        );
        throw error;
      }
    }
    figures.slowestMs = Math.max(figures.slowestMs, Number(process.hrtime.bigint() - started) / 1e6);
    if (i % 1000 === 0 && process.memoryUsage().heapUsed > MAX_HEAP_BYTES)
      throw new Error(`${decoder.name}, seed ${seed}, iteration ${i}: the heap has grown beyond its limit`);
  }
  return figures;
}

const { values } = parseArgs({
  options: {
    iterations: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const decoders = DECODERS.filter(({ name }) => values.only === undefined || name === values.only);
const shares = decoders.reduce((sum, { share }) => sum + share, 0);
let total = 0;
console.log(`seed ${values.seed}`);
for (const decoder of decoders) {
  const iterations = Math.ceil((Number(values.iterations) * decoder.share) / shares);
  const { accepted, slowestMs } = await fuzz(decoder, Number(values.seed), iterations);
  total += iterations;
  console.log(
    `${decoder.name.padEnd(28)} ${String(iterations).padStart(8)} inputs, ${String(accepted).padStart(8)} accepted, slowest ${slowestMs.toFixed(1)} ms`,
  );
}
const { maxRSS } = process.resourceUsage();
console.log(
  `${total} inputs, no error that was not promised; resident memory up to ${Math.round(maxRSS / 1024)} MiB`,
);
