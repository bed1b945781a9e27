"""The newest-frame slot between capture and inference."""
