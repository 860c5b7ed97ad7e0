"""What tests share and third parties may use: conformance suites, and simple things that keep the same promises.

`store` holds the suite that every storage backend passes; `index` an index in memory.
"""
