// solve.js MODULE - solves a 3 x 4 problem in WebAssembly and prints its plan.
"use strict";
const { readFileSync } = require("fs");

const module_ = new WebAssembly.Module(readFileSync(process.argv[2]));
const ot = new WebAssembly.Instance(module_).exports;

// The library allocates nothing: arrays are cut off the free end of the module's memory, one after
// the other. (Growing the memory detaches views of it, so addresses are kept and views made late.)
let end = ot.__heap_base.value;
const reserve = (length) => {
    const start = Math.ceil(end / 8) * 8;
    end = start + 8 * length;
    const missing = Math.ceil((end - ot.memory.buffer.byteLength) / 65536);
    if (missing > 0) ot.memory.grow(missing);
    return start;
};
const view = (start, length) => new Float64Array(ot.memory.buffer, start, length);
const copy = (values) => {
    const start = reserve(values.length);
    view(start, values.length).set(values);
    return start;
};

const [n, m, epsilon] = [3, 4, 0.5];
const cost = copy([0, 1, 4, 9, 1, 0, 1, 4, 4, 1, 0, 1]);
const [a, b] = [copy([0.5, 0.3, 0.2]), copy([0.1, 0.2, 0.3, 0.4])];
const [f, g, work] = [n, m, ot.work_len(n, m)].map(reserve);
const [plan, iterations] = [n * m, 1].map(reserve);

const status = ot.solve(n, m, cost, a, b, epsilon, f, g, work, plan, iterations);
if (status < 0) throw new Error(`refused: ${status}`);
for (let i = 0; i < n; i++) {
    const row = Array.from(view(plan, n * m).subarray(i * m, (i + 1) * m));
    console.log(row.map((x) => x.toFixed(6).padStart(10)).join(""));
}
console.log(`status ${status} after ${view(iterations, 1)[0]} iterations`);
process.exitCode = status === 0 ? 0 : 1;
