"""What runs in the process of one camera, and what is said over its pipe."""
