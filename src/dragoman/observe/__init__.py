"""What the daemon tells of itself: metrics, health, logs."""
