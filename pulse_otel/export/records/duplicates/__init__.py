"""One call, one record.

Two cases would send a call twice, and each has its remedy:

- The same *span object* passes two exporters of one project: `same_span` lets one of them send it.
- Two instrumentations recorded the same *call* as two spans: `same_call` decides whether two
  records are of one call, `deduplicator` holds the first back until the second can have come,
  `index` finds it, `merging` makes one of the two.
  Tools have their own: `same_tool`, and `tools`, which `deduplicator` hands them to.
"""
