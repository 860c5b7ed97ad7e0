"""What other programs are told of what happened here: hooks, after the fact.

A hook never undoes a move and never fails one: the move is durable before the first hook is called, and what became of a
hook is recorded as an event of its own. A process that is killed in between has told nobody; the record shows that by
having no line for the hook. Who repeats a move with its operation id tells its hooks again, under the same ids.
"""
