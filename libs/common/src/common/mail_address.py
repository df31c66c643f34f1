"""Mail addresses that can stand in a mail's header and be sent to by any mail server."""

import re

MAX_CHARACTERS = 254

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PARTS = rf"(?:{_ATOM}\.)*{_ATOM}@(?:{_LABEL}\.)+{_LABEL}"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_PARTS}")

#: The same for JSON Schema (ECMA-262), with white space around it, which is taken off.
PATTERN = rf"^\s*(?=[^@\s]{{1,64}}@)(?=\S{{1,{MAX_CHARACTERS}}}\s*$){_PARTS}\s*$"


def is_mail_address(text: str) -> bool:
    """Whether this is one plain ASCII address: no quotes, comments, lists, or bare host."""
    return len(text) <= MAX_CHARACTERS and _ADDRESS.fullmatch(text) is not None
