"""The load test: many users ask one `rag serve` at once; errors, times and memory come out.

Starts the service as a person would, on loopback, without the page; has locust's users ask it for a while; samples the
process' memory once a second. Nothing is asked of another machine.

    python eval/service/load.py --index INDEX [--users 20] [--seconds 180] [--cores 2] [--out FILE]

The questions are the claims and questions of ``--questions``, a file of JSON lines with a field ``text`` or
``question`` (gzip or not). Prints the bars of the issue beside what was measured, and exits 1 where one is missed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT.parent / "shared" / "data" / "eval" / "scifact" / "queries_test.jsonl.gz"
USERS_FILE = Path(__file__).with_name("users.py")
P95_BAR = 2.0  # seconds
GROWTH_BAR = 0.05  # of memory, over the last two minutes
STEADY = 120  # seconds


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def questions_of(file: Path, most: int) -> list[str]:
    """The questions of a file of JSON lines."""
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [row.get("question") or row["text"] for row in rows][:most]


def start_service(index: Path, port: int, cores: int) -> subprocess.Popen[bytes]:
    """`rag serve` on a few cores; its log goes nowhere."""
    command = [sys.executable, "-c", "from rag.apps.cli import main; main()", "serve"]
    command += ["--index", str(index), "--port", str(port), "--no-page"]
    mine = sorted(os.sched_getaffinity(0))[:cores]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    psutil.Process(process.pid).cpu_affinity(mine)
    return process


def wait_until_ready(port: int, process: subprocess.Popen[bytes], limit: float = 180) -> float:
    """Seconds until /readyz says so."""
    import http.client

    began = time.monotonic()
    while time.monotonic() - began < limit:
        if process.poll() is not None:
            sys.exit(f"rag serve ended with {process.returncode}; run it by hand to see why")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.monotonic() - began
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    sys.exit("rag serve did not become ready")


class Memory:
    """The resident memory of a process, once a second."""

    def __init__(self, pid: int) -> None:
        self.samples: list[tuple[float, int]] = []
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(1.0):
            self.samples.append((time.monotonic() - began, self._process.memory_info().rss))

    def end(self) -> list[tuple[float, int]]:
        """All samples: seconds and bytes."""
        self._stop.set()
        self._thread.join()
        return self.samples


def growth(samples: list[tuple[float, int]], seconds: float = STEADY) -> float:
    """How much memory grew over the last seconds, as a share: medians of ten samples at both ends."""
    last = samples[-1][0]
    kept = [size for at, size in samples if at >= last - seconds]
    width = max(1, min(10, len(kept) // 2))
    begin, end = (sorted(part)[len(part) // 2] for part in (kept[:width], kept[-width:]))
    return end / begin - 1


def run_users(url: str, asked: argparse.Namespace, questions: list[str], folder: Path) -> dict[str, Any]:
    """Locust's row for all requests."""
    (folder / "questions.json").write_text(json.dumps(questions), "utf-8")
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "-f", str(USERS_FILE)]
    command += ["--host", url, "-u", str(asked.users), "-r", str(asked.users), "-t", f"{asked.seconds}s"]
    command += ["--csv", str(folder / "load"), "--stop-timeout", "10", "--exit-code-on-error", "0"]
    environment = {
        **os.environ,
        "LOAD_QUESTIONS": str(folder / "questions.json"),
        "LOAD_READ_LEAST": str(asked.read[0]),
        "LOAD_READ_MOST": str(asked.read[1]),
    }
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with (folder / "load_stats.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["Name"] == "Aggregated"]
    with (folder / "load_failures.csv").open(encoding="utf-8") as lines:
        failures = [dict(row) for row in csv.DictReader(lines)]
    return {**rows[0], "failures": failures}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--cores", type=int, default=2, help="cores the service may use")
    parser.add_argument(
        "--read",
        type=float,
        nargs=2,
        default=(3.0, 7.0),
        metavar=("LEAST", "MOST"),
        help="seconds between questions",
    )
    parser.add_argument("--out", type=Path, help="also write the result here, as JSON")
    return parser.parse_args()


def main() -> None:
    """Run it."""
    asked = parsed()
    questions = questions_of(asked.questions, 1_000)
    port = free_port()
    service = start_service(asked.index, port, asked.cores)
    try:
        ready = wait_until_ready(port, service)
        memory = Memory(service.pid)
        with tempfile.TemporaryDirectory() as folder:
            row = run_users(f"http://127.0.0.1:{port}", asked, questions, Path(folder))
        samples = memory.end()
    finally:
        service.terminate()
        service.wait(20)
    requests, failed = int(row["Request Count"]), int(row["Failure Count"])
    p95 = float(row["95%"]) / 1000
    grown = growth(samples)
    result = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {asked.cores} for the service; users beside it",
        "index": asked.index.name,
        "users": asked.users,
        "seconds": asked.seconds,
        "read_seconds": list(asked.read),
        "ready_seconds": round(ready, 2),
        "requests": requests,
        "failed": failed,
        "failures": row["failures"],
        "per_second": round(float(row["Requests/s"]), 2),
        "p50_seconds": float(row["50%"]) / 1000,
        "p95_seconds": p95,
        "p99_seconds": float(row["99%"]) / 1000,
        "max_seconds": round(float(row["Max Response Time"]) / 1000, 3),
        "memory_mb": [round(size / 1e6) for _, size in samples[:: max(1, len(samples) // 12)]],
        "memory_growth_last_2_minutes": round(grown, 4),
    }
    print(json.dumps(result, indent=1))
    bars = {
        f"no error ({failed} of {requests})": failed == 0 and requests > 0,
        f"p95 <= {P95_BAR:.0f} s ({p95:.2f} s)": p95 <= P95_BAR,
        f"memory <= +{GROWTH_BAR:.0%} over the last two minutes ({grown:+.1%})": grown <= GROWTH_BAR,
    }
    for bar, met in bars.items():
        print("OK  " if met else "FAIL", bar)
    if asked.out:
        asked.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    sys.exit(0 if all(bars.values()) else 1)


if __name__ == "__main__":
    main()
