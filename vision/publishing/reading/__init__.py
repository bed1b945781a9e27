"""The reading side: the reference subscriber, and a follower that remembers its place."""
