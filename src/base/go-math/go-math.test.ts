/** The functions against bits that Go printed, and against Go itself where it is installed (GO_MATH_SEED, GO_MATH_COUNT). */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exponential, exponential2 } from "./exponential.ts";
import { exponentOf, fractionOf, scaled } from "./float-parts.ts";
import { fusedMultiplyAdd } from "./fused-multiply-add.ts";
import { hyperbolicCosine, hyperbolicSine, hyperbolicTangent } from "./hyperbolic.ts";
import { inverseHyperbolicCosine, inverseHyperbolicSine } from "./inverse-hyperbolic.ts";
import { arcCosine, arcSine, arcTangent, arcTangent2 } from "./inverse-trigonometry.ts";
import { logarithm, logarithm2, logarithm10 } from "./logarithm.ts";
import { power } from "./power.ts";
import { cosine, sine, tangent } from "./trigonometry.ts";

const SEED = Number(process.env.GO_MATH_SEED ?? 1);
const COUNT = Number(process.env.GO_MATH_COUNT ?? 200_000);

/** By Go's name. Those that JavaScript has the same are here to find out should that change. */
const FUNCTIONS: Record<string, (x: number, y: number) => number> = {
  Exp: exponential,
  Exp2: exponential2,
  Log: logarithm,
  Log2: logarithm2,
  Log10: logarithm10,
  Log1p: Math.log1p,
  Pow: power,
  Mod: (x, y) => x % y,
  Sin: sine,
  Cos: cosine,
  Tan: tangent,
  Asin: arcSine,
  Acos: arcCosine,
  Atan: arcTangent,
  Atan2: arcTangent2,
  Sinh: hyperbolicSine,
  Cosh: hyperbolicCosine,
  Tanh: hyperbolicTangent,
  Asinh: inverseHyperbolicSine,
  Acosh: inverseHyperbolicCosine,
  Atanh: Math.atanh,
};

