"""From what a server says to what helps: the tables of its error codes and texts."""

import re

from directive_trio_realtime.errors import Cause, RefusedError

# A reason is "<Code>: <text>" or a text alone. What is in no table is taken as transient: reported, and tried again.
CAUSES: dict[str, Cause] = {
    **dict.fromkeys(
        (
            *("MalformedJWT", "JwtSignatureError", "JwtSignerError", "InvalidJWTToken", "Unauthorized"),
            *("TopicNameRequired", "TenantNotFound", "RealtimeDisabledForTenant", "PrivateOnly"),
            *("UnableToReplayMessages", "unmatched topic"),
        ),
        Cause.FATAL,
    ),
    **dict.fromkeys(
        (
            *("ConnectionRateLimitReached", "ChannelRateLimitReached", "ClientJoinRateLimitReached"),
            *("DatabaseConnectionRateLimitReached", "too many channels joined"),
        ),
        Cause.RATE,
    ),
}
EXPIRED = re.compile(r"InvalidJWTExpiration|expired", re.IGNORECASE)
TEXTS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (re.compile(r"too many .* per second|rate limit exceeded", re.IGNORECASE), Cause.RATE),
    (
        re.compile(r"fields `role` and `exp`|no longer have permission|message size exceeded", re.IGNORECASE),
        Cause.FATAL,
    ),
)
# HTTP statuses of a refused handshake; all others are transient.
STATUSES = {401: Cause.FATAL, 403: Cause.FATAL, 404: Cause.FATAL, 429: Cause.RATE}


def cause_of(reason: str) -> Cause:
    """What helps against this reason, a join's or a channel's end."""
    if EXPIRED.search(reason):
        return Cause.TOKEN
    code = reason.partition(":")[0].strip()
    if code in CAUSES:
        return CAUSES[code]
    return next((cause for pattern, cause in TEXTS if pattern.search(reason)), Cause.TRANSIENT)


def refusal(reason: str) -> RefusedError:
    """The error for a reason a server gave."""
    return RefusedError(reason, cause_of(reason))


def handshake_refusal(status: int, body: str) -> RefusedError:
    """The error for a handshake answered with an HTTP status instead of a connection."""
    said = f": {body[:200]}" if body else ""
    return RefusedError(
        f"the server refused the connection with HTTP {status}{said}", STATUSES.get(status, Cause.TRANSIENT)
    )
