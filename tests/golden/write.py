"""Golden vectors, and random cases in the same form.

    python3 tests/golden/write.py stream > tests/golden/stream.json
    python3 tests/golden/write.py kinds > tests/golden/family.json
    python3 tests/golden/write.py kinds 7          random cases of seed 7, of the kinds that have an index of their own

`stream.py` is the mask stream as `docs/stream.md` has it; `masks.py` and `family.py` are the kinds on it. The schemas
say how numbers are written, and what the inputs are. A new kind is a function in `KINDS`, a definition in the
schema, and a test of the same name in `tests/library/golden/kinds.rs`.
"""

import json
import sys

sys.dont_write_bytecode = True  # nothing but the vectors is left behind

import family
import masks
from dropout import Dropout, f32, floats
from stream import END, ONE, derive, new, words

KINDS = ["numbers", "generator", "scaling", "special", "residual", "rows", "channels", "samples", "per_sample",
         "embedding", "attention", "bias", "relu", "alpha", "select", "cutout", "drop_block", "connect", "monte_carlo",
         "uncertainty", "layer"]


def stream(random=None):
    def case(seed, steps, p, offset, count):
        dropout = Dropout(derive(new(seed), *steps), p, offset)
        kept = dropout.kept([count])
        return {"seed": seed, "derive": steps, "key": f"0x{dropout.key:016x}",
                "p_bits": "0x" + floats([p]), "p": f32(p), "threshold": dropout.t,
                "scale_bits": "0x" + floats([dropout.scale]), "keep_bits": "0x" + floats([dropout.t / ONE]),
                "offset": offset, "len": count, "kept": sum(kept),
                "words": [f"0x{word:016x}" for word in words(kept)]}
    if random:
        steps, count = [random.getrandbits(64) for _ in range(random.count(3, 0))], random.count(5000, 0)
        return case(random.getrandbits(64), steps, random.p(), random.dropout(count).offset, count)
    return [case(0, [], 0.5, 0, 2048), case(42, [], 0.1, 0, 2048), case(42, [3, 17], 0.1, 0, 1500),
            case(42, [], 0.1, 1000, 300), case(42, [], 0.1, 63, 130), case(7, [1], 0.25, 5000, 1025),
            case(7, [1], 0.2, 1 << 40, 1024), case(END - 1, [END - 1], 0.3, (1 << 63) + 5, 700),
            case(1, [], 0.0, 3, 70), case(1, [], 1.0, 3, 70), case(9, [], 1e-4, 0, 8192), case(9, [], 0.9999, 0, 8192),
            case(9, [], 0.875, 10, 640), case(11, [0], 2.0 ** -10, 0, 4096), case(11, [0], 1e-12, 0, 128),
            case(42, [7], 0.1, 892978700, 128),  # U of an element equals the threshold
            case(3, [], 0.34, 0, 64)]  # a scale by the keep probability as f32 would be another


def main(what, seed=None):
    random = None if seed is None else masks.Random(int(seed))
    cases = lambda kind: kind() if random is None else [kind(random) for _ in range(8)]
    if what == "stream":
        print(json.dumps({"stream": 1, "cases": cases(stream)}, indent=1), end="")
        return
    kinds = {kind.__name__: kind for kind in masks.KINDS + (family.KINDS if random is None else [])}
    text = lambda kind: f'"{kind}": [\n' + ",\n".join(map(json.dumps, cases(kinds[kind]))) + "\n]"
    lists = [text(kind) for kind in KINDS if kind in kinds]
    print('{"stream": 1, "kinds": {\n' + ",\n".join(lists) + "\n}}")


if __name__ == "__main__":
    main(*sys.argv[1:])