/** Arguments and the bits of the result. */
const CASES: Record<string, [...number[], bigint][]> = {
  Exp: [
    [1, 0x4005bf0a8b145769n],
    [-1, 0x3fd78b56362cef38n],
    [0.1, 0x3ff1aec7b35a00d4n],
    [2.5, 0x40285d6fd931e0bbn],
    [-3.7, 0x3f99511fc6871044n],
    [100.3, 0x48fa08a5754ae034n],
    [-700.1, 0xcf52f93df4dfcfn],
    [-744.5, 0x1n],
    [709.4, 0x7fe5d303de3ac8fdn],
    [709.5, 0x7ff0000000000000n],
    [-745.2, 0x0n],
  ],
  Exp2: [
    [0.1, 0x3ff125fbee250664n],
    [2.5, 0x4016a09e667f3bccn],
    [-3.7, 0x3fb3b2c47bff8328n],
    [100.3, 0x4633b2c47bff831en],
    [-1073.4, 0x2n],
    [1023.9, 0x7feddb680117aa8en],
    [1024, 0x7ff0000000000000n],
  ],
  Log: [
    [2, 0x3fe62e42fefa39efn],
    [3, 0x3ff193ea7aad030an],
    [0.1, 0xc0026bb1bbb55515n],
    [0.7, 0xbfd6d3c324e13f50n],
    [0.001, 0xc01ba18a998fffa0n],
    [1e10, 0x4037069e2aa2aa5bn],
    [12345.678, 0x4022d79559791e31n],
    [1e-310, 0xc08628ae3f3c2ff6n],
    [0, 0xfff0000000000000n],
    [-1, 0x7ff8000000000001n],
  ],
  Log2: [
    [8, 0x4008000000000000n],
    [3, 0x3ff95c01a39fbd69n],
    [0.1, 0xc00a934f0979a371n],
    [0.7, 0xbfe0776228967d13n],
    [1e-310, 0xc0901730dabca5f6n],
    [5e-324, 0xc090c80000000000n],
  ],
  Log10: [
    [1000, 0x4008000000000000n],
    [3, 0x3fde8927964fd5fcn],
    [0.1, 0xbfefffffffffffffn],
    [1e-310, 0xc0733f3a51bf529cn],
  ],
  Sin: [
    [1, 0x3feaed548f090ceen],
    [0.1, 0x3fb98eaecb8bcb2cn],
    [-2.5, 0xbfe326af0dcfcab0n],
    [100, 0xbfe03425b78c4db8n],
    [1.5e9, 0xbfe860b27d27a307n],
    [1e22, 0xbfeb453ab76bf398n],
    [1.0123914810296951e10, 0xbf0930ded35863e1n],
  ],
  Cos: [
    [1, 0x3fe14a280fb5068cn],
    [0.1, 0x3fefd712f9a817c0n],
    [-2.5, 0xbfe9a2f7ef858b7dn],
    [100, 0x3feb981dbf665fdfn],
    [1.5e9, 0xbfe4bad75099d5bfn],
    [1e22, 0x3fe0be2cef01c8f3n],
  ],
  Tan: [
    [1, 0x3ff8eb245cbee3a5n],
    [0.1, 0x3fb9af8877430b80n],
    [-2.5, 0x3fe7e79b4e00bb15n],
    [100, 0xbfe2ca74d62b5d37n],
    [-1.4399718181713892e10, 0x40deba41caac8a52n],
    [1e-8, 0x3e45798ee2308c3an],
  ],
  Asin: [
    [0.1, 0x3fb9a49276037884n],
    [-0.5, 0xbfe0c152382d7366n],
    [0.71, 0x3fe94391bfac8e4bn],
    [0.99, 0x3ff6de3c6f33d51dn],
    [1, 0x3ff921fb54442d18n],
    [1.1, 0x7ff8000000000001n],
  ],
  Acos: [
    [0.1, 0x3ff787b22ce3f590n],
    [-0.5, 0x4000c152382d7366n],
    [0.71, 0x3fe90064e8dbcbe5n],
    [0.99, 0x3fc21df72882bfd8n],
  ],
  Atan: [
    [0.1, 0x3fb983e282e2cc4dn],
    [-0.7, 0xbfe38b112d7bd4adn],
    [1, 0x3fe921fb54442d18n],
    [3, 0x3ff3fc176b7a8560n],
    [1e9, 0x3ff921fb53ff74e8n],
  ],
  Sinh: [
    [0.1, 0x3fb9a487337b59b4n],
    [0.6, 0x3fe45f775546a77dn],
    [-5.5, 0xc05e9602d48d0661n],
    [30, 0x429370470aec28ecn],
  ],
  Cosh: [
    [0.1, 0x3ff0147f40224b38n],
    [0.6, 0x3ff2f7aa606e5630n],
    [-5.5, 0x405e9645c9b6718bn],
    [30, 0x429370470aec28ecn],
  ],
  Tanh: [
    [0.1, 0x3fb983d7795f413an],
    [0.7, 0x3fe356fb17af2e91n],
    [-5.5, 0xbfefffb9f2fc1e91n],
    [50, 0x3ff0000000000000n],
  ],
  Asinh: [
    [0.1, 0x3fb98eb9e7e5fc3fn],
    [1.7, 0x3ff4d0291473fd4an],
    [-5.5, 0xc0033f9bed3b2dc6n],
    [1e9, 0x40356a9a0b23d187n],
  ],
  Acosh: [
    [1.5, 0x3feecc2caec5160an],
    [5.5, 0x40031dc0090b63d8n],
    [1e9, 0x40356a9a0b23d187n],
    [0.5, 0x7ff8000000000001n],
  ],
  Pow: [
    [1000, 2.5, 0x417e286789a07f2en],
    [2, 0.5, 0x3ff6a09e667f3bcdn],
    [10, -3, 0x3f50624dd2f1a9fcn],
    [1.1, 17, 0x401437c70ef2980en],
    [-2, 3, 0xc020000000000000n],
    [-2, 0.5, 0xfff8000000000000n],
    [0.3, 0.7, 0x3fdb8d809c615f41n],
    [1.0000001, 1e9, 0x48f349445a543ab1n],
    [7, -300.2, 0xb42cac55d6dd356n],
    [2, -1074, 0x1n],
    [-0.5, 1100, 0x0n],
    [-1, Infinity, 0x3ff0000000000000n],
    [0, -1, 0x7ff0000000000000n],
    [5, 1e19, 0x7ff0000000000000n],
  ],
  Atan2: [
    [1, 2, 0x3fddac670561bb4fn],
    [-1, 2, 0xbfddac670561bb4fn],
    [1, -2, 0x40056c6e7397f5aen],
    [-3, -0.1, 0xbff9aa76ecfd4070n],
    [0.2, 1e9, 0x3deb7cdfd9d7bdbbn],
  ],
};

function ofBits(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0];
}

test("each function gives the bits that Go gives on amd64", () => {
  for (const [name, cases] of Object.entries(CASES)) {
    for (const [x, ...rest] of cases) {
      const y = rest.length === 2 ? (rest[0] as number) : 0;
      const [value, wanted] = [FUNCTIONS[name](x as number, y), ofBits(rest.at(-1) as bigint)];
      assert.ok(Object.is(value, wanted), `${name}(${x}, ${y}) is ${value}, not ${wanted}`);
    }
  }
});

