"""Prints the signature that HubSpot's Python client computes.

echo '{"version":"v3","secret":"fake-s","method":"POST","url":"https://…","body":"[]","timestamp":1}' | python sign.py
"""

import json
import sys

from hubspot.utils.signature import Signature

asked = json.load(sys.stdin)
print(
    Signature.get_signature(
        asked["secret"],
        asked["body"],
        asked["version"],
        asked["url"],
        asked["method"],
        asked["timestamp"],
    )
)
