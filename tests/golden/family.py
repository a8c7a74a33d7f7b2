"""Golden vectors of every kind of dropout, each written from its definition.

    python3 tests/golden/family.py > tests/golden/family.json

Floats and mask words are strings of their bits in hexadecimal: 8 digits an f32, 16 an f64 or a word. Inputs are not
stored: they are `values(n, count)`, n being 1 for the first slice that a kind reads or adds to, 2 for the next. What is
made of f32 products and sums is exact; what needs exp or ln is the f64 nearest to 40 digits.

A new kind is a function that returns its cases, listed in KINDS, and a test of the same name in `tests/library/golden.rs`.
"""

import itertools
import json
import math
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

sys.dont_write_bytecode = True  # nothing but the vectors is left behind

from stream import END, ONE, Stream, below, derive, doubles, f32, floats, is_kept, new_key, plus
from stream import product, threshold, total, u64, values, words, xoshiro

getcontext().prec = 40


def numbers():
    return [{"key": f"{key:016x}", "n": n, "numbers": [below(key, i, n) for i in range(8)]}
            for key, n in [(new_key(1), 6), (derive(new_key(2), 5), 1), (new_key(3), END - 1), (new_key(4), 0)]]


def generator():
    """Each word draws the digits of T from the most significant to its last 1, until no element is undecided."""
    def case(seed, p, count):
        rng, t, bits, drawn = xoshiro(seed, 0), threshold(p), [], 0
        digits = f"{t:032b}".rstrip("0") if 0 < t < ONE else ""
        for _ in range(0, count, 64):
            numbers = [""] * 64
            for i in range(len(digits)):
                if digits[:i] not in numbers:
                    break
                word, drawn = next(rng), drawn + 1
                numbers = [number + str(word >> e & 1) for e, number in enumerate(numbers)]
            bits += [number < digits[:len(number)] if digits else t == ONE for number in numbers]
        return {"seed": seed, "p": floats([p]), "len": count, "mask": words(bits[:count]), "next": f"{next(rng):016x}"}
    return [case(1, 0.1, 200), case(2, 0.5, 130), case(3, 0.3, 65), case(4, 1.0, 70), case(5, 0.0, 70)]


def scaling():
    def case(stream, count):
        x, bits = values(1, count), stream.bits(count)
        return {"stream": stream.json(), "len": count, "mask": words(bits),
                "inverted": floats(stream.drop(x, bits)), "unscaled": floats(stream.drop(x, bits, 1.0)),
                "standard_evaluation": floats(stream.evaluate(x))}
    return [case(Stream(10, 0.1, 1000), 75), case(Stream(11, 0.5, 3), 70), case(Stream(12, 0.3, END - 50), 50),
            case(Stream(13, 0.0, 7), 5), case(Stream(14, 1.0, 7), 5)]


def special():
    """Infinity, NaN, zeros, subnormals: dropping selects, and a sum with +0.0 turns -0.0 into +0.0."""
    def case(stream):
        x = [math.inf, -math.inf, math.nan, -0.0, 0.0, 2.0 ** -149, -(2.0 ** -126), 1.0] * 4
        r = [-0.0] * 16 + [1.0] * 8 + [-math.inf] * 8
        bits = stream.bits(len(x))
        y = stream.drop(x, bits)
        return {"stream": stream.json(), "x": floats(x), "r": floats(r), "y": floats(y), "sum": floats(plus(r, y))}
    return [case(Stream(15, 0.5, 60)), case(Stream(16, 0.3, 500)), case(Stream(17, 0.0)), case(Stream(18, 1.0))]


def residual():
    def case(stream, count):
        x, r, bits = values(1, count), values(2, count), stream.bits(count)
        return {"stream": stream.json(), "len": count, "sum": floats(plus(r, stream.drop(x, bits))),
                "standard_evaluation": floats(plus(r, stream.evaluate(x)))}
    return [case(Stream(20, 0.1, 1020), 70), case(Stream(21, 0.5, 65), 33), case(Stream(22, 0.3, END - 40), 40)]


