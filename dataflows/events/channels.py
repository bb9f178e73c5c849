"""What happens to channels, each a side of a call. Source: Asterisk, through amid."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, read
from dataflows.labels import label
from dataflows.subsystem import Decoder, Event


class ChannelEvent(Event, frozen=True, gc=False):
    """Something happened to a channel; `channel` is its `Uniqueid`."""

    channel: str


class HangupRequested(ChannelEvent, frozen=True, gc=False):
    """The person or the server at the other end hung up, or vanished."""


class ChannelEnded(ChannelEvent, frozen=True, gc=False):
    """A channel ended."""


class CallerTransferred(ChannelEvent, frozen=True, gc=False):
    """A caller took the place of a channel in the application in which it was, such as a queue.

    Attributes:
        channel: The channel that was there, and ends.
        by: `Uniqueid` of the caller's channel.
    """

    by: str


class QueueDialled(ChannelEvent, frozen=True, gc=False):
    """A call arrived for a queue; it may join the queue soon.

    Attributes:
        queue_id: Of the queue, in the database of XiVO or Wazo.
        digest: As that of a `CallEvent`.
        is_stamped: Whether it has a time stamp.
    """

    queue_id: str
    digest: int
    is_stamped: bool


class _Channel(msgspec.Struct, gc=False, rename="pascal"):
    uniqueid: str


class _SoftHangup(_Channel, gc=False, rename="pascal"):
    cause: int | str | None = None


class _Transfer(msgspec.Struct, gc=False, rename="pascal"):
    dest_type: str | None = None
    second_transferer_uniqueid: str | None = None
    transferee_uniqueid: str | None = None


class _UserEvent(msgspec.Struct, gc=False, rename="pascal"):
    user_event: str | None = None
    uniqueid: str | None = None
    queue_id: int | str | None = msgspec.field(default=None, name="XIVO_DSTID")


_channel = msgspec.json.Decoder(_Channel)
_soft_hangup = msgspec.json.Decoder(_SoftHangup)
_transfer = msgspec.json.Decoder(_Transfer)
_user_event = msgspec.json.Decoder(_UserEvent)

_VANISHED = ("1", 1)
"""Cause of a soft hangup after which the caller is gone, such as a time-out of the media."""


def channel_id(uniqueid: str | None) -> str:
    """Return the id of a channel, bounded in length.

    Raises:
        Rejected: BAD_FIELD if it is empty.
    """
    if not uniqueid:
        raise Rejected(Reason.BAD_FIELD, "Uniqueid is empty or missing")
    return label(uniqueid)


def digest(envelope: Envelope) -> int:
    """Return a checksum of the name, all fields and the time stamp, the same in each process."""
    return crc32(envelope.data, crc32(envelope.name.encode())) << _CHECKSUM_BITS | crc32(
        envelope.stamp.encode(errors="surrogatepass")
    )


_CHECKSUM_BITS = 32


def _decode_request(envelope: Envelope) -> HangupRequested:
    channel = channel_id(read(envelope, _channel).uniqueid)
    return HangupRequested(envelope.origin_uuid, envelope.at, channel)


def _decode_soft_request(envelope: Envelope) -> HangupRequested | None:
    data = read(envelope, _soft_hangup)
    if data.cause not in _VANISHED:
        return None
    return HangupRequested(envelope.origin_uuid, envelope.at, channel_id(data.uniqueid))


def _decode_ended(envelope: Envelope) -> ChannelEnded:
    channel = channel_id(read(envelope, _channel).uniqueid)
    return ChannelEnded(envelope.origin_uuid, envelope.at, channel)


def _decode_transfer(envelope: Envelope) -> CallerTransferred | None:
    data = read(envelope, _transfer)
    if data.dest_type != "App":
        return None
    old, new = data.second_transferer_uniqueid, data.transferee_uniqueid
    if not new:
        return None  # More than two people talk: nobody takes the place of the channel.
    return CallerTransferred(envelope.origin_uuid, envelope.at, channel_id(old), channel_id(new))


def _decode_user_event(envelope: Envelope) -> QueueDialled | None:
    data = read(envelope, _user_event)
    if data.user_event != "Queue" or data.queue_id is None:
        return None
    return QueueDialled(
        envelope.origin_uuid,
        envelope.at,
        channel_id(data.uniqueid),
        label(str(data.queue_id)),
        digest(envelope),
        bool(envelope.stamp),
    )


def _ami(
    name: str, decode: Callable[[Envelope], Event | None], what: str, versions: str = "11 to 22"
) -> Decoder:
    return Decoder(name, f"ami.{name}", decode, f"Asterisk {versions}, through amid. {what}")


ENDED = _ami(
    "Hangup",
    _decode_ended,
    "A channel ended. It may be that of a caller in a queue, of a refused call, of a parked call "
    "or of a participant of a conference",
)

DECODERS = (
    _ami(
        "HangupRequest",
        _decode_request,
        "The caller hung up. With an Abandon, the visit counts as abandoned",
    ),
    _ami(
        "SoftHangupRequest",
        _decode_soft_request,
        "With cause 1: the caller vanished. With an Abandon, the visit counts as abandoned",
    ),
    ENDED,
    _ami(
        "AttendedTransfer",
        _decode_transfer,
        "With the destination `App`: the transferred caller takes the place of the transferring "
        "person in the queue",
        "12 to 22",
    ),
    _ami(
        "UserEvent",
        _decode_user_event,
        "With the name `Queue`, from the dialplan of XiVO and Wazo: a call arrived for a queue",
    ),
)
