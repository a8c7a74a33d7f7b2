"""Golden vectors of the kinds that have a rule of their own for the index of a bit, and random cases of them.

A kind is a function of the source of random cases: it returns one of them, or the golden ones if there is no source.
"""

import itertools
import math
import random
from decimal import Decimal
from fractions import Fraction

import stream
from dropout import Dropout, doubles, f32, floats, plus, product, values, words
from stream import END, ONE, below, boxes, derive, from_generator, new, xoshiro


def golden(seed, p, offset=0):
    return Dropout(new(seed), p, offset)


class Random(random.Random):
    def count(self, most, least=1):
        return self.randint(least, most)

    def p(self):
        return f32(self.choice([0.0, 1.0, self.random(), 2.0 ** -self.count(34), self.count(1023) / 1024]))

    def dropout(self, size, p=None):
        """Of `size` indices: beside 0, at a random place, or the last ones."""
        offset = self.choice([self.count(2000, 0), self.randrange(END - size), END - size])
        return Dropout(self.getrandbits(64), self.p() if p is None else p, offset)


def numbers(random=None):
    def case(key, n):
        return {"key": f"{key:016x}", "n": n, "numbers": [below(key, i, n) for i in range(8)]}
    if random:
        return case(random.getrandbits(64), random.getrandbits(random.count(64)))
    return [case(new(1), 6), case(derive(new(2), 5), 1), case(new(3), END - 1), case(new(4), 0)]


def generator(random=None):
    def case(seed, p, count):
        rng, t = xoshiro(seed, 0), stream.threshold(f32(p))
        bits = from_generator(rng, t, count)
        return {"seed": seed, "p": floats([p]), "len": count, "mask": words(bits), "next": f"{next(rng):016x}"}
    if random:
        return case(random.getrandbits(64), random.p(), random.count(300, 0))
    return [case(1, 0.1, 200), case(2, 0.5, 130), case(3, 0.3, 65), case(4, 1.0, 70), case(5, 0.0, 70)]


def rows(random=None):
    """Element (r, c) is at r * stride + c and has index offset + r * index_stride + c. A stored mask is dense."""
    def case(dropout, rows, columns, stride, index_stride):
        count = (rows - 1) * stride + columns
        x, y = values(1, count), values(2, count)
        bits = dropout.kept([rows, columns], [index_stride, 1])
        for r in range(rows):
            at = r * stride
            y[at:at + columns] = dropout.drop(x[at:at + columns], bits[r * columns:][:columns])
        return {"stream": dropout.json(), "rows": rows, "columns": columns, "stride": stride,
                "index_stride": index_stride, "y": floats(y), "mask": words(bits if index_stride else bits[:columns])}
    if random:
        rows, columns, index_stride = random.count(6), random.count(200), random.choice([0, random.count(2000)])
        return case(random.dropout(rows * 2000 + columns), rows, columns, columns + random.count(3, 0), index_stride)
    return [case(golden(30, 0.1, 300), 4, 13, 13, 1000), case(golden(31, 0.5, 77), 3, 9, 11, 0),
            case(golden(32, 0.3, 1), 2, 70, 73, 70), case(golden(33, 0.75, END - 131), 5, 3, 4, 32)]


def channels(random=None):
    """The bit of channel c of sample n has index offset + n * C + c, or n times the channels of the whole tensor."""
    def case(dropout, samples, channels, positions, index_stride=None):
        stride = channels if index_stride is None else index_stride
        x = values(1, samples * channels * positions)
        first = dropout.kept([samples, channels, positions], [stride, 1, 0])
        last = dropout.kept([samples, positions, channels], [stride, 0, 1])
        mask = dropout.kept([samples if stride else 1, channels], [stride, 1])
        return {"stream": dropout.json(), "shape": [samples, channels, positions], "index_stride": stride,
                "mask": words(mask), "first": floats(dropout.drop(x, first)), "last": floats(dropout.drop(x, last))}
    if random:
        sizes, index_stride = [random.count(4), random.count(80), random.count(9)], random.choice([None, 0, 100])
        return case(random.dropout(500), *sizes, index_stride)
    return [case(golden(40, 0.1, 1019), 3, 5, 4), case(golden(41, 0.5), 2, 3, 7), case(golden(42, 0.3, 62), 1, 6, 5),
            case(golden(43, 0.5, 9), 3, 4, 3, 10), case(golden(44, 0.3, 129), 2, 67, 1),
            case(golden(45, 0.5), 4, 3, 2, 0)]


