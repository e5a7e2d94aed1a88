"""What the timer starts."""

print("reported")
