"""Leakage: rows of evaluation data that stand in training data as well, word for word or nearly so.

    texts      a text as its words, so that case, punctuation and the form of Unicode do not matter
    columns    which columns of two tables are the text that is compared
    shingles   the runs of three words of the evaluation data, and which training rows have them
    likeness   whether two texts are nearly the same, or only made after one template
    overlap    `find_overlap`: every row that leaked, and where to
    details    what is said of it

The rules, in words, with the numbers that stand in `likeness` and `shingles`:

- A row leaked *word for word* where its words are those of a training row in the same order: whatever their case, the
  punctuation between them, and their form of Unicode (NFKC). Nothing is sampled, so every such row is found.
- A row leaked *nearly* where three things hold. The two texts share at least 7 in 10 of their words and pairs of words
  (Jaccard), and 8 in 10 of the words of the shorter one stand in the other. Their numbers agree: two orders that differ in their
  number are two orders. And they were not made after one template and filled in differently: where at least four other rows are
  built like them, a word that fewer than 3 in 4 of those have is a row's own, and rows that each have a word of their own where
  the other has another are two rows. So a template that a hundred rows share is no leak, and a row that was copied from one of
  them with a word more is.
- Texts of fewer than six words are compared word for word only, and so are tables without a column of texts, row by row.
- What is looked for are whole rows: an evaluation text quoted within a much longer training text is not found.

Candidates are not guessed by hashing: each training row that shares two runs of three words with an evaluation row is one, if
no more than `MOST_POSTINGS` training texts have those runs; of runs that more have, the first so many count. Memory holds the
evaluation data and what of the training data resembles it; the training data streams by once, and a second time, to fetch the
candidates, where there are any.
"""
