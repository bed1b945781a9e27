"""What a command does that ends by itself."""
