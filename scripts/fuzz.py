"""Hooks of schemathesis for scripts/fuzz: most cases are brought past the first checks, and every watch ends."""
from zlib import crc32

import schemathesis

NAMES = ["alpha", "beta", "gamma"]


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query or {}
    if "watch" in query or "/watch/" in case.path:
        case.query = {**query, "timeoutSeconds": 1}  # nobody else ends it within the client's patience
    luck = crc32(repr((case.path_parameters, case.body)).encode(errors="replace"))
    if luck % 8 == 0:
        return  # as it was generated
    path = case.path_parameters or {}
    chosen = {"namespace": "default", "name": NAMES[luck // 8 % len(NAMES)]}
    case.path_parameters = {key: chosen.get(key, value) for key, value in path.items()}
    kind = case.operation.definition.raw.get("x-kubernetes-group-version-kind")
    if case.method in ("POST", "PUT") and isinstance(case.body, dict) and kind:
        metadata = case.body.get("metadata")
        chosen = {key: value for key, value in chosen.items() if key == "name" or key in path}
        case.body = {
            **case.body,
            "apiVersion": "/".join(filter(None, (kind["group"], kind["version"]))),
            "kind": kind["kind"],
            "metadata": {**(metadata if isinstance(metadata, dict) else {}), **chosen},
        }


@schemathesis.check
def no_internal_error(ctx, response, case):
    """502 to 504 speak of others behind the server."""
    assert response.status_code != 500 or is_upstreams_own(response, case), "Server error"


def is_upstreams_own(response, case):
    """Two mistakes of a client that upstream's API server too answers with 500: a wrong binding, and a version given to a new object."""
    if "/binding" in case.path and "target." in response.text:
        return True
    return case.method == "POST" and "resourceVersion should not be set on objects to be created" in response.text