def samples(random=None):
    """DropPath: the bit of sample n has index offset + n."""
    def case(dropout, samples, size):
        x, r = values(1, samples * size), values(2, samples * size)
        bits = dropout.kept([samples, size], [1, 0])
        return {"stream": dropout.json(), "samples": samples, "len": size, "scaled": floats(dropout.drop(x, bits)),
                "unscaled": floats(dropout.drop(x, bits, 1.0)), "sum": floats(plus(r, dropout.drop(x, bits)))}
    if random:
        return case(random.dropout(100), random.count(100), random.count(20))
    return [case(golden(50, 0.1, 63), 9, 4), case(golden(51, 0.5, 1023), 3, 13), case(golden(52, 0.3), 37, 1)]


def per_sample(random=None):
    """Sample n has a probability of its own, and its indices in the whole; with layouts, one bit a sample."""
    def case(dropout, probabilities, size):
        samples = [Dropout(dropout.key, p, dropout.offset) for p in probabilities]
        x, r = values(1, len(samples) * size), values(2, len(samples) * size)
        parts = [x[n * size:][:size] for n in range(len(samples))]
        each = lambda y: sum(map(y, range(len(samples)), samples, parts), [])
        y = each(lambda n, one, x: one.drop(x, one.kept([size], first=n * size)))
        whole = each(lambda n, one, x: one.drop(x, one.kept([size], [0], first=n)))
        return {"stream": dropout.json(), "probabilities": floats(probabilities), "len": size, "y": floats(y),
                "sum": floats(plus(r, y)), "samples": floats(whole),
                "standard_evaluation": floats(each(lambda n, one, x: one.evaluate(x)))}
    if random:
        return case(random.dropout(1000), [random.p() for _ in range(random.count(10))], random.count(100))
    return [case(golden(55, 0.5, 1000), [0.1, 0.5, 0.0, 0.9, 1.0], 13), case(golden(56, 0.1, 7), [0.25, 0.3] * 9, 3),
            case(golden(57, 1.0, END - 140), [0.4, 0.6], 70)]


def embedding(random=None):
    """The bit of token id has index offset + id."""
    def case(dropout, vocabulary, dimension, ids):
        part = lambda n, count: [values(n, count * dimension)[at * dimension:][:dimension] for at in range(count)]
        table, x, dtable, bits = part(1, vocabulary), part(2, len(ids)), part(3, vocabulary), dropout.kept([vocabulary])
        drop = lambda id, row: dropout.drop(row, [bits[id]] * dimension)
        for row, id in zip(x, ids):
            dtable[id] = plus(dtable[id], drop(id, row))
        return {"stream": dropout.json(), "vocabulary": vocabulary, "dimension": dimension, "ids": ids,
                "mask": words(bits), "lookup": floats(y for id in ids for y in drop(id, table[id])),
                "rows": floats(y for id, row in zip(ids, x) for y in drop(id, row)),
                "dtable": floats(sum(dtable, []))}
    if random:
        vocabulary = random.count(150)
        ids = [random.randrange(vocabulary) for _ in range(random.count(40))]
        return case(random.dropout(vocabulary), vocabulary, random.count(6), ids)
    return [case(golden(60, 0.1, 1000), 40, 3, [39, 0, 24, 7, 39, 23, 25]),
            case(golden(61, 0.5, 5), 4, 5, [3, 3, 0, 1, 3]),
            case(golden(62, 0.3, END - 9), 9, 1, [8, 1, 2, 8, 4, 5, 6, 7, 0, 3])]


