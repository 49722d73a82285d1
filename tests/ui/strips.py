"""The strips of pictures on a page that Streamlit's own test harness has run."""

import json
import struct


def stages(app, strip):
    """The pictures of a strip, as the browser gets them."""
    found = next(each.proto for each in app.get("bidi_component") if each.proto.id.endswith(f"-{strip}"))
    (size,) = struct.unpack("<I", found.bytes[:4])
    return json.loads(found.bytes[4 : 4 + size])["stages"]
