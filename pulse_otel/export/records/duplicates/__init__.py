"""One call, one record.

Two things can make a call appear twice, and each has its remedy:

- The same *span object* passes two exporters of one project: `claims`.
- The same *call* was recorded as two spans, by two instrumentations: `same_call` says whether two
  records are of one call, `twins` holds the first back until the second can have come.
"""
