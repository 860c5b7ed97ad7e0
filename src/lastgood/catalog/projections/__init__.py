"""What facts follow from which event, in one module a subject; `catalog.facts` brings them together."""