test("fusedMultiplyAdd() rounds once", () => {
  assert.equal(fusedMultiplyAdd(0.1, 10, -1), 2 ** -54);
  assert.equal(fusedMultiplyAdd(1 / 3, 3, -1), -(2 ** -54));
  assert.equal(fusedMultiplyAdd(0.1, 0.1, 0.1), ofBits(0x3fbc28f5c28f5c29n));
  // Halfway between two numbers but for the last bits of the product, above and below.
  const little = 2 ** -53;
  assert.equal(fusedMultiplyAdd(little, 1 + 2 ** -52, 1), 1 + 2 ** -52);
  assert.equal(fusedMultiplyAdd(little, 1 - 2 ** -53, 1), 1);
  assert.equal(fusedMultiplyAdd(little, 1, 1), 1);
});

test("scaled() undoes fractionOf() and exponentOf(), and rounds once", () => {
  for (const value of [1, -0.3, 5e-324, 1e-310, 2 ** -1022, Number.MAX_VALUE, 0, -0, Number.NaN, -Infinity]) {
    assert.equal(scaled(fractionOf(value), exponentOf(value)), value);
  }
  assert.equal(fractionOf(12), 0.75);
  assert.equal(exponentOf(12), 4);
  assert.equal(scaled(1, -1074), 5e-324);
  assert.equal(scaled(1, -1075), 0);
  assert.equal(scaled(1.5, -1075), 5e-324);
  assert.equal(scaled(5e-324, 2097), 2 ** 1023);
  assert.equal(scaled(-0.5, 1025), Number.NEGATIVE_INFINITY);
  assert.equal(scaled(-1, -5000), -0);
});

/** Prints arguments and results as they lie in memory: the number of the function, x, y, the result. */
const PROGRAM = `package main

import ("bufio"; "encoding/binary"; "math"; "math/rand"; "os"; "strconv")

var one = []func(float64) float64{UNARY}
var two = []func(float64, float64) float64{BINARY}
var special = []float64{0, math.Copysign(0, -1), 1, -1, 2, 0.5, -0.5, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, 1e-310,
  math.MaxFloat64, -1e300, 3, -3, 1e19, 709.78, 709.5, -745.2, -708.4, 1 << 29, 1 << 53, 1 << 63, 0.7, 0.66, 0.625, 21, 2.5, 1e3}

func number(r *rand.Rand) float64 {
  switch r.Intn(9) {
  case 0: return special[r.Intn(len(special))]
  case 1: return math.Float64frombits(r.Uint64())
  case 2: return float64(r.Intn(2001) - 1000)
  case 3: return float64(r.Intn(200001)-100000) / 100
  case 4: return r.NormFloat64() * 700
  case 5: return 2*r.Float64() - 1
  case 6: return math.Ldexp(1+r.Float64(), r.Intn(80)-40)
  case 7: return 1 + r.NormFloat64()*1e-6
  }
  return r.Float64() * 10
}

func main() {
  seed, _ := strconv.ParseInt(os.Args[1], 10, 64)
  count, _ := strconv.Atoi(os.Args[2])
  r := rand.New(rand.NewSource(seed))
  out := bufio.NewWriterSize(os.Stdout, 1<<20)
  defer out.Flush()
  for i := 0; i < count; i++ {
    f, x, y := r.Intn(len(one)+len(two)), number(r), number(r)
    var value float64
    if f < len(one) { value = one[f](x) } else { value = two[f-len(one)](x, y) }
    binary.Write(out, binary.LittleEndian, [4]float64{float64(f), x, y, value})
  }
}
`;

test("each function agrees with Go on generated numbers", {
  skip: (spawnSync("go", ["version"]).status !== 0 || process.arch !== "x64") && "no Go on amd64",
}, (t) => {
  t.diagnostic(`GO_MATH_SEED=${SEED}, ${COUNT} numbers`);
  const directory = mkdtempSync(join(tmpdir(), "go-math-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const two = ["Pow", "Mod", "Atan2"];
  const one = Object.keys(FUNCTIONS).filter((name) => !two.includes(name));
  const named = (names: string[]) => names.map((name) => `math.${name}`).join(", ");
  const source = join(directory, "main.go");
  writeFileSync(source, PROGRAM.replace("UNARY", named(one)).replace("BINARY", named(two)));
  const printed = execFileSync("go", ["run", source, String(SEED), String(COUNT)], {
    maxBuffer: COUNT * 32 + 1,
  });
  const view = new DataView(printed.buffer, printed.byteOffset, printed.length);
  const names = [...one, ...two];
  const differences: string[] = [];
  for (let at = 0; at < printed.length; at += 32) {
    const [index, x, y, wanted] = [0, 8, 16, 24].map((offset) => view.getFloat64(at + offset, true));
    const value = FUNCTIONS[names[index]](x, y);
    if (!Object.is(value, wanted)) differences.push(`${names[index]}(${x}, ${y}): ${value}, not ${wanted}`);
  }
  assert.equal(printed.length, COUNT * 32);
  assert.deepEqual(differences.slice(0, 10), [], `${differences.length} differences, seed ${SEED}`);
});
