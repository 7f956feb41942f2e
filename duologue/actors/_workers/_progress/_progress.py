"""How far work is, by all that was reported of it so far."""

from __future__ import annotations

from duologue.actors._workers._progress._pace import Pace


class Progress(Pace):
    """The sum of all reports, and how fast they come; not safe for several threads at once.

    It is its own pace, not an object that has one: there may be thousands.

    Attributes:
        value: From 0 to 1, never going back; None while unknown.
        text: The newest words.
        current: How much of the stage is done; None if nothing is counted.
        total: How much there is to do in it; None while unknown.
        unit: What is counted.
        stage: Which stage of the work it is.
    """

    __slots__ = ("current", "stage", "text", "total", "unit", "value")

    def __init__(self, value: float | None = None, text: str = "") -> None:
        super().__init__()
        self.value: float | None = value
        self.text: str = text
        self.current: float | None = None
        self.total: float | None = None
        self.unit: str = ""
        self.stage: str = ""

    def rise(self, value: float) -> None:
        """Take in a value; one that is smaller than before changes nothing."""
        if self.value is None or value > self.value:
            self.value = value

    def count(
        self,
        current: float | None,
        total: float | None,
        unit: str | None,
        stage: str | None,
    ) -> None:
        """Take in what was counted; another stage counts from the beginning."""
        if stage is not None and stage != self.stage:
            self.stage, self.unit = stage, ""
            self.current = self.total = None
            self.forget()
        if unit is not None:
            self.unit = unit
        if total is not None:
            self.total = total
        if current is not None and self.current is None:
            self.current = current
            self.forget()
        elif current is not None and self.current is not None:
            self.current = max(self.current, current)

    @property
    def counted(self) -> float | None:
        """The value as it was counted; None if it was not."""
        if self.current is None or self.total is None:
            return None
        return min(1.0, self.current / self.total)

    def begin_pace(self, at: float) -> None:
        """Begin to count the time, if something is done already."""
        done = self.value if self.current is None else self.current
        if done is not None:
            self.see(done, at)

    def measure(self, at: float) -> tuple[float | None, float | None]:
        """How much is done a second, and how many seconds are left, by the reports until `at`.

        What is counted is `current`, or else `value`. Called where it is shown, which
        is not as often as something is reported.
        """
        done = self.value if self.current is None else self.current
        whole = 1.0 if self.current is None else self.total
        if done is None or self.since is None:
            return None, None
        self.see(done, at)
        left = None if whole is None else self.seconds_for(whole - done)
        return self.rate, left
