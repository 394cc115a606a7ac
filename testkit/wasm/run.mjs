// Runs ainv's checks in WebAssembly: node testkit/wasm/run.mjs FILE.wasm. Hashes of the results' bits go
// to standard output, all else to standard error.
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
let failed = 0;

function fresh() {
  const { exports } = new WebAssembly.Instance(module);
  const said = () =>
    Buffer.from(exports.memory.buffer, exports.said(), exports.said_bytes()).toString();
  return { exports, said, checks: exports.checks() };
}

function check(name, f, said) {
  const begin = performance.now();
  try {
    f();
    console.error(`  ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    failed += 1;
    console.error(`  FAILED ${name}: ${said() || error.stack}`);
  }
}

// As a page calls it; the residual is computed here, by other code.
let { exports, said, checks } = fresh();
check("invert", () => {
  for (const [count, n] of [[100, 4], [1, 50], [1, 150]]) {
    const size = count * n * n;
    const at = exports.numbers(size);
    const view = () => new Float64Array(exports.memory.buffer, at, size);
    let seed = 1;
    view().forEach((_, i, a) => {
      seed = (seed * 48271) % 0x7fffffff;
      a[i] = seed / 0x7fffffff - 0.5 + (i % (n * n) % (n + 1) === 0 ? 2 : 0);
    });
    const a = view().slice();
    const bad = count > 1 ? 1 : 0;
    if (bad) a.fill(0, 7 * n * n, 8 * n * n), view().set(a);
    const status = exports.invert(at, count, n);
    if (status !== bad) throw new Error(`${count} of ${n}: ${status} ${said()}`);
    const x = view();
    for (let m = 0; m < count; m++) {
      if (bad && m === 7) {
        if (!x.subarray(m * n * n, (m + 1) * n * n).every(Number.isNaN)) throw new Error("not NaN");
        continue;
      }
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let sum = i === j ? -1 : 0;
          for (let k = 0; k < n; k++) sum += a[(m * n + i) * n + k] * x[(m * n + k) * n + j];
          if (!(Math.abs(sum) < 1e-10)) throw new Error(`${count} of ${n}: (${i}, ${j}) is ${sum}`);
        }
      }
    }
  }
  if (exports.invert(exports.numbers(4), 1, 2) !== 1) throw new Error("a zero matrix is singular");
}, said);

for (let i = 0; i < checks; i++) {
  exports.name(i);
  const name = said();
  check(name, () => {
    exports.run(i);
    if (said()) console.log(said());
  }, said);
  // What a trap leaves behind is not used again.
  ({ exports, said } = fresh());
}
console.error(failed ? `${failed} failed` : `all ${checks + 1} passed`);
process.exit(failed ? 1 : 0);
