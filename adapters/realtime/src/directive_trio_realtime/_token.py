"""When an access token ends, as it says itself. The signature is the server's business."""

import base64
import json


def expiry_of(token: str) -> float | None:
    """The wall-clock moment (seconds since 1970) in a JSON web token; None if it does not say."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    moment = claims.get("exp") if isinstance(claims, dict) else None
    if not isinstance(moment, int | float) or isinstance(moment, bool):
        return None
    try:
        return float(moment)
    except OverflowError:
        return None
