"""A PIPELINE FILE: read, checked, and compared with the catalog.

describe  Steps, rules and configurations in words: for lists, and for one line per difference. Pure
diff      What must be done so that the system is as the file wants it. Pure
parse     Reads a pipeline file: the format of docs/pipeline-file.md, and nothing else
plan      What a file wants as the system would have it: model versions with their configurations, a pipeline versio
spec      What a pipeline file says, checked as far as the file alone can tell. Models are still names
yaml      A value of the file with the place where it stands: `steps[1].random_split.weights[0].weight`. Pure
"""