def attention(random=None):
    """Weight [b, h, q, k] has index offset + b * strides[0] + h * strides[1] + q * strides[2] + k, dense by default.
    Its score is x * scale + bias, the bias by strides of its own; query q sees k <= past + q."""
    def case(dropout, shape, past=None, renormalise=False, strides=None, scale=1.0, bias_strides=None):
        keys, places = shape[3], list(itertools.product(*map(range, shape)))
        dense = [math.prod(shape[1:]), math.prod(shape[2:]), keys]
        index = lambda place, strides: sum(i * stride for i, stride in zip(place, [*strides, 1]))
        count, spread = len(places), [] if bias_strides is None else [index(place, bias_strides) for place in places]
        sizes = [(1, count), (2, count), (3, max([-1, *spread]) + 1)]
        x, dy, bias = ([Decimal(x) for x in values(n, size)] for n, size in sizes)
        scores = [x * Decimal(scale) + sum(bias[i] for i in spread[at:at + 1]) for at, x in enumerate(x)]
        factor = Decimal(1 if renormalise else dropout.scale)
        bits, softmax, weights, gradient = dropout.kept(shape, [*(strides or dense), 1]), [], [], []
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
        return {"stream": dropout.json(), "shape": shape, "past": past, "renormalise": renormalise, "strides": strides,
                "scale": scale, "bias_strides": bias_strides, "bias_len": len(bias), "mask": words(bits),
                "softmax": doubles(softmax), "weights": doubles(weights), "gradient": doubles(gradient)}
    if random:
        shape, strides = [random.count(2), random.count(2), random.count(3), random.count(13)], [500, 70, 24]
        options = random.choice([None, random.count(9, -2)]), random.random() < 0.5, random.choice([None, strides])
        return case(random.dropout(2000, f32(random.random() / 2)), shape, *options)
    return [case(golden(70, 0.1, 1000), [1, 2, 2, 11]), case(golden(71, 0.5, 3), [2, 1, 3, 3], past=0),
            case(golden(72, 0.3, END - 40), [1, 1, 2, 20], past=18),
            case(golden(73, 0.5, 65), [1, 2, 2, 9], renormalise=True),
            case(golden(74, 0.3, 7), [1, 1, 4, 6], past=1, renormalise=True),
            case(golden(75, 0.5, 40), [2, 2, 4, 5], past=-2, strides=[200, 20, 5], scale=0.25),
            case(golden(76, 0.3, 9), [2, 2, 2, 6], strides=[36, 0, 18], scale=0.5, bias_strides=[0, 12, 6]),
            case(golden(77, 0.5), [2, 2, 1, 7], past=4, renormalise=True, strides=[0, 11, 5], bias_strides=[7, 0, 0])]


def cutout(random=None):
    def case(key, shape, size, count=1, first_sample=0):
        samples, channels, height, width = shape
        found = [boxes(key, first_sample + n, count, size, [height, width]) for n in range(samples)]
        inside = lambda n, i, j: any(r[0] <= i < r[1] and c[0] <= j < c[1] for r, c in found[n])
        outside = [not inside(n, i, j) for n, _, i, j in itertools.product(*map(range, shape))]
        return {"key": f"{key:016x}", "shape": shape, "size": size, "count": count, "first_sample": first_sample,
                "boxes": found, "outside": words(outside)}
    if random:
        shape = [random.count(3), random.count(3), random.count(12), random.count(12)]
        size, first = [random.count(14, 0), random.count(14, 0)], random.choice([0, random.getrandbits(63), END - 3])
        return case(random.getrandbits(64), shape, size, random.count(4, 0), first)
    return [case(new(110), [3, 2, 9, 11], [4, 4]), case(new(111), [2, 1, 8, 5], [3, 7], count=3),
            case(new(112), [2, 3, 4, 6], [1, 2], count=2, first_sample=END - 2), case(new(113), [2, 1, 3, 3], [9, 1])]


