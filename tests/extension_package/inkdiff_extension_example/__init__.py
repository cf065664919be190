"""One part of each kind for inkdiff, as somebody else would write them; each file stands by itself.

| module | what is in it |
|---|---|
| `warming_bowl` | a process: a harmonic bowl whose temperature rises |
| `stochastic_heun` | a sampler: algorithm 2 of Karras et al. (2022) |
| `disc` | a domain: a round glass, and its slowest mode |
| `disc_score` | an exact score in it: ink that is a little denser on one side |
| `square_score` | an exact score in free space: data uniform in a square |
| `square` | a data set: points uniform in a square |
| `warming_drop` | a simulation: the width of a drop in the warming bowl |
"""
