"""Answers become numbers: question sets, metrics, runner, report."""
