"""Slack's own Python client against the fake Slack.

    check.py BASE_URL TOKEN BLOCKS_JSON REQUEST_JSON SIGNING_SECRET

BASE_URL is what `fake_slack serve` prints; BLOCKS_JSON holds the output of
`fake_slack blocks`, REQUEST_JSON that of `fake_slack click`. Prints one line
per check and ends with 1 at the first that fails.
"""

import json
import sys
import warnings
from urllib.parse import parse_qs

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block
from slack_sdk.signature import Clock, SignatureVerifier

METADATA = {"event_type": "touchline_nudge", "event_payload": {"delivery_id": "d-1"}}


def fails(error, call, **arguments):
    try:
        call(**arguments)
    except SlackApiError as thrown:
        assert thrown.response["error"] == error, thrown.response
        return thrown.response
    raise AssertionError(f"no error where {error} was due")


def web_api(base, token, views):
    web = WebClient(token, base_url=f"{base}api/")
    assert web.auth_test()["team"] == "Example"
    assert web.users_lookupByEmail(email="ada@example.com")["user"]["id"] == "U1"
    fails("users_not_found", web.users_lookupByEmail, email="eve@example.com")
    channel = web.conversations_open(users="U1")["channel"]["id"]
    fails("invalid_auth", WebClient("fake-wrong", base_url=f"{base}api/").auth_test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no text is the point
        fails("no_text", web.chat_postMessage, channel=channel)
    ts = None
    for name in ("open", "overfull_digest"):
        posted = web.chat_postMessage(channel=channel, metadata=METADATA, **views[name])
        ts = posted["ts"]
        assert posted["message"]["metadata"] == METADATA
    edited = web.chat_update(channel=channel, ts=ts, **views["quiet"])
    assert len(edited["message"]["blocks"]) == 1
    too_long = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}]
    answer = fails("invalid_blocks", web.chat_update, channel=channel, ts=ts, text="x", blocks=too_long)
    assert "json-pointer:/blocks/0/text" in answer["response_metadata"]["messages"][0]
    for _ in range(10):
        try:
            web.chat_postMessage(channel=channel, text="again")
        except SlackApiError as thrown:
            assert thrown.response.status_code == 429
            assert int(thrown.response.headers["Retry-After"]) >= 1
            break
    else:
        raise AssertionError("ten messages at once met no limit")


def nested(value):
    """Every model object inside of a block; validate_json does not descend."""
    if isinstance(value, JsonObject):
        yield value
        for name in value.attributes:
            yield from nested(getattr(value, name, None))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from nested(item)


def blocks(views):
    checked = 0
    for name, view in views.items():
        for raw in view["blocks"]:
            parsed = Block.parse(raw)
            assert parsed is not None, f"{name}: the client does not know {raw['type']}"
            for one in nested(parsed):
                one.validate_json()
                checked += 1
            # What the client understood is what was meant.
            assert parsed.to_dict() == raw, f"{name}: {parsed.to_dict()} is not {raw}"
    return checked


class At(Clock):
    def __init__(self, second):
        self.second = second

    def now(self):
        return self.second


def signature(request, secret):
    headers = dict(request["headers"])
    second = int(headers["x-slack-request-timestamp"])
    right = SignatureVerifier(secret, At(second))
    assert right.is_valid_request(request["body"], headers)
    assert not right.is_valid_request(request["body"] + "x", headers)
    assert not SignatureVerifier("fake-other", At(second)).is_valid_request(request["body"], headers)
    assert not SignatureVerifier(secret, At(second + 301)).is_valid_request(request["body"], headers)
    payload = json.loads(parse_qs(request["body"])["payload"][0])
    assert payload["type"] == "block_actions" and payload["user"]["id"] == "U1"


def main():
    if len(sys.argv) != 6:
        print(__doc__, file=sys.stderr)
        return 2
    base, token, blocks_file, request_file, secret = sys.argv[1:]
    with open(blocks_file, encoding="utf-8") as file:
        views = json.load(file)
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)
    print(f"ok blocks: {blocks(views)} objects in {len(views)} messages")
    signature(request, secret)
    print("ok signature")
    web_api(base, token, views)
    print("ok web api")
    return 0


if __name__ == "__main__":
    sys.exit(main())
