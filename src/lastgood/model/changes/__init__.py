"""What an event can say has happened: one small class a kind of change, in one module a subject.

Each has a `type`, the name under which it stands in the ledger, and `read`, which makes it of the fields of an event's
body and checks them. `model.event` wraps one of them up with who, when and as part of what.
"""
