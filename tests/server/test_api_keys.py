import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from keras_resattn_server.api_keys import ApiKeyMiddleware
from keras_resattn_server.api_keys import ApiKeys

KEYS = ApiKeys(["first-key", "second-key"])


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "keys.txt"
    file.touch(mode=0o600)
    return file


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer second-key"},
        {"x-api-key": "first-key"},
        {"x-api-key": b"second-key"},
        {"authorization": "Basic abc", "x-api-key": "first-key"},
    ],
)
def test_a_key_is_accepted_in_either_header(headers):
    assert KEYS.accept(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer first-keY"},
        {"authorization": "first-key"},
        {"authorization": "Basic first-key"},
        {"x-api-key": ""},
        {"x-api-key": "first-key2"},
        {"x-api-key": "firstkey\xe9"},
    ],
)
def test_anything_else_is_not_accepted(headers):
    assert not KEYS.accept(headers)


def test_the_keys_themselves_are_not_kept():
    assert "first-key" not in repr(vars(KEYS))


def test_a_file_has_a_key_a_line(key_file):
    key_file.write_text("one-key\n\n  other-key  \n")
    keys = ApiKeys.read(key_file)
    assert keys.accept({"x-api-key": "one-key"})
    assert keys.accept({"x-api-key": "other-key"})
    assert not keys.accept({"x-api-key": ""})


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "has no API key"),
        ("\n  \n", "has no API key"),
        ("good\nbad key\n", "line 2"),
        ("schlüssel\n", "line 1"),
    ],
)
def test_a_file_without_usable_keys_is_named_and_no_key_shown(key_file, text, message):
    key_file.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        ApiKeys.read(key_file)
    assert str(key_file) in str(caught.value)
    assert "bad key" not in str(caught.value)


def test_a_file_that_every_user_can_read_is_refused(key_file):
    key_file.write_text("a-key\n")
    key_file.chmod(0o604)
    with pytest.raises(PermissionError, match="chmod o-r"):
        ApiKeys.read(key_file)


def test_without_a_key_only_the_health_urls_answer():
    async def app(scope, receive, send):
        await PlainTextResponse("inside")(scope, receive, send)

    async def statuses(headers):
        transport = httpx.ASGITransport(ApiKeyMiddleware(app, KEYS))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x"
        ) as client:
            paths = ("/healthz", "/readyz", "/v1/models/clf", "/metrics", "/healthz/x")
            answers = [await client.get(path, headers=headers) for path in paths]
        assert all("first" not in answer.text for answer in answers)
        return [answer.status_code for answer in answers]

    assert asyncio.run(statuses({})) == [200, 200, 401, 401, 401]
    assert asyncio.run(statuses({"x-api-key": "no"})) == [200, 200, 401, 401, 401]
    assert asyncio.run(statuses({"x-api-key": "first-key"})) == [200] * 5