def rows():
    """Element (r, c) is at r * stride + c and has index offset + r * index_stride + c. A stored mask is dense."""
    def case(stream, rows, columns, stride, index_stride):
        count = (rows - 1) * stride + columns
        x, y, bits = values(1, count), values(2, count), []
        for r in range(rows):
            at, row = r * stride, [stream.kept(r * index_stride + c) for c in range(columns)]
            y[at:at + columns] = stream.drop(x[at:at + columns], row)
            bits.append(row)
        return {"stream": stream.json(), "rows": rows, "columns": columns, "stride": stride,
                "index_stride": index_stride, "y": floats(y), "mask": words(sum(bits if index_stride else bits[:1], []))}
    return [case(Stream(30, 0.1, 300), 4, 13, 13, 1000), case(Stream(31, 0.5, 77), 3, 9, 11, 0),
            case(Stream(32, 0.3, 1), 2, 70, 73, 70), case(Stream(33, 0.75, END - 131), 5, 3, 4, 32)]


def channels():
    """The bit of channel c of sample n has index offset + n * C + c, or n times the channels of the whole tensor."""
    def case(stream, samples, channels, positions, index_stride=None):
        stride = channels if index_stride is None else index_stride
        x = values(1, samples * channels * positions)
        bit = lambda n, c: stream.kept(n * stride + c)
        sizes = range(samples), range(channels), range(positions)
        first = [bit(n, c) for n in sizes[0] for c in sizes[1] for _ in sizes[2]]
        last = [bit(n, c) for n in sizes[0] for _ in sizes[2] for c in sizes[1]]
        mask = [bit(n, c) for n in sizes[0] if stride or n == 0 for c in sizes[1]]
        return {"stream": stream.json(), "shape": [samples, channels, positions], "index_stride": stride,
                "mask": words(mask),
                "first": floats(stream.drop(x, first)), "last": floats(stream.drop(x, last))}
    return [case(Stream(40, 0.1, 1019), 3, 5, 4), case(Stream(41, 0.5), 2, 3, 7), case(Stream(42, 0.3, 62), 1, 6, 5),
            case(Stream(43, 0.5, 9), 3, 4, 3, 10), case(Stream(44, 0.3, 129), 2, 67, 1),
            case(Stream(45, 0.5), 4, 3, 2, 0)]


def samples():
    """DropPath: the bit of sample n has index offset + n."""
    def case(stream, samples, size):
        x, r = values(1, samples * size), values(2, samples * size)
        bits = [stream.kept(n) for n in range(samples) for _ in range(size)]
        return {"stream": stream.json(), "samples": samples, "len": size, "scaled": floats(stream.drop(x, bits)),
                "unscaled": floats(stream.drop(x, bits, 1.0)), "sum": floats(plus(r, stream.drop(x, bits)))}
    return [case(Stream(50, 0.1, 63), 9, 4), case(Stream(51, 0.5, 1023), 3, 13), case(Stream(52, 0.3), 37, 1)]


def per_sample():
    """Sample n has a probability of its own, and the indices that it has in the whole; with layouts, one bit a sample."""
    def case(stream, probabilities, size):
        streams = [Stream(0, p, stream.offset) for p in probabilities]
        for one in streams:
            one.key = stream.key
        count = len(streams) * size
        x, r = values(1, count), values(2, count)
        parts = lambda z: [z[n * size:][:size] for n in range(len(streams))]
        each = lambda index: sum((one.drop(x, [one.kept(index(n, i)) for i in range(size)])
                                  for n, (one, x) in enumerate(zip(streams, parts(x)))), [])
        y, whole = each(lambda n, i: n * size + i), each(lambda n, i: n)
        return {"stream": stream.json(), "probabilities": floats(probabilities), "len": size, "y": floats(y),
                "sum": floats(plus(r, y)), "samples": floats(whole),
                "standard_evaluation": floats(sum((one.evaluate(x) for one, x in zip(streams, parts(x))), []))}
    return [case(Stream(55, 0.5, 1000), [0.1, 0.5, 0.0, 0.9, 1.0], 13), case(Stream(56, 0.1, 7), [0.25, 0.3] * 9, 3),
            case(Stream(57, 1.0, END - 140), [0.4, 0.6], 70)]


