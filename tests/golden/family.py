"""Golden vectors of the kinds that have the bits of Dropout or of a layout, each from its definition.

What is made of f32 products and sums is exact; what needs ln is the f64 nearest to 40 digits.
"""

import math
from decimal import Decimal
from fractions import Fraction

from dropout import doubles, f32, floats, plus, product, total, values, words
from masks import golden
from stream import END, ONE, derive


def scaling():
    def case(dropout, count):
        x, bits = values(1, count), dropout.kept([count])
        return {"stream": dropout.json(), "len": count, "mask": words(bits),
                "inverted": floats(dropout.drop(x, bits)), "unscaled": floats(dropout.drop(x, bits, 1.0)),
                "standard_evaluation": floats(dropout.evaluate(x))}
    return [case(golden(10, 0.1, 1000), 75), case(golden(11, 0.5, 3), 70), case(golden(12, 0.3, END - 50), 50),
            case(golden(13, 0.0, 7), 5), case(golden(14, 1.0, 7), 5)]


def special():
    """Infinity, NaN, zeros, subnormals: dropping selects, and a sum with +0.0 turns -0.0 into +0.0."""
    def case(dropout):
        x = [math.inf, -math.inf, math.nan, -0.0, 0.0, 2.0 ** -149, -(2.0 ** -126), 1.0] * 4
        r = [-0.0] * 16 + [1.0] * 8 + [-math.inf] * 8
        bits = dropout.kept([len(x)])
        y = dropout.drop(x, bits)
        return {"stream": dropout.json(), "x": floats(x), "r": floats(r), "y": floats(y), "sum": floats(plus(r, y))}
    return [case(golden(15, 0.5, 60)), case(golden(16, 0.3, 500)), case(golden(17, 0.0)), case(golden(18, 1.0))]


def residual():
    def case(dropout, count):
        x, r, bits = values(1, count), values(2, count), dropout.kept([count])
        return {"stream": dropout.json(), "len": count, "sum": floats(plus(r, dropout.drop(x, bits))),
                "standard_evaluation": floats(plus(r, dropout.evaluate(x)))}
    return [case(golden(20, 0.1, 1020), 70), case(golden(21, 0.5, 65), 33), case(golden(22, 0.3, END - 40), 40)]


def bias():
    """y = drop(x + b), with a residual; db sums the rows of dx from the first to the last."""
    def case(dropout, rows, columns):
        x, r, dy = (values(n, rows * columns) for n in (1, 3, 4))
        b, db, bits = values(2, columns), [0.0] * columns, dropout.kept([rows * columns])
        y, dx = dropout.drop(plus(x, b * rows), bits), dropout.drop(dy, bits)
        for row in range(rows):
            db = plus(db, dx[row * columns:][:columns])
        return {"stream": dropout.json(), "rows": rows, "columns": columns, "y": floats(y), "sum": floats(plus(r, y)),
                "dx": floats(dx), "db": floats(db)}
    return [case(golden(80, 0.1, 1001), 5, 7), case(golden(81, 0.5, 2), 2, 17), case(golden(82, 0.3, END - 30), 30, 1)]


def relu():
    def case(dropout, count):
        x, dy, bits = values(1, count), values(2, count), dropout.kept([count])
        positive = [bit and x > 0 for x, bit in zip(x, bits)]
        return {"stream": dropout.json(), "len": count, "mask": words(positive), "y": floats(dropout.drop(x, positive)),
                "dx": floats(dropout.drop(dy, positive))}
    return [case(golden(90, 0.1, 990), 70), case(golden(91, 0.5, 1), 20), case(golden(92, 0.3, END - 67), 67)]


