r"""Files of what was learned, and checkpoints of trainings: whole at every moment, and nothing in them can run.

    load(save(score)) = score,       resume(checkpoint after k steps) = the training that never stopped,     bit for bit

A file holds plain data as JSON (process, settings and shapes by their registered names) and float32 arrays, under one
checksum. Loading looks names up among what is registered and imports nothing.

    file_format.py          reading and writing, versions, checksum
    loading.py              `load`, and checkpoints
    score_contents.py       the parts of a learned score as plain data and arrays
    training_state.py       all that the next step of a training depends on
    training_cache.py       `fit_cached`: trained once, kept under what made it

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

__all__: list[str] = []
