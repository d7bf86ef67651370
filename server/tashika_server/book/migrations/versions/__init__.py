"""One module a step, named after its revision; none is altered once released."""
