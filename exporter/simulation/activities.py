"""What an agent does, and for how long: the truth that an exporter has to find out."""

from enum import StrEnum

from exporter.simulation.phones import Device


class Activity(StrEnum):
    """What an agent who is logged in does; the first of these that holds."""

    ON_CALL = "on_call"
    RINGING = "ringing"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"


_BY_DEVICE = {
    Device.IN_USE: Activity.ON_CALL,
    Device.ON_HOLD: Activity.ON_CALL,
    Device.RINGING_IN_USE: Activity.ON_CALL,
    Device.RINGING: Activity.RINGING,
}


class Timesheet:
    """The activity of one agent, and the seconds that the agent spent in each.

    Only the end of a wrap-up has no cause that could report it; it follows from the time.
    """

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(Activity, 0.0)
        self._since = 0.0
        self._activity: Activity | None = None
        self._wrap_up_ends = 0.0
        self._after_wrap_up = Activity.AVAILABLE

    def note(self, now: float, device: Device, *, is_paused: bool, wraps_up_until: float) -> None:
        """Note what the agent does from now on.

        Args:
            now: Unix time in seconds.
            device: State of the phone.
            is_paused: Whether the agent is paused in all queues.
            wraps_up_until: When the last wrap-up in any of the queues ends or ended, Unix time in
                seconds.
        """
        self.stop(now)
        is_unavailable = device is Device.UNAVAILABLE
        idle = Activity.UNAVAILABLE if is_unavailable else Activity.AVAILABLE
        self._after_wrap_up, self._wrap_up_ends = idle, wraps_up_until
        self._activity = _BY_DEVICE.get(device)
        if self._activity is None:
            if is_paused:
                self._activity = Activity.PAUSED
            else:
                self._activity = Activity.WRAP_UP if now < wraps_up_until else idle

    def stop(self, now: float) -> None:
        """Note that the agent does nothing from now on."""
        self._seconds = self.seconds(now)
        self._since = now
        self._activity = None

    def activity(self, now: float) -> Activity | None:
        """Return what the agent does; None for one who is not logged in."""
        if self._activity is Activity.WRAP_UP and self._wrap_up_ends <= now:
            return self._after_wrap_up
        return self._activity

    def seconds(self, now: float) -> dict[Activity, float]:
        """Return the seconds spent in each activity."""
        seconds = dict(self._seconds)
        if self._activity is None:
            return seconds
        since = self._since
        if self._activity is Activity.WRAP_UP:
            end = max(since, min(now, self._wrap_up_ends))
            seconds[Activity.WRAP_UP] += end - since
            since = end
        now_active = self._after_wrap_up if self._activity is Activity.WRAP_UP else self._activity
        seconds[now_active] += now - since
        return seconds
