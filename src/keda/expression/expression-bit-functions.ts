/** Functions on the bits of whole numbers, 64 of them as in Go (expr-lang/expr `builtin`). */
import type { Builtin } from "./expression-functions.ts";
import { ExpressionError } from "./expression-lexer.ts";
import { nodeTypeName, runtimeType } from "./expression-node.ts";

const checkInts =
  (name: string, arity: number): Builtin["check"] =>
  (args, position) => {
    if (args.length !== arity) {
      const problem = `${args.length < arity ? "not enough" : "too many"} arguments to call ${name}`;
      throw new ExpressionError(problem, position);
    }
    for (const arg of args) {
      if (arg.type === "int" || arg.type === "unknown") continue;
      const [what, end] = arg.type === "nil" ? ["nil", ""] : [nodeTypeName(arg), " "];
      throw new ExpressionError(
        `cannot use ${what} as argument (type int) to call ${name}${end}`,
        arg.position,
      );
    }
    return { type: "int" };
  };

type Compute = (bits: bigint[], position: number) => bigint;

const ofInts = (name: string, arity: number, compute: Compute): [string, Builtin] => [
  name,
  {
    check: checkInts(name, arity),
    apply: (args, nodes, position) => {
      const bits = args.map((value, index) => {
        const type = runtimeType(value, nodes[index]);
        if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
        throw new ExpressionError(`cannot use ${type} as argument (type int) to call ${name}`, position);
      });
      return Number(BigInt.asIntN(64, compute(bits, position)));
    },
  },
];

/** No shift beyond leaves anything. */
const WIDTH = 64n;

const shift =
  (compute: (bits: bigint, count: bigint) => bigint): Compute =>
  ([bits, count], position) => {
    if (count >= 0n) return compute(bits, count < WIDTH ? count : WIDTH);
    throw new ExpressionError(`invalid operation: negative shift count ${count} (type int)`, position);
  };

export const BIT_FUNCTIONS: [string, Builtin][] = [
  ofInts("bitand", 2, ([a, b]) => a & b),
  ofInts("bitor", 2, ([a, b]) => a | b),
  ofInts("bitxor", 2, ([a, b]) => a ^ b),
  ofInts("bitnand", 2, ([a, b]) => a & ~b),
  ofInts("bitnot", 1, ([a]) => ~a),
  ofInts(
    "bitshl",
    2,
    shift((bits, count) => bits << count),
  ),
  ofInts(
    "bitshr",
    2,
    shift((bits, count) => bits >> count),
  ),
  ofInts(
    "bitushr",
    2,
    shift((bits, count) => BigInt.asUintN(64, bits) >> count),
  ),
];
