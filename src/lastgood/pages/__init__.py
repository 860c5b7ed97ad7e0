"""What people are given to read who have no terminal: one self-contained HTML file, without scripts, that prints well.

    page          the frame: title, style, escaping, and writing it where no other file is lost
    comparison    what changed between two releases

Rules: a page asks for nothing from anywhere and runs nothing, and its own policy forbids both; every text that came from a
file or a person is escaped, and what cannot be seen in it is shown as an escape; the same input gives the same bytes.
"""
