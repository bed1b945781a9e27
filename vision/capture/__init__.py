"""RTSP in, frames out: session, clock, pace, scaling."""
