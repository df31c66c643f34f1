"""A partner's system reports once, whatever happens: the same key makes a repeat safe.

VERMOEDEN_URL=https://melden.waterdam.example VERMOEDEN_API_KEY=vk_… python report.py
"""

import json
import os
import secrets
import time
import urllib.error
import urllib.request


def report(body: dict[str, object], idempotency_key: str) -> dict[str, str]:
    """Send a report; the answer holds the receipt. Keep the key until this returns, and repeat with it."""
    request = urllib.request.Request(  # noqa: S310
        os.environ["VERMOEDEN_URL"] + "/api/v1/reports",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['VERMOEDEN_API_KEY']}",
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
        },
    )
    for attempt in range(8):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                stored: dict[str, str] = json.load(answer)
                return stored
        except urllib.error.HTTPError as error:
            if error.code not in {408, 429, 502, 503, 504}:
                raise SystemExit(f"{error.code}: {error.read().decode()}") from error
            time.sleep(int(error.headers.get("Retry-After", "1")))
        except OSError:
            time.sleep(2**attempt)
    raise SystemExit("The door stayed away; repeat later with the same key.")


if __name__ == "__main__":
    noticed: dict[str, object] = {
        "signalType": "hennepteelt",
        "description": "Bij de meterkast hangt een kabel die er niet hoort, en het zoemt.",
        "answers": {"waargenomen": "zelf-waargenomen", "geur": "soms"},
    }
    print(report(noticed, secrets.token_urlsafe(24))["receipt"])
