"""Bodies of `bench_operations.py`: a process finds them in a module."""

from __future__ import annotations

import asyncio

from duologue.actors import Operation


def compute(operation: Operation) -> None:
    """Compute in pure Python, and report, until asked to stop."""
    step = 0
    while not operation.is_stop_requested:
        sum(number * number for number in range(10_000))
        step += 1
        operation.report(text=f"step {step}")


async def report(operation: Operation) -> None:
    """Report twice a second, with a timer of its own."""
    step = 0
    while not operation.is_stop_requested:
        step += 1
        operation.report(text="working", current=step, total=10_000)
        await asyncio.sleep(0.5)


async def wait(operation: Operation) -> None:
    """Report once, and wait for a stop."""
    operation.report(text="working", current=1, total=10_000)
    await operation.stopping()
