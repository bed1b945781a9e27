"""Events and states to systems that do not read Redis; knows no Redis."""
