"""What tests share and third parties may use: conformance suites, and simple things that keep the same promises.

`store` holds the suite that every storage backend passes, `durability` the one of those that keep bytes in a folder and owe
something to a power cut, `faults` a backend that goes wrong where it is told to, `disk` a disk that forgets at a power cut
what a disk may forget, `recording` what feeds it; `index` is an index in memory.
"""