def embedding():
    """The bit of token id has index offset + id."""
    def case(stream, vocabulary, dimension, ids):
        rows = lambda n, count: [values(n, count * dimension)[at * dimension:][:dimension] for at in range(count)]
        table, x, dtable = rows(1, vocabulary), rows(2, len(ids)), rows(3, vocabulary)
        drop = lambda id, row: stream.drop(row, [stream.kept(id)] * dimension)
        for row, id in zip(x, ids):
            dtable[id] = plus(dtable[id], drop(id, row))
        return {"stream": stream.json(), "vocabulary": vocabulary, "dimension": dimension, "ids": ids,
                "mask": words(stream.bits(vocabulary)),
                "lookup": floats(y for id in ids for y in drop(id, table[id])),
                "rows": floats(y for id, row in zip(ids, x) for y in drop(id, row)),
                "dtable": floats(sum(dtable, []))}
    return [case(Stream(60, 0.1, 1000), 40, 3, [39, 0, 24, 7, 39, 23, 25]),
            case(Stream(61, 0.5, 5), 4, 5, [3, 3, 0, 1, 3]),
            case(Stream(62, 0.3, END - 9), 9, 1, [8, 1, 2, 8, 4, 5, 6, 7, 0, 3])]


def attention():
    """Weight [b, h, q, k] has index offset + b * strides[0] + h * strides[1] + q * strides[2] + k, dense by default; its
    score is x * scale + bias, the bias by strides of its own; query q sees k <= past + q."""
    def case(stream, shape, past=None, renormalise=False, strides=None, scale=1.0, bias_strides=None):
        keys, places = shape[3], list(itertools.product(*map(range, shape)))
        dense = [math.prod(shape[1:]), math.prod(shape[2:]), keys]
        index = lambda place, strides: sum(i * stride for i, stride in zip(place, [*strides, 1]))
        count, spread = len(places), [] if bias_strides is None else [index(place, bias_strides) for place in places]
        sizes = [(1, count), (2, count), (3, max([-1, *spread]) + 1)]
        x, dy, bias = ([Decimal(x) for x in values(n, size)] for n, size in sizes)
        scores = [x * Decimal(scale) + sum(bias[i] for i in spread[at:at + 1]) for at, x in enumerate(x)]
        factor = Decimal(1 if renormalise else stream.scale)
        bits, softmax, weights, gradient = [stream.kept(index(place, strides or dense)) for place in places], [], [], []
        for row in range(count // keys):
            at = range(row * keys, (row + 1) * keys)
            visible = [i for i in at if past is None or i - at[0] <= past + row % shape[2]]
            counted = [i for i in visible if bits[i] or not renormalise]
            norm = lambda some: {i: scores[i].exp() / sum(scores[j].exp() for j in some) for i in some}
            p, dp = norm(counted), {i: dy[i] * factor if bits[i] else Decimal(0) for i in counted}
            jacobian = lambda i, j: p[i] * ((i == j) - p[j])
            softmax += [norm(visible).get(i, 0) for i in at]
            weights += [p[i] * factor if i in p and bits[i] else 0 for i in at]
            gradient += [sum(jacobian(i, j) * dp[j] for j in counted) * Decimal(scale) if i in p else 0 for i in at]
        return {"stream": stream.json(), "shape": shape, "past": past, "renormalise": renormalise, "strides": strides,
                "scale": scale, "bias_strides": bias_strides, "bias_len": len(bias), "mask": words(bits),
                "softmax": doubles(softmax), "weights": doubles(weights), "gradient": doubles(gradient)}
    return [case(Stream(70, 0.1, 1000), [1, 2, 2, 11]), case(Stream(71, 0.5, 3), [2, 1, 3, 3], past=0),
            case(Stream(72, 0.3, END - 40), [1, 1, 2, 20], past=18),
            case(Stream(73, 0.5, 65), [1, 2, 2, 9], renormalise=True),
            case(Stream(74, 0.3, 7), [1, 1, 4, 6], past=1, renormalise=True),
            case(Stream(75, 0.5, 40), [2, 2, 4, 5], past=-2, strides=[200, 20, 5], scale=0.25),
            case(Stream(76, 0.3, 9), [2, 2, 2, 6], strides=[36, 0, 18], scale=0.5, bias_strides=[0, 12, 6]),
            case(Stream(77, 0.5), [2, 2, 1, 7], past=4, renormalise=True, strides=[0, 11, 5], bias_strides=[7, 0, 0])]


def bias():
    """y = drop(x + b), with a residual; db sums the rows of dx from the first to the last."""
    def case(stream, rows, columns):
        x, r, dy = (values(n, rows * columns) for n in (1, 3, 4))
        b, db, bits = values(2, columns), [0.0] * columns, stream.bits(rows * columns)
        y, dx = stream.drop(plus(x, b * rows), bits), stream.drop(dy, bits)
        for row in range(rows):
            db = plus(db, dx[row * columns:][:columns])
        return {"stream": stream.json(), "rows": rows, "columns": columns, "y": floats(y), "sum": floats(plus(r, y)),
                "dx": floats(dx), "db": floats(db)}
    return [case(Stream(80, 0.1, 1001), 5, 7), case(Stream(81, 0.5, 2), 2, 17), case(Stream(82, 0.3, END - 30), 30, 1)]


def relu():
    def case(stream, count):
        x, dy, bits = values(1, count), values(2, count), stream.bits(count)
        positive = [bit and x > 0 for x, bit in zip(x, bits)]
        return {"stream": stream.json(), "len": count, "mask": words(positive), "y": floats(stream.drop(x, positive)),
                "dx": floats(stream.drop(dy, positive))}
    return [case(Stream(90, 0.1, 990), 70), case(Stream(91, 0.5, 1), 20), case(Stream(92, 0.3, END - 67), 67)]


def alpha():
    """x * a + b where kept, else d; a copy where nothing is dropped, +0.0 where everything is."""
    def case(stream, samples, channels, positions):
        limit, q = Decimal("-1.7580993408473766"), Decimal(stream.t) / ONE
        a = 1 / (q + limit ** 2 * q * (1 - q)).sqrt() if q else Decimal(0)
        b = -a * limit * (1 - q)
        a, b, d = (f32(float(z)) for z in (a, b, limit * a + b if q else Decimal(0)))
        count = samples * channels * positions
        x, dy = values(1, count), values(2, count)
        def outcome(bits):
            y = [x if stream.t == ONE else total(product(x, a), b) if bit else d for x, bit in zip(x, bits)]
            return {"y": floats(y), "dx": floats(stream.drop(dy, bits, a))}
        feature = [stream.kept(i) for i in range(samples * channels) for _ in range(positions)]
        return {"stream": stream.json(), "shape": [samples, channels, positions],
                "alpha": outcome(stream.bits(count)), "feature_alpha": outcome(feature)}
    return [case(Stream(100, 0.1, 1015), 2, 5, 3), case(Stream(101, 0.5, 9), 3, 2, 7),
            case(Stream(102, 0.3, END - 24), 1, 4, 6), case(Stream(103, 0.0), 1, 2, 2), case(Stream(104, 1.0), 1, 2, 2)]


def select():
    """a where kept, else b; a * q + b * r in evaluation. By rows, row n has the bit of index offset + n."""
    def case(stream, rows, columns):
        a, b, dy, z = (values(n, rows * columns) for n in range(1, 5))
        q, r = f32(stream.t / ONE), f32((ONE - stream.t) / ONE)
        def outcome(bits):
            da, db = stream.drop(dy, bits, 1.0), stream.drop(dy, [not bit for bit in bits], 1.0)
            return {"y": floats(a if bit else b for a, b, bit in zip(a, b, bits)), "da": floats(da),
                    "db": floats(db), "da_sum": floats(plus(z, da)), "db_sum": floats(plus(z, db))}
        mean = [a if stream.t == ONE else total(product(a, q), product(b, r)) if stream.t else b for a, b in zip(a, b)]
        row = [stream.kept(n) for n in range(rows) for _ in range(columns)]
        return {"stream": stream.json(), "rows": rows, "columns": columns, "mean": floats(mean),
                "flat": outcome(stream.bits(rows * columns)), "by_row": outcome(row)}
    return [case(Stream(105, 0.1, 1001), 4, 9), case(Stream(106, 0.5, 3), 11, 3), case(Stream(107, 0.3, END - 40), 5, 8),
            case(Stream(108, 0.0), 2, 2), case(Stream(109, 1.0), 2, 2)]


def cutout():
    """Box k of sample n is centred at below(key.derive(n), 2k, H), below(key.derive(n), 2k + 1, W)."""
    def case(seed, shape, size, count=1, first_sample=0):
        key, sizes, boxes = new_key(seed), [range(n) for n in shape], []
        for n in range(first_sample, first_sample + shape[0]):
            corners = []
            for i in range(2 * count):
                length, limit = size[i % 2], shape[2 + i % 2]
                start = below(derive(key, n), i, limit) - length // 2
                corners.append([max(start, 0), min(start + length, limit)])
            boxes.append([corners[2 * k:][:2] for k in range(count)])
        inside = lambda n, i, j: any(r[0] <= i < r[1] and c[0] <= j < c[1] for r, c in boxes[n])
        outside = [not inside(n, i, j) for n, _, i, j in itertools.product(*sizes)]
        return {"key": f"{key:016x}", "shape": shape, "size": size, "count": count, "first_sample": first_sample,
                "boxes": boxes, "outside": words(outside)}
    return [case(110, [3, 2, 9, 11], [4, 4]), case(111, [2, 1, 8, 5], [3, 7], count=3),
            case(112, [2, 3, 4, 6], [1, 2], count=2, first_sample=END - 2), case(113, [2, 1, 3, 3], [9, 1])]


def drop_block():
    """A seed for each valid centre of a block, numbered over all maps; an element is kept if every seed near it is.

    Channels may share a mask: then there is one map a sample."""
    def case(stream, shape, block, shared=False, factor=1):
        samples, channels, height, width = shape
        maps = samples if shared else samples * channels
        before = (block - 1) // 2  # of an even block, which the paper leaves open, more lies behind the centre
        centres = [range(before, n - block + 1 + before) for n in (height, width)]
        p = 1 - Fraction(stream.t, ONE)
        gamma = Fraction(factor) * p * height * width / (block ** 2 * len(centres[0]) * len(centres[1]))
        t = math.floor((1 - min(gamma, 1)) * ONE + Fraction(1, 2))
        mask = [True] * (maps * height * width)
        places = list(itertools.product(range(maps), *centres))
        for seed, (n, i, j) in enumerate(places):
            if not is_kept(stream.key, t, stream.offset + seed):
                for down, right in itertools.product(range(-before, block - before), repeat=2):
                    mask[(n * height + i + down) * width + j + right] = False
        scale = f32(len(mask) / sum(mask)) if any(mask) else 0.0
        x, each = values(1, math.prod(shape)), channels if shared else 1
        bits = [mask[m * height * width + at] for m in range(maps) for _ in range(each) for at in range(height * width)]
        y = [product(x, scale) if bit else 0.0 for x, bit in zip(x, bits)]
        return {"stream": stream.json(), "shape": shape, "block": block, "shared_channels": shared,
                "gamma_scale": factor, "gamma_threshold": t, "seeds": len(places),
                "mask": words(mask), "kept": sum(mask), "y": floats(y)}
    return [case(Stream(120, 0.1, 1000), [2, 1, 6, 7], 3), case(Stream(121, 0.3, 5), [1, 3, 5, 5], 2),
            case(Stream(122, 0.5, 60), [2, 2, 3, 4], 1), case(Stream(123, 0.3, END - 6), [3, 2, 4, 4], 4),
            case(Stream(124, 1.0), [1, 1, 5, 3], 2), case(Stream(125, 0.2, 77), [3, 4, 6, 5], 2, shared=True),
            case(Stream(126, 0.3, END - 16), [2, 3, 6, 4], 3, shared=True, factor=0.5),
            case(Stream(127, 0.1, 9), [2, 2, 5, 6], 2, factor=1.75), case(Stream(128, 0.75), [1, 2, 4, 4], 1, factor=2)]


def connect():
    """Weight (o, i) has index offset + o * I + i, under the key or, for each sample its own, under key.derive(n)."""
    def case(stream, samples, outputs, inputs):
        w, b, x, dy = ([Fraction(z) for z in values(n + 1, count)]
                       for n, count in enumerate([outputs * inputs, outputs, samples * inputs, samples * outputs]))
        sizes, factor = (range(samples), range(outputs), range(inputs)), Fraction(stream.scale)
        bits = lambda key: [stream.kept(o * inputs + i, key) for o in sizes[1] for i in sizes[2]]

        def outcome(masks):
            m = lambda n, o, i: factor * masks[n][o * inputs + i]
            y = [sum(m(n, o, i) * w[o * inputs + i] * x[n * inputs + i] for i in sizes[2]) + b[o]
                 for n in sizes[0] for o in sizes[1]]
            dx = [sum(m(n, o, i) * w[o * inputs + i] * dy[n * outputs + o] for o in sizes[1])
                  for n in sizes[0] for i in sizes[2]]
            dw = [sum(m(n, o, i) * dy[n * outputs + o] * x[n * inputs + i] for n in sizes[0])
                  for o in sizes[1] for i in sizes[2]]
            return {"y": doubles(y), "dx": doubles(dx), "dw": doubles(dw)}

        shared, single = bits(stream.key), [bits(derive(stream.key, n)) for n in sizes[0]]
        products = [[w[o * inputs + i] * x[n * inputs + i] for i in sizes[2]] for n in sizes[0] for o in sizes[1]]
        q = Fraction(stream.t, ONE)
        return {"stream": stream.json(), "samples": samples, "outputs": outputs, "inputs": inputs,
                "mask": words(shared), "sample_masks": [words(mask) for mask in single],
                "shared": outcome([shared] * samples), "per_sample": outcome(single),
                "mean": doubles(sum(z) + b[k % outputs] for k, z in enumerate(products)),
                "variance": doubles((1 - q) / q * sum(z * z for z in z) for z in products)}
    return [case(Stream(130, 0.1, 1000), 3, 7, 11), case(Stream(131, 0.5, 7), 2, 3, 5),
            case(Stream(132, 0.3, END - 65), 1, 13, 5)]


def monte_carlo():
    """Pass t has key.derive(t) for all samples, or key.derive(t).derive(n) for sample n."""
    def case(stream, passes, samples, size):
        x = values(1, samples * size)
        shared = [stream.drop(x, stream.bits(size, derive(stream.key, t)) * samples) for t in range(passes)]
        keys = [[derive(stream.key, t, n) for n in range(samples)] for t in range(passes)]
        single = [stream.drop(x, sum((stream.bits(size, key) for key in keys), [])) for keys in keys]
        exact = [[Fraction(y) for y in column] for column in zip(*shared)]
        mean = [sum(ys) / passes for ys in exact]
        squares = [sum((y - m) ** 2 for y in ys) for ys, m in zip(exact, mean)]
        return {"stream": stream.json(), "samples": samples, "len": size, "shared": [floats(y) for y in shared],
                "per_sample": [floats(y) for y in single], "mean": doubles(mean),
                "population_variance": doubles(s / passes for s in squares),
                "sample_variance": doubles(s / (passes - 1) for s in squares)}
    return [case(Stream(140, 0.1, 1022), 3, 2, 7), case(Stream(141, 0.5, 3), 4, 3, 5),
            case(Stream(142, 0.3, END - 9), 2, 2, 9)]


def uncertainty():
    """Entropies in nats, of rows of class probabilities in every pass."""
    def case(classes, passes):
        rows = lambda p: [[Decimal(p) for p in p[at:at + classes]] for at in range(0, len(p), classes)]
        entropy = lambda row: -sum(p * p.ln() for p in row if p)
        mean = [sum(map(Decimal, column)) / len(passes) for column in zip(*passes)]
        predictive = [entropy(row) for row in rows(mean)]
        expected = [sum(map(entropy, samples)) / len(passes) for samples in zip(*map(rows, passes))]
        return {"classes": classes, "passes": [floats(p) for p in passes], "predictive": doubles(predictive),
                "expected": doubles(expected), "mutual": doubles(a - b for a, b in zip(predictive, expected))}
    return [case(3, [[0.5, 0.25, 0.25, 1, 0, 0], [0.125, 0.75, 0.125, 0, 0.5, 0.5], [0.25, 0.625, 0.125, 0.5, 0, 0.5]]),
            case(2, [[0.5, 0.5, 1, 0], [0.5, 0.5, 0, 1]])]


def layer():
    """Forward pass s in training, counted from 0, has key.derive(s)."""
    def case(stream, first, passes, count):
        x, steps = values(1, count), [u64(first + s) for s in range(passes)]
        y = [stream.drop(x, stream.bits(count, derive(stream.key, step))) for step in steps]
        return {"stream": stream.json(), "step": first, "len": count, "y": [floats(y) for y in y],
                "after": u64(first + passes)}
    return [case(Stream(150, 0.1), 0, 3, 20), case(Stream(151, 0.5, 1000), 12345, 2, 30),
            case(Stream(152, 0.3, 9), END - 1, 2, 10)]


KINDS = [numbers, generator, scaling, special, residual, rows, channels, samples, per_sample, embedding, attention,
         bias, relu, alpha, select, cutout, drop_block, connect, monte_carlo, uncertainty, layer]


def main():
    kinds = [f'"{kind.__name__}": [\n' + ",\n".join(map(json.dumps, kind())) + "\n]" for kind in KINDS]
    print('{"stream": 1, "kinds": {\n' + ",\n".join(kinds) + "\n}}")


if __name__ == "__main__":
    main()
