"""What other systems know of the past, read without trusting it: what comes out are proposals, and a person decides."""
