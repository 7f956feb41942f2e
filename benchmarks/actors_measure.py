"""Do one work one way in this process, and write the figures as JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from importlib import import_module
from typing import cast

from actors import Figures, Setup


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("way", help="duologue, pykka, tasks or xoscar")
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--uvloop", action="store_true")
    chosen = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: chosen.cores]
    os.sched_setaffinity(0, cores)
    module = import_module(f"actors_{chosen.way}")
    work = cast("Callable[[Setup], Figures]", getattr(module, chosen.work))
    print(json.dumps(work(Setup(chosen.messages, chosen.uvloop))))


if __name__ == "__main__":
    main()
