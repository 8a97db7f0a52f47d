"""Some random pictures and image settings, see `tests.fuzz.pictures`."""

from tests.fuzz.pictures import PICTURES_PER_MODEL, fuzz_pictures

_MODELS = 250


def test_each_picture_is_the_tensor_that_its_input_and_settings_say_or_is_refused(seed: int) -> None:
    report = fuzz_pictures(seed, _MODELS)
    assert report.requests.total() == _MODELS * PICTURES_PER_MODEL
    assert not report.wrong, "\n\n".join(report.wrong[:5])
    assert report.requests["a picture: ok, due"] > 100
    assert report.requests["a picture: error"] > 100
