"""Measures dropout on the CPU beside dropmask, writes a record and draws `docs/speed.svg` from it.

    pip install -r benches/peers/python/requirements.txt
    python benches/peers/python/speed.py benches/records/DATE-CPU-python.csv       # --test: only checks the answers

It needs cargo, a C++ compiler for torch.compile, and Linux. It builds dropmask's C library and `benches/peers`, whose figures of
Rust's dropout stand in the same record, and keeps itself and that program to one CPU. The answers of all are asserted first.
Then rounds of both programs alternate; in each, all do batches of calls in random order, several times, and a median is taken.
The record has the median of the rounds, and the least and the greatest of them, in nanoseconds an element. Of Rust's dropout,
"forward + backward" is the sum of two medians. A call from Python takes part: about a microsecond through ctypes.

The frameworks allocate their results; all else works on the same arrays. `RUSTFLAGS="-C target-cpu=native"` builds all Rust
for this CPU alone.
"""

import argparse
import csv
import ctypes
import json
import os
import random
import re
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from dropouts import BOTH, Case, Pass, dropmask, jax_flax, numpy, onnxruntime, pytorch
from plot import draw

ROOT = Path(__file__).resolve().parents[3]
SIZES = (1 << 12, 1 << 16, 1 << 20)
PROBABILITIES = (0.1, 0.5)
ROUNDS = 2
REPETITIONS = 7
BATCH = 2_000_000  # nanoseconds that a batch of calls takes at least

# elements, p, language, peer, pass
Row = tuple[int, float, str, str, str]
Samples = dict[Row, list[float]]


def build(*command: str) -> Path:
    """What cargo builds last."""
    print("+ cargo", *command, flush=True)
    command = ("cargo", *command[:1], "--message-format=json", *command[1:])
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    artifacts = [message for message in map(json.loads, lines) if message["reason"] == "compiler-artifact"]
    return Path(artifacts[-1]["executable"] or artifacts[-1]["filenames"][0])


def cpu() -> str:
    """The CPU by its name, family and model: one name may stand for several generations."""
    info = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    return f"{info['model name']} (family {info['cpu family']}, model {info['model']})"


def passes(case: Case, library: ctypes.CDLL) -> list[Pass]:
    """All of them, checked."""
    passes = [
        *dropmask(case, library),
        *numpy(case),
        *pytorch(case, COMPILED),
        *jax_flax(case, "threefry2x32"),
        *jax_flax(case, "philox2x32"),
        *onnxruntime(case),
    ]
    for each in passes:
        case.y.fill(float("nan"))
        case.dx.fill(float("nan"))
        try:
            each.check(each.read(each.call()))
        except AssertionError as error:
            error.add_note(f"{each.peer}, {each.name}")
            raise
    return passes


COMPILED = torch.compile(lambda x, p: F.dropout(x, p), dynamic=True)


def nanoseconds(call: Callable[[], object], calls: int) -> float:
    """Of one of so many calls."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - start) / calls


def measure(passes: list[Pass], case: Case, samples: Samples) -> None:
    """Adds a median an element for each."""
    batches = [max(1, int(BATCH / min(nanoseconds(each.call, 1) for _ in range(3)))) for each in passes]
    times: list[list[float]] = [[] for _ in passes]
    for _ in range(REPETITIONS):
        for i in random.sample(range(len(passes)), len(passes)):
            times[i].append(nanoseconds(passes[i].call, batches[i]))
    for each, taken in zip(passes, times, strict=True):
        samples[case.n, case.p, "Python", each.peer, each.name].append(statistics.median(taken) / case.n)


def measure_rust(program: Path, samples: Samples) -> None:
    """Reads the tables that `benches/peers` prints."""
    command = (program, "--bench", "--quick")
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    n = 0
    for line in subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines():
        if match := re.fullmatch(r"(\d+) elements:", line):
            n = int(match[1])
        elif match := re.match(r"\| (\S+) \| (.+?) \| (\S+) \(.*?\) \| .*?\) \| (\S+) \(", line):
            p, peer, forward, backward = float(match[1]), match[2].replace("`", ""), float(match[3]), float(match[4])
            samples[n, p, "Rust", peer, "forward"].append(forward)
            samples[n, p, "Rust", peer, BOTH].append(forward + backward)


def write(record: Path, samples: Samples, level: str) -> None:
    """As CSV, after lines that begin with # and say what was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "jax", "flax", "onnxruntime"))
    commit = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    with record.open("w", newline="") as file:
        file.write(
            f"# {datetime.now(UTC):%Y-%m-%d}, {cpu()}, one thread; dropmask {commit.stdout.strip()} at level {level}\n"
        )
        file.write(f"# {packages}; RUSTFLAGS={os.environ.get('RUSTFLAGS', '')}\n")
        load = f"{os.getloadavg()[2]:.1f} of {os.cpu_count()} CPUs busy in the last 15 minutes"
        file.write(f"# nanoseconds an element: median, least and greatest of {ROUNDS} rounds; {load}\n")
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("elements", "p", "language", "peer", "pass", "median", "least", "greatest"))
        for row, times in sorted(samples.items()):
            rows.writerow((*row, *(f"{time:.4f}" for time in (statistics.median(times), min(times), max(times)))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("record", type=Path, help="the CSV file to write")
    parser.add_argument("--test", action="store_true", help="only check the answers")
    arguments = parser.parse_args()

    library_flags = ("--cfg", "dropmask_panic_handler", "-C", "default-linker-libraries=yes")
    library = build("rustc", "--lib", "--release", "--features", "ffi", "--crate-type", "cdylib", "--", *library_flags)
    program = build("bench", "--no-run", "--manifest-path", "benches/peers/Cargo.toml")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    dropmask_library = ctypes.CDLL(str(library))
    dropmask_library.dropmask_level.restype = ctypes.c_char_p

    cases = [Case(n, p) for n in SIZES for p in PROBABILITIES]
    checked = [(case, passes(case, dropmask_library)) for case in cases]
    if arguments.test:
        subprocess.run((program, "--test"), env={**os.environ, "RAYON_NUM_THREADS": "1"}, check=True)
        return
    samples: Samples = defaultdict(list)
    for i in range(ROUNDS):
        print(f"round {i + 1} of {ROUNDS}", flush=True)
        measure_rust(program, samples)
        for case, every in checked:
            measure(every, case, samples)
    write(arguments.record, samples, dropmask_library.dropmask_level().decode())
    draw(arguments.record)


if __name__ == "__main__":
    main()
