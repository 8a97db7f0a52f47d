"""TWO MODELS BESIDE EACH OTHER: results datasets compared, answer by answer and in total.

    comparing    the journey: buckets, then bucket by bucket join, compare, add up
    options      what a comparison is given, checked
    side         one dataset, read as it streams by; `scanning`: its files, `footers`: how large they are
    buckets      its rows, laid into files by their subject
    joined       one answer of each subject and row, and its partner
    detections   their boxes; `inputs`: what brings both sides' into one space; `boxes`, `matching`: which is which
    outputs      other outputs than boxes; `lists`: one output of many answers; `portions`: of how many at once;
                 `numbers`: comparisons of whole numbers without rounding
    pairs        what changed in each pair; `writing`: the dataset of pairs
    totals       what all are together; `side_totals`, `output_totals`, `spread`
    changed      the pairs that changed most, with their boxes
    outcome      what was found; `comparison`: it as a caller is given it
    telling      it as text; `page`, `overlay`, `style`: it as a page
    pictures     what the answers came from; `whereabouts`: where that lies; `opening`, `cells`: how it is read

The room is not called `compare`: that is the function, `sparring.compare`.
"""
