"""How artifacts are compared: tensors by their numbers, and what lies beside them in its own terms.

    comparer       the door: `ArtifactComparer` gives each file to what can compare it
    sides          the tensors of one side, over all its files
    matching       which tensor is which: by name, else by its bytes
    reading        stretches of files, a few of which are open
    sharing        which stretches both sides share, known without reading them
    measuring      two tensors, streaming; `sums` adds up, `numbers` reads the items
    tensors        all of them together: what became of each, and of each layer
    layers         which layer a tensor is of, by its name
    headers        what the headers of GGUF and safetensors say beside tensors
    vocabularies   tokenizers: tokens, merges, special tokens
    adapters       LoRA: rank, alpha, targets
    changes        the details
    phrases        what is said of tensors, one sentence each

Rules: what is known to be the same is never read; no tensor is ever in memory whole; nothing is unpickled or run. A file
that is not what it should be is compared by its digest, and a note says why. How everything is measured and named is told
in docs/diff-artifacts.md.
"""