def alpha():
    """x * a + b where kept, else d; a copy where nothing is dropped, +0.0 where everything is."""
    def case(dropout, samples, channels, positions):
        limit, q = Decimal("-1.7580993408473766"), Decimal(dropout.t) / ONE
        a = 1 / (q + limit ** 2 * q * (1 - q)).sqrt() if q else Decimal(0)
        b = -a * limit * (1 - q)
        a, b, d = (f32(float(z)) for z in (a, b, limit * a + b if q else Decimal(0)))
        count = samples * channels * positions
        x, dy = values(1, count), values(2, count)
        def outcome(bits):
            y = [x if dropout.t == ONE else total(product(x, a), b) if bit else d for x, bit in zip(x, bits)]
            return {"y": floats(y), "dx": floats(dropout.drop(dy, bits, a))}
        feature = dropout.kept([samples * channels, positions], [1, 0])
        return {"stream": dropout.json(), "shape": [samples, channels, positions],
                "alpha": outcome(dropout.kept([count])), "feature_alpha": outcome(feature)}
    return [case(golden(100, 0.1, 1015), 2, 5, 3), case(golden(101, 0.5, 9), 3, 2, 7),
            case(golden(102, 0.3, END - 24), 1, 4, 6), case(golden(103, 0.0), 1, 2, 2), case(golden(104, 1.0), 1, 2, 2)]


def select():
    """a where kept, else b; a * q + b * r in evaluation. By rows, row n has the bit of index offset + n."""
    def case(dropout, rows, columns):
        a, b, dy, z = (values(n, rows * columns) for n in range(1, 5))
        q, r = f32(dropout.t / ONE), f32((ONE - dropout.t) / ONE)
        def outcome(bits):
            da, db = dropout.drop(dy, bits, 1.0), dropout.drop(dy, [not bit for bit in bits], 1.0)
            return {"y": floats(a if bit else b for a, b, bit in zip(a, b, bits)), "da": floats(da),
                    "db": floats(db), "da_sum": floats(plus(z, da)), "db_sum": floats(plus(z, db))}
        sums = [total(product(a, q), product(b, r)) for a, b in zip(a, b)]
        mean = a if dropout.t == ONE else sums if dropout.t else b
        row = dropout.kept([rows, columns], [1, 0])
        return {"stream": dropout.json(), "rows": rows, "columns": columns, "mean": floats(mean),
                "flat": outcome(dropout.kept([rows * columns])), "by_row": outcome(row)}
    return [case(golden(105, 0.1, 1001), 4, 9), case(golden(106, 0.5, 3), 11, 3),
            case(golden(107, 0.3, END - 40), 5, 8), case(golden(108, 0.0), 2, 2), case(golden(109, 1.0), 2, 2)]


def monte_carlo():
    """Pass t has key.derive(t) for all samples, or key.derive(t).derive(n) for sample n."""
    def case(dropout, passes, samples, size):
        x = values(1, samples * size)
        shared = [dropout.drop(x, dropout.kept([size], key=derive(dropout.key, t)) * samples) for t in range(passes)]
        keys = [[derive(dropout.key, t, n) for n in range(samples)] for t in range(passes)]
        single = [dropout.drop(x, sum((dropout.kept([size], key=key) for key in keys), [])) for keys in keys]
        exact = [[Fraction(y) for y in column] for column in zip(*shared)]
        mean = [sum(ys) / passes for ys in exact]
        squares = [sum((y - m) ** 2 for y in ys) for ys, m in zip(exact, mean)]
        return {"stream": dropout.json(), "samples": samples, "len": size, "shared": [floats(y) for y in shared],
                "per_sample": [floats(y) for y in single], "mean": doubles(mean),
                "population_variance": doubles(s / passes for s in squares),
                "sample_variance": doubles(s / (passes - 1) for s in squares)}
    return [case(golden(140, 0.1, 1022), 3, 2, 7), case(golden(141, 0.5, 3), 4, 3, 5),
            case(golden(142, 0.3, END - 9), 2, 2, 9)]


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
    def case(dropout, first, passes, count):
        x, steps = values(1, count), [(first + s) % END for s in range(passes)]
        y = [dropout.drop(x, dropout.kept([count], key=derive(dropout.key, step))) for step in steps]
        return {"stream": dropout.json(), "step": first, "len": count, "y": [floats(y) for y in y],
                "after": (first + passes) % END}
    return [case(golden(150, 0.1), 0, 3, 20), case(golden(151, 0.5, 1000), 12345, 2, 30),
            case(golden(152, 0.3, 9), END - 1, 2, 10)]


KINDS = [scaling, special, residual, bias, relu, alpha, select, monte_carlo, uncertainty, layer]
