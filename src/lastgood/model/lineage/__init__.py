"""Lineage: what was made from what, as the manifests of a pipeline's releases record it.

timeline.py   which content each component had, release by release
graph.py      contents and what they were made from, as nodes and edges; what is upstream and what is downstream
past.py      releases with where they run and how they were judged
walk.py       a graph as a tree, each part of it once
dot.py        a graph in the language of Graphviz
"""
