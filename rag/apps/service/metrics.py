"""The counters, in Prometheus' format; one registry per service, so that several may live in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from rag.types import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 15.0, 60.0)
_METHODS = frozenset("GET HEAD POST PUT DELETE PATCH OPTIONS".split())


class Metrics:
    """Counts requests, answers and refusals, and reads off the gauges when it is asked.

    Args:
        gauges: name without prefix -> (help, value now); read at each scrape.
    """

    def __init__(self, gauges: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rag_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rag_request_seconds",
            "Seconds until a request was answered whole.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._answers = Counter(
            "rag_answers", "Questions by verdict.", ["verdict", "generator"], registry=self._registry
        )
        self._stages = Histogram(
            "rag_stage_seconds",
            "Seconds of each stage of an answer.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "rag_refusals", "Requests refused at the gate by reason.", ["reason"], registry=self._registry
        )
        self._registry.register(_Gauges(gauges))
        ProcessCollector(registry=self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. A method nobody knows counts as one, so that nobody can fill the memory."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def asked(self, answer: Answer) -> None:
        """A question was answered."""
        self._answers.labels(answer.verdict, answer.generator.partition(":")[0]).inc()
        for stage, milliseconds in answer.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)

    def refused(self, reason: str) -> None:
        """A request was refused at the gate."""
        self._refusals.labels(reason).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, read: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges now."""
        for name, (described, value) in self._read().items():
            yield GaugeMetricFamily(f"rag_{name}", described, value=value)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is read when the registry asks what there is."""
        return []
