"""A PIPELINE FILE of `sparring pipeline apply`: read, compared with the catalog, planned.

yaml      YAML text -> values with their paths
spec      what a file declares: frozen dataclasses
parse     values -> `spec`
plan      `spec` + catalog -> model versions and a pipeline version
diff      what applying would change
describe  steps and configurations in words
"""
