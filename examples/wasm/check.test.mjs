// The module against the golden vectors, and both passes against plain JavaScript:
// DROPMASK_WASM=dropmask.wasm node --test examples/wasm/check.test.mjs
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { env } from "node:process";
import { test } from "node:test";

import { Dropmask } from "./dropmask.mjs";

const dropmask = await Dropmask.load(await readFile(env.DROPMASK_WASM));
const stream = new URL("../../tests/golden/stream.json", import.meta.url);
// seeds, steps and offsets of 64 bits are no numbers of JavaScript
const text = (await readFile(stream, "utf8")).replace(/("(?:seed|offset)": )(\d+)/g, '$1"$2"')
    .replace(/"derive": \[([^\]]*)\]/g, (_, steps) => `"derive": [${steps.replace(/\d+/g, '"$&"')}]`);
const golden = JSON.parse(text);

const floatOf = (bits) => new Float32Array(new Uint32Array([Number(bits)]).buffer)[0];
const kept = (mask, i) => mask[i >> 6] >> BigInt(i & 63) & 1n;

assert.equal(golden.stream, 1);
assert.equal(golden.cases.length, 17);
for (const { seed, derive, key, p_bits, scale_bits, offset, len, words } of golden.cases) {
    test(`seed ${seed}, steps ${derive}, p ${p_bits}, offset ${offset}, ${len} elements`, () => {
        const stream = {
            key: derive.reduce((key, step) => dropmask.derive(key, BigInt(step)), dropmask.newKey(BigInt(seed))),
            p: floatOf(p_bits),
            offset: BigInt(offset),
        };
        assert.equal(stream.key, BigInt(key));

        const mask = dropmask.fill(stream, len);
        assert.deepEqual([...mask], words.map(BigInt));

        const scale = dropmask.scale(stream.p);
        assert.equal(scale, floatOf(scale_bits));

        const x = Float32Array.from({ length: len }, (_, i) => [i / 7 - 40, NaN, -0.0, Infinity, 1e-45][i % 9] ?? i);
        const y = x.map((x, i) => kept(mask, i) ? (stream.p === 0 ? x : x * scale) : 0);
        for (const actual of [dropmask.forward(stream, x), dropmask.backward(stream, x), dropmask.apply(mask, scale, x)]) {
            assert.deepEqual([...actual], [...y]);
        }
    });
}

test("what does not fit is an error", () => {
    for (const p of [NaN, -0.1, 1.5]) {
        assert.throws(() => dropmask.fill({ key: 1n, p }, 64), /probability/);
    }
    assert.throws(() => dropmask.forward({ key: 1n, p: 0.5, offset: 2n ** 64n - 1n }, new Float32Array(2)), RangeError);
});
