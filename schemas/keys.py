"""The one layout of Redis keys. Redis is a view: wipe it, and reading the topics again rebuilds it.

    <namespace>:request:<request id>     hash, expires `result_ttl_s` after its last write
        <pipeline>|official              value of the official answer: Arrow IPC, or JSON for an error
        <pipeline>|official|headers      its headers, a JSON object of text
        <pipeline>|<pipeline version>|<arm>          value of a challenger's answer
        <pipeline>|<pipeline version>|<arm>|headers  its headers
        <pipeline>|duplicate|<frame>     a later official answer of another frame with the same request id
    <namespace>:pipeline:<pipeline>      sorted set: request id by the official answer's `published-at`
    <namespace>:indexer:<indexer>        number of that indexer's newest write, expires a day after its end
    <namespace>:answered:<request id>    channel: a message per write to the request's hash

`<pipeline>` is `workspace/name`, or as it came where routing failed before it was known.
`<arm>` is `name@version` of the challenger. `<frame>` is `topic/partition/offset`.
"""


class Keys:
    """Redis keys of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def request(self, request_id: str) -> str:
        """Hash with everything known about one request."""
        return f"{self.namespace}:request:{request_id}"

    def pipeline(self, pipeline: str) -> str:
        """Sorted set of a pipeline's newest requests by time."""
        return f"{self.namespace}:pipeline:{pipeline}"

    def indexer(self, indexer: str) -> str:
        """Number of an indexer's newest write."""
        return f"{self.namespace}:indexer:{indexer}"

    def answered(self, request_id: str) -> str:
        """The channel that wakes a client that waits for this request."""
        return f"{self.namespace}:answered:{request_id}"


def official_field(pipeline: str) -> str:
    """Field of the official answer's value; `headers_field` of it holds the headers."""
    return f"{pipeline}|official"


def challenger_field(pipeline: str, pipeline_version: str, name: str, version: str) -> str:
    """Field of one challenger's answer to one version of a pipeline."""
    return f"{pipeline}|{pipeline_version}|{name}@{version}"


def headers_field(field: str) -> str:
    """Field of the headers that belong to an answer's field."""
    return f"{field}|headers"


def duplicate_field(pipeline: str, frame: str) -> str:
    """Field that marks a later official answer, so that duplicates are counted once each."""
    return f"{pipeline}|duplicate|{frame}"


def pipeline_of(field: str) -> str | None:
    """The pipeline of a field that holds an answer's headers; None for any other field."""
    if not field.endswith(headers_field("")):
        return None
    answer = field.removesuffix(headers_field(""))
    if answer.endswith(official_field("")):
        return answer.removesuffix(official_field(""))
    # An unchecked pipeline name may hold bars; a version and an arm never do.
    return answer.rsplit("|", 2)[0]
