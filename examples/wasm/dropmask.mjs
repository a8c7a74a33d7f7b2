// dropmask for JavaScript: the C library, compiled to a WebAssembly module. include/dropmask.h documents each function.

const PAGE = 65536;

export class Dropmask {
    #exports;

    // From the bytes of the module; it imports nothing.
    static async load(bytes) {
        const { instance } = await WebAssembly.instantiate(bytes, {});
        return new Dropmask(instance.exports);
    }

    constructor(exports) {
        this.#exports = exports;
    }

    // Keys and element indices are BigInts.
    newKey(seed) {
        return BigInt.asUintN(64, this.#exports.dropmask_key_new(seed));
    }

    derive(key, step) {
        return BigInt.asUintN(64, this.#exports.dropmask_key_derive(key, step));
    }

    scale(p) {
        return this.#call((put) => {
            const scale = put(new Float32Array(1));
            this.#check(this.#exports.dropmask_scale(p, scale.at));
            return scale.read();
        })[0];
    }

    // The mask of `len` elements, a bit each, as a BigUint64Array.
    fill({ key, p, offset = 0n }, len) {
        return this.#call((put) => {
            const mask = put(new BigUint64Array(Math.ceil(len / 64)));
            this.#check(this.#exports.dropmask_fill(key, p, offset, mask.at, len));
            return mask.read();
        });
    }

    forward({ key, p, offset = 0n }, x) {
        return this.#call((put) => {
            const y = put(x);
            this.#check(this.#exports.dropmask_forward_f32(key, p, offset, y.at, y.at, 0, x.length));
            return y.read();
        });
    }

    backward({ key, p, offset = 0n }, dy) {
        return this.#call((put) => {
            const dx = put(dy);
            this.#check(this.#exports.dropmask_backward_f32(key, p, offset, dx.at, dx.at, dy.length));
            return dx.read();
        });
    }

    // Either pass with a mask that was filled before.
    apply(mask, scale, x) {
        return this.#call((put) => {
            const words = put(mask);
            const y = put(x);
            this.#check(this.#exports.dropmask_apply_f32(words.at, scale, y.at, y.at, x.length));
            return y.read();
        });
    }

    // Runs an operation that puts typed arrays behind the module's own memory, as the library allocates none.
    #call(operation) {
        const memory = this.#exports.memory;
        let end = this.#exports.__heap_base.value;
        return operation((array) => {
            const at = Math.ceil(end / 8) * 8;
            end = at + array.byteLength;
            const missing = end - memory.buffer.byteLength;
            if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
            const view = () => new array.constructor(memory.buffer, at, array.length);
            view().set(array);
            return { at, read: () => view().slice() };
        });
    }

    #check(status) {
        if (status === 0) return;
        const bytes = new Uint8Array(this.#exports.memory.buffer, this.#exports.dropmask_status_message(status));
        throw new RangeError(new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0))));
    }
}
