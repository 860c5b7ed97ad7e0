"""The model (F1): what lastgood's words are, and every decision that needs no I/O."""
