"""The registry (F5): the verbs, one module each, behind one small protocol per group."""
