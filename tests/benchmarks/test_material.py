from pathlib import Path

from benchmarks.material import Material


def test_every_process_of_a_benchmark_reads_the_same_material(tmp_path: Path) -> None:
    model = tmp_path / "any.onnx"
    model.write_bytes(b"a model")
    material = Material("any", model, {"width": 640, "mean": [0.5, 0.5, 0.5]}, (b"first", b"second"), "two frames")

    read = Material.read(material.write(tmp_path / "written"))

    assert (read.model, read.image, read.frames, read.said) == ("any", material.image, material.frames, "two frames")
    assert read.model_file.read_bytes() == b"a model"
