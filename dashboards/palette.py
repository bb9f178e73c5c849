"""Colours that colour-blind people can distinguish: those of Okabe and Ito, and three greys.

Black is left out because it is invisible on a dark page. Colour is never the only sign of a state:
a word, a number or a line style shows it too.
"""

from __future__ import annotations

from collections.abc import Mapping

ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
BLUISH_GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
REDDISH_PURPLE = "#CC79A7"
GREY = "#999999"
DARK_GREY = "#5F5F5F"
LIGHT_GREY = "#CCCCCC"

GOOD = BLUISH_GREEN
WARNING = ORANGE
BAD = VERMILION
NEUTRAL = BLUE

Colours = Mapping[str, str]

ENDPOINT_STATES: Colours = {
    "idle": BLUISH_GREEN,
    "in_use": BLUE,
    "busy": REDDISH_PURPLE,
    "unavailable": VERMILION,
    "ringing": YELLOW,
    "in_use_ringing": ORANGE,
    "on_hold": SKY_BLUE,
    "in_use_on_hold": GREY,
    "other": DARK_GREY,
}

DEVICE_STATES: Colours = {
    "unknown": GREY,
    "not_in_use": BLUISH_GREEN,
    "in_use": BLUE,
    "busy": REDDISH_PURPLE,
    "invalid": DARK_GREY,
    "unavailable": VERMILION,
    "ringing": YELLOW,
    "ringing_in_use": ORANGE,
    "on_hold": SKY_BLUE,
}

ACTIVITIES: Colours = {
    "on_call": BLUE,
    "ringing": YELLOW,
    "paused": ORANGE,
    "wrap_up": SKY_BLUE,
    "unavailable": VERMILION,
    "available": BLUISH_GREEN,
    "unknown": GREY,
}

PRESENCES: Colours = {
    "available": BLUISH_GREEN,
    "away": YELLOW,
    "outtolunch": ORANGE,
    "donotdisturb": VERMILION,
    "berightback": SKY_BLUE,
    "disconnected": GREY,
    "busy": REDDISH_PURPLE,
    "unavailable": BLUE,
    "invisible": LIGHT_GREY,
    "other": DARK_GREY,
}

LINE_STATES: Colours = {
    "ringing": YELLOW,
    "progressing": ORANGE,
    "holding": SKY_BLUE,
    "talking": BLUE,
    "available": BLUISH_GREEN,
    "unavailable": VERMILION,
}

DIRECTIONS: Colours = {
    "inbound": BLUE,
    "outbound": ORANGE,
    "internal": BLUISH_GREEN,
    "unknown": GREY,
}

CALL_STATES: Colours = {"ringing": YELLOW, "up": BLUE, "held": SKY_BLUE}

CAUSES: Colours = {
    "normal": BLUISH_GREEN,
    "busy": REDDISH_PURPLE,
    "no_answer": YELLOW,
    "rejected": ORANGE,
    "unallocated": SKY_BLUE,
    "congestion": VERMILION,
    "failure": DARK_GREY,
    "other": GREY,
}

LOG_STATUSES: Colours = {
    "answered": BLUISH_GREEN,
    "voicemail": SKY_BLUE,
    "blocked": VERMILION,
    "unknown": GREY,
    "other": DARK_GREY,
}

REGISTERED: Colours = {
    "yes": BLUISH_GREEN,
    "no": VERMILION,
    "unknown": GREY,
}

AGENT_STATUSES: Colours = {"logged_in": BLUE, "logged_out": GREY}

OUTCOMES: Colours = {
    "answered": BLUISH_GREEN,
    "abandoned": VERMILION,
    "expired": ORANGE,
    "left": SKY_BLUE,
    "lost": GREY,
}

ENDED_BY: Colours = {"agent": BLUE, "caller": ORANGE, "transfer": REDDISH_PURPLE}

MEMBER_CHANGES: Colours = {
    "added": BLUE,
    "removed": GREY,
    "paused": ORANGE,
    "unpaused": BLUISH_GREEN,
}
