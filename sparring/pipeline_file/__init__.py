"""A PIPELINE FILE: read, checked, and compared with the catalog. Its format is docs/pipeline-file.md.

In the order in which `sparring pipeline apply` uses them:

    yaml      bytes -> YAML values, each a `Node` with its path in the file
    parse     nodes -> a `PipelineSpec`; errors name path, value, expected value
    spec      what a pipeline file states: models are still names
    plan      a spec and the catalog -> model versions, configurations, a pipeline version
    diff      a plan and the catalog -> the list of changes
    describe  steps, rules and configurations as text
"""
