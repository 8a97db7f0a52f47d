"""What a newcomer reads and runs: frames, a step, and the demo. No service imports anything from here."""
