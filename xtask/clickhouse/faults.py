"""Faults that a test orders for one database: `POST /faults?database=DATABASE&fault=KIND`.

Only requests with the same `database=` meet them, so that tests beside it are not disturbed. The
rest of the order: `times` (1; 0 for ever), and `containing`, a text that the statement must have.
Kinds are:

- `refuse`: the connection is closed before anything is done;
- `delay`: the statement begins after `seconds`;
- `error`: nothing is done, the reply is the exception of this `code`, for example 243 of a full disk;
- `cut`: all is done, and the connection closed before the reply; in a long result after its first part;
- `none`: what was ordered before is forgotten.
"""

import threading
from dataclasses import dataclass

KINDS = ("refuse", "delay", "error", "cut")


@dataclass
class Fault:
    kind: str
    times: int = 1
    containing: str = ""
    seconds: float = 0
    code: int = 1000


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.ordered = {}

    def order(self, database, fault="", **rest):
        if fault == "none":
            with self.lock:
                self.ordered.pop(database, None)
            return
        if fault not in KINDS:
            raise ValueError(f"fault must be none, or one of {', '.join(KINDS)}")
        types = Fault.__annotations__
        fault = Fault(fault, **{name: types[name](value) for name, value in rest.items()})
        with self.lock:
            self.ordered.setdefault(database, []).append(fault)

    def take(self, database, statement):
        """The first fault that this statement has to meet, if any."""
        with self.lock:
            waiting = self.ordered.get(database, ())
            for fault in waiting:
                if fault.containing not in statement:
                    continue
                if fault.times == 1:
                    waiting.remove(fault)
                elif fault.times > 1:
                    fault.times -= 1
                return fault
        return None
