// cases.js MODULE - runs the cases of ../same_bits in a WebAssembly module.
"use strict";
const { readFileSync } = require("fs");

const module_ = new WebAssembly.Module(readFileSync(process.argv[2]));
let text = "";
const print = (start) => {
    const bytes = new Uint8Array(instance.exports.memory.buffer);
    text += Buffer.from(bytes.subarray(start, bytes.indexOf(0, start))).toString();
};
const instance = new WebAssembly.Instance(module_, { host: { print } });
const fastest = 0; // ROT_LEVEL_FASTEST
const failures = instance.exports.run_cases(fastest, 0);
process.stdout.write(text);
process.exitCode = failures === 0 ? 0 : 1;