def drop_block(random=None):
    """Channels may share a mask: then there is one map a sample."""
    def case(dropout, shape, block, shared=False, factor=1):
        samples, channels, height, width = shape
        maps, each = (samples, channels) if shared else (samples * channels, 1)
        t, mask = stream.drop_block(dropout.key, dropout.t, dropout.offset, (maps, height, width), block, factor)
        kept, seeds = int(mask.sum()), maps * (height - block + 1) * (width - block + 1)
        scale = f32(mask.size / kept) if kept else 0.0
        bits = mask.repeat(each, axis=0).ravel().tolist()
        y = [product(x, scale) if bit else 0.0 for x, bit in zip(values(1, math.prod(shape)), bits, strict=True)]
        return {"stream": dropout.json(), "shape": shape, "block": block, "shared_channels": shared,
                "gamma_scale": factor, "gamma_threshold": t, "seeds": seeds,
                "mask": words(mask), "kept": kept, "y": floats(y)}
    if random:
        shape, shared = [random.count(3), random.count(3), random.count(12), random.count(12)], random.random() < 0.5
        block, factor = random.count(min(shape[2:])), random.choice([1, random.random() * 3])
        return case(random.dropout(9 * 144), shape, block, shared, factor)
    return [case(golden(120, 0.1, 1000), [2, 1, 6, 7], 3), case(golden(121, 0.3, 5), [1, 3, 5, 5], 2),
            case(golden(122, 0.5, 60), [2, 2, 3, 4], 1), case(golden(123, 0.3, END - 6), [3, 2, 4, 4], 4),
            case(golden(124, 1.0), [1, 1, 5, 3], 2), case(golden(125, 0.2, 77), [3, 4, 6, 5], 2, shared=True),
            case(golden(126, 0.3, END - 16), [2, 3, 6, 4], 3, shared=True, factor=0.5),
            case(golden(127, 0.1, 9), [2, 2, 5, 6], 2, factor=1.75), case(golden(128, 0.75), [1, 2, 4, 4], 1, factor=2)]


def connect(random=None):
    """Weight (o, i) has index offset + o * I + i, under the key or, for each sample its own, under key.derive(n)."""
    def case(dropout, samples, outputs, inputs):
        w, b, x, dy = ([Fraction(z) for z in values(n + 1, count)]
                       for n, count in enumerate([outputs * inputs, outputs, samples * inputs, samples * outputs]))
        sizes, factor = (range(samples), range(outputs), range(inputs)), Fraction(dropout.scale)
        bits = lambda key: dropout.kept([outputs * inputs], key=key)

        def outcome(masks):
            m = lambda n, o, i: factor * masks[n][o * inputs + i]
            y = [sum(m(n, o, i) * w[o * inputs + i] * x[n * inputs + i] for i in sizes[2]) + b[o]
                 for n in sizes[0] for o in sizes[1]]
            dx = [sum(m(n, o, i) * w[o * inputs + i] * dy[n * outputs + o] for o in sizes[1])
                  for n in sizes[0] for i in sizes[2]]
            dw = [sum(m(n, o, i) * dy[n * outputs + o] * x[n * inputs + i] for n in sizes[0])
                  for o in sizes[1] for i in sizes[2]]
            return {"y": doubles(y), "dx": doubles(dx), "dw": doubles(dw)}

        shared, single = bits(dropout.key), [bits(derive(dropout.key, n)) for n in sizes[0]]
        products = [[w[o * inputs + i] * x[n * inputs + i] for i in sizes[2]] for n in sizes[0] for o in sizes[1]]
        q = Fraction(dropout.t, ONE)
        return {"stream": dropout.json(), "samples": samples, "outputs": outputs, "inputs": inputs,
                "mask": words(shared), "sample_masks": [words(mask) for mask in single],
                "shared": outcome([shared] * samples), "per_sample": outcome(single),
                "mean": doubles(sum(z) + b[k % outputs] for k, z in enumerate(products)),
                "variance": doubles((1 - q) / q * sum(z * z for z in z) for z in products)}
    if random:
        return case(random.dropout(169, f32(random.random() / 2)), random.count(4), random.count(13), random.count(13))
    return [case(golden(130, 0.1, 1000), 3, 7, 11), case(golden(131, 0.5, 7), 2, 3, 5),
            case(golden(132, 0.3, END - 65), 1, 13, 5)]


KINDS = [numbers, generator, rows, channels, samples, per_sample, embedding, attention, cutout, drop_block, connect]
