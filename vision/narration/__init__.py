"""Events in a sentence or two: by language models in a chain, or by template."""
