"""The generated messages are those of their .proto files."""

import re
from pathlib import Path

import pytest

from keras_resattn_client import serving_pb2
from keras_resattn_server.wire import config_files_pb2

FIELD = re.compile(r"^\s*(?:repeated )?(?:map<.*>|[\w.]+) (\w+) = (\d+);", re.MULTILINE)


def fields(message):
    found = {(field.name, field.number) for field in message.fields}
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            found |= fields(nested)
    return found


@pytest.mark.parametrize("module", [serving_pb2, config_files_pb2])
def test_the_messages_have_the_fields_of_their_proto_file(module):
    proto = Path(module.__file__.replace("_pb2.py", ".proto")).read_text()
    generated = set()
    for message in module.DESCRIPTOR.message_types_by_name.values():
        assert f"message {message.name} {{" in proto
        generated |= fields(message)
    assert generated == {(name, int(number)) for name, number in FIELD.findall(proto)}
    types = Path(module.__file__ + "i").read_text()
    for name, _ in generated:
        assert f"    {name}: " in types
