"""Lists that show themselves as tables, and names of other notebooks, which lead to ours. Nothing runs."""

import copy
import pickle
from typing import Any

import pytest

from sparring import Client, Framework, ModelVersion, Pipeline, Workspace
from sparring.display import Listing, fields_as_text
from sparring.other_names import CLIENT, MODEL, PIPELINE, WORKSPACE

TWO = [
    ("a", [("name", "yolo"), ("tags", "")]),
    ("b", [("name", "<b>"), ("tags", "shop, checkout")]),
]


def without_a_system(kind: Any) -> Any:
    return object.__new__(kind)


def test_a_listing_is_a_list() -> None:
    listing = Listing("models", TWO)
    assert listing == ["a", "b"]
    assert (listing[0], len(listing), list(listing)) == ("a", 2, ["a", "b"])


def test_it_prints_as_a_table_with_a_heading() -> None:
    assert str(Listing("models", TWO)) == "name  tags\nyolo\n<b>   shop, checkout"


def test_its_table_has_what_is_in_the_list_now_in_that_order() -> None:
    listing = Listing("models", TWO)
    listing.reverse()
    assert str(listing) == "name  tags\n<b>   shop, checkout\nyolo"
    listing.remove("b")
    assert str(listing) == "name  tags\nyolo"
    assert listing._repr_html_().count("<tr>") == 2
    listing.append("c")
    assert (str(listing), listing._repr_html_()) == ("['a', 'c']", "<pre>[&#x27;a&#x27;, &#x27;c&#x27;]</pre>")
    listing.clear()
    assert str(listing) == "(no models)"


def test_nothing_that_another_client_wrote_is_obeyed_by_a_terminal() -> None:
    hostile = "shop\x1b[2J\nforged\u202e"
    expected = r"shop\x1b[2J\nforged\u202e"
    assert str(Listing("models", [("a", [("file_name", hostile)])])).split("\n") == ["file_name", expected]
    assert fields_as_text([("name", "shelf"), ("tags", hostile)]).split("\n") == ["name  shelf", f"tags  {expected}"]


def test_a_notebook_shows_it_as_a_table_whose_text_is_escaped() -> None:
    assert Listing("models", TWO)._repr_html_() == (
        "<table><tr><th>name</th><th>tags</th></tr><tr><td>yolo</td><td></td></tr>"
        "<tr><td>&lt;b&gt;</td><td>shop, checkout</td></tr></table>"
    )


def test_an_empty_one_says_what_is_not_there() -> None:
    empty: Listing[str] = Listing("pipelines", [])
    assert (empty, repr(empty), empty._repr_html_()) == ([], "(no pipelines)", "(no pipelines)")


@pytest.mark.parametrize(
    ("kind", "name", "ours"),
    [
        (Client, "search_models", r"list_models\(\) and models_by_name\(name\)"),
        (Client, "build_assay", "sparring.compare"),
        (Pipeline, "async_infer", r"parallel_infer\(table\)"),
        (Pipeline, "add_key_split", r"add_random_split\(weighted, hash_key\)"),
        (ModelVersion, "get_upload_logs", "upload_model returns once the model is checked and stored"),
        (Workspace, "list_models", r"models\(\)"),
    ],
)
def test_a_name_of_the_tutorials_sdk_that_is_not_here_leads_to_ours(kind: type, name: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=f"'{kind.__name__}' object has no attribute '{name}'; here it is: {ours}"):
        getattr(without_a_system(kind), name)


def test_a_framework_of_the_tutorials_sdk_that_is_not_here_leads_to_onnx() -> None:
    framework: Any = Framework
    with pytest.raises(AttributeError, match=r"Framework has no SKLEARN; expected Framework.ONNX: export the model"):
        framework.SKLEARN  # noqa: B018
    with pytest.raises(AttributeError, match=r"^type object 'Framework' has no attribute 'onnxx'$"):
        framework.onnxx  # noqa: B018
    assert [Framework.ONNX, Framework("python"), *Framework] == ["onnx", "python", "onnx", "python"]
    assert pickle.loads(pickle.dumps(Framework.ONNX)) is Framework.ONNX  # noqa: S301


@pytest.mark.parametrize("kind", [Client, Pipeline, ModelVersion, Workspace])
def test_any_other_name_is_simply_not_there(kind: type) -> None:
    made = without_a_system(kind)
    with pytest.raises(AttributeError, match=f"^'{kind.__name__}' object has no attribute 'deplyo'$") as refused:
        made.deplyo  # noqa: B018
    assert (refused.value.name, refused.value.obj) == ("deplyo", made)
    assert not hasattr(made, "_repr_png_")
    copy.copy(made)


@pytest.mark.parametrize(
    ("kind", "names"), [(Client, CLIENT), (Pipeline, PIPELINE), (ModelVersion, MODEL), (Workspace, WORKSPACE)]
)
def test_no_name_that_is_here_is_said_to_be_elsewhere(kind: type, names: dict[str, str]) -> None:
    assert [name for name in names if name in dir(kind)] == []
