"""What lastgood is measured by: `make bench`.

__main__     the command line: what is measured, beside whom, where the results go
setup        the environment of the bench, and the programs it is measured beside
data         the bytes (made once, in that environment)
peers        lastgood and every program that a user would pick instead, behind one small protocol
clock        whole processes: seconds with sync, peak memory
tree         the bytes of a folder, and how a version is laid into a workspace
race         one series through all peers, interleaved, so that a machine that slows down slows all of them
depth        restoring the last of 50 checkpoints beside the first
memory       the most memory that a commit and a checkout of 10 GB take
budgets      what a person waits for: start-up, small files, going back, a real model's folder
results      the numbers, as they are written into results.json
targets      what the numbers have to be
report       results.md, and what is printed
plot         plot.svg
machine      the facts about the machine that the numbers depend on
"""
