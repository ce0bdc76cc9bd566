"""What one user of the load test does: asks, reads for a while, asks again. Run by load.py."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from locust import HttpUser, between, task

QUESTIONS = json.loads(Path(os.environ["LOAD_QUESTIONS"]).read_text("utf-8"))
READING = between(float(os.environ["LOAD_READ_LEAST"]), float(os.environ["LOAD_READ_MOST"]))


class Reader(HttpUser):
    """Asks one question after another; each answer must be whole, or it counts as an error."""

    wait_time = READING

    @task
    def ask(self) -> None:
        """One question."""
        question = random.choice(QUESTIONS)
        with self.client.post("/v1/ask", json={"question": question}, catch_response=True) as told:
            if told.status_code != 200:
                told.failure(f"{told.status_code}: {told.text[:200]}")
            elif "verdict" not in told.json():
                told.failure("no verdict")
