"""Timers for directive-trio: what the clock has to say, as events."""

from directive_trio_timer._alarm import AlarmOver, AlarmSource, add_alarm
from directive_trio_timer._beat import Beat, Missed
from directive_trio_timer._every import every
from directive_trio_timer._sources import (
    AtSource,
    CronSource,
    PollSource,
    RepeatSource,
    at,
    cron,
    poll,
    repeat,
)
from directive_trio_timer._timers import (
    Countdown,
    CountdownFacts,
    PauseTimer,
    RepeatTimer,
    RepeatTimerFacts,
    ResetTimer,
    StartTimer,
    Stopwatch,
    StopwatchFacts,
    TimerTicked,
)
from directive_trio_timer._wall import WallClock, sleep_until, wall_clock

__all__ = [
    "AlarmOver",
    "AlarmSource",
    "AtSource",
    "Beat",
    "Countdown",
    "CountdownFacts",
    "CronSource",
    "Missed",
    "PauseTimer",
    "PollSource",
    "RepeatSource",
    "RepeatTimer",
    "RepeatTimerFacts",
    "ResetTimer",
    "StartTimer",
    "Stopwatch",
    "StopwatchFacts",
    "TimerTicked",
    "WallClock",
    "add_alarm",
    "at",
    "cron",
    "every",
    "poll",
    "repeat",
    "sleep_until",
    "wall_clock",
]
