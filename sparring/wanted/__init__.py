"""WHAT A PIPELINE FILE WANTS, and what is missing for it: behind `sparring pipeline apply`.

    file.py        the YAML text -> `Wanted`, every error with its place in the file
    upload.py      a model's file -> the version that is there, or the one that uploading it would make
    planned.py     names -> model versions, steps and rules as a pipeline version
    difference.py  that version and the catalog -> what is to be done, one line each

Nothing here writes: doing it is `sparring.cli.pipelines.apply`. docs/pipeline-file.md has the format.
"""
